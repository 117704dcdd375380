"""A signing key that one account holds and named roles of other accounts use."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from constructs import Construct
from weighbridge.errors import InputError
from weighbridge_cdk.signing_keys import signing_key


class SharedKey(Construct):
    """An asymmetric KMS key (ECC_NIST_P256) under an alias. `signers` alone may sign with it, whatever IAM says elsewhere.

    The key policy names roles as values of `aws:PrincipalArn`, with their accounts as principals: KMS refuses principals that
    do not exist, and a role may be created after the key. Its own account's IAM has to let the role sign, too.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        alias: str,
        description: str,
        signers: Sequence[str],
        reader_accounts: Sequence[str] = (),
    ) -> None:
        """Create the key.

        Args:
            alias: `alias/NAME`.
            description: what is signed with it.
            signers: ARNs of the roles that may sign.
            reader_accounts: ids of accounts whose IAM may let anybody read the public key; those of the signers are among them.

        Raises:
            InputError: when nobody could sign.
        """
        super().__init__(scope, construct_id)
        if not signers:
            raise InputError(f"SharedKey {alias}: signers: nobody could sign: give at least one role")
        accounts = sorted({_account_of(arn) for arn in signers})
        self.key = signing_key(self, description=description)
        self.alias = kms.Alias(self, "Alias", alias_name=alias, target_key=self.key)
        for statement in (
            iam.PolicyStatement(
                sid="NamedRolesSign",
                principals=[iam.AccountPrincipal(account) for account in accounts],
                actions=["kms:Sign"],
                resources=["*"],
                conditions={
                    "ArnEquals": {"aws:PrincipalArn": list(signers)},
                    "StringEquals": {"kms:MessageType": "DIGEST", "kms:SigningAlgorithm": "ECDSA_SHA_256"},
                },
            ),
            iam.PolicyStatement(
                sid="NobodyElseSigns",
                effect=iam.Effect.DENY,
                principals=[iam.AnyPrincipal()],
                actions=["kms:Sign"],
                resources=["*"],
                conditions={"ArnNotEquals": {"aws:PrincipalArn": list(signers)}},
            ),
            iam.PolicyStatement(
                sid="PublicKeyIsRead",
                principals=[iam.AccountPrincipal(each) for each in sorted({*accounts, *reader_accounts})],
                actions=["kms:DescribeKey", "kms:GetPublicKey"],
                resources=["*"],
            ),
        ):
            self.key.add_to_resource_policy(statement)


def _account_of(arn: str) -> str:
    parts = arn.split(":")
    if len(parts) < 6 or "*" in arn:
        raise InputError(f"SharedKey: signers: {arn!r} is not a role's ARN: give arn:aws:iam::ACCOUNT:role/NAME")
    return parts[4]
