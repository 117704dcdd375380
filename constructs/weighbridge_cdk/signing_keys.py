"""The keys that the registrar signs with: each does one job."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from constructs import Construct
from weighbridge.errors import InputError
from weighbridge_cdk.acknowledgements import acknowledge

SIGNING = ("kms:GetPublicKey", "kms:Sign")
KMS = "awskms:"
_ALIAS = re.compile(r"(arn:[^:]+:kms:[^:]*:[^:]*:)?(alias/[A-Za-z0-9/_-]+)")


@dataclass(frozen=True, slots=True)
class SignerUris:
    """Signer URIs (`awskms:KEY`, where KEY is an id, an ARN or `alias/NAME`; `file:PATH` on a local AWS).

    `statements` signs what the registrar found, `promotions` makes a release the head of its model, `snapshot` and
    `timestamp` are the channel's online keys, which may be one.

    Raises:
        InputError: when one key would do two jobs.
    """

    statements: str
    promotions: str
    snapshot: str
    timestamp: str

    def __post_init__(self) -> None:
        if len({self.statements, self.promotions}) == 1 or {self.statements, self.promotions} & {
            self.snapshot,
            self.timestamp,
        }:
            raise InputError("SignerUris: one key would do two jobs: give statements, promotions and online keys apart")


class SigningKeys(Construct):
    """Three asymmetric KMS keys (ECC_NIST_P256): statements, promotions, online. Or those that exist already.

    Keys that are created are kept when the stack goes: what they signed must stay verifiable. Others in the account get
    the right to use one by their own policy; the key policy leaves that to IAM.
    """

    def __init__(self, scope: Construct, construct_id: str, *, existing: SignerUris | None = None) -> None:
        """Create the keys.

        Args:
            existing: the keys that exist; default: new ones.
        """
        super().__init__(scope, construct_id)
        self.uris = existing or self._create()

    def environment(self) -> Mapping[str, str]:
        """Return the variables that name the keys to the registrar's function."""
        return {
            "WEIGHBRIDGE_REGISTRAR_KEY": self.uris.statements,
            "WEIGHBRIDGE_PROMOTER_KEY": self.uris.promotions,
            "WEIGHBRIDGE_SNAPSHOT_KEY": self.uris.snapshot,
            "WEIGHBRIDGE_TIMESTAMP_KEY": self.uris.timestamp,
        }

    def grant_sign(self, role: iam.IRole) -> None:
        """Let `role` sign with each of the keys."""
        uris = (self.uris.statements, self.uris.promotions, self.uris.snapshot, self.uris.timestamp)
        grant_signing(self, "Signing", uris=uris, role=role)

    def _create(self) -> SignerUris:
        statements, promotions, online = (
            f"{KMS}{signing_key(self, name, description=what).key_arn}"
            for name, what in (
                ("Statements", "Signs what the registrar found out about a release"),
                ("Promotions", "Publishes registered releases in the first channel"),
                ("Online", "Signs snapshot and timestamp of the first channel"),
            )
        )
        return SignerUris(statements=statements, promotions=promotions, snapshot=online, timestamp=online)


def signing_key(scope: Construct, construct_id: str = "Key", *, description: str) -> kms.Key:
    """Create a key that signs with ECDSA on P-256, and outlives its stack."""
    return kms.Key(
        scope,
        construct_id,
        key_spec=kms.KeySpec.ECC_NIST_P256,
        key_usage=kms.KeyUsage.SIGN_VERIFY,
        description=description,
        removal_policy=cdk.RemovalPolicy.RETAIN,
    )


def grant_signing(scope: Construct, construct_id: str, *, uris: Iterable[str], role: iam.IRole) -> None:
    """Let `role` sign with the KMS keys among `uris`, by a policy `construct_id` of `scope`; key files need no right."""
    _grant(scope, construct_id, uris=uris, role=role, actions=SIGNING)


def grant_verifying(scope: Construct, construct_id: str, *, uris: Iterable[str], role: iam.IRole) -> None:
    """Let `role` read the public halves of the KMS keys among `uris`, and sign with none of them."""
    _grant(scope, construct_id, uris=uris, role=role, actions=("kms:GetPublicKey",))


def grant_describing(scope: Construct, construct_id: str, *, uris: Iterable[str], role: iam.IRole) -> None:
    """Let `role` read which keys the KMS keys among `uris` are, and sign with none of them."""
    _grant(scope, construct_id, uris=uris, role=role, actions=("kms:DescribeKey",))


def _grant(
    scope: Construct, construct_id: str, *, uris: Iterable[str], role: iam.IRole, actions: tuple[str, ...]
) -> None:
    names = [uri.removeprefix(KMS) for uri in dict.fromkeys(uris) if uri.startswith(KMS)]
    aliases: dict[str, list[str]] = {}
    for match in filter(None, map(_ALIAS.fullmatch, names)):
        # An alias ARN may be another account's; which key it means is not known before it is used.
        place = f"{match[1]}key/*" if match[1] else _key_arn(scope, "*")
        aliases.setdefault(place, []).append(match[2])
    keys = [_key_arn(scope, name) for name in names if not _ALIAS.fullmatch(name)]
    statements = []
    if keys:
        statements.append(iam.PolicyStatement(actions=list(actions), resources=keys))
    for place, found in aliases.items():
        statements.append(
            iam.PolicyStatement(
                actions=list(actions),
                resources=[place],
                conditions={"StringEquals": {"kms:RequestAlias": found}},
            )
        )
    if statements:
        policy = iam.Policy(scope, construct_id, statements=statements, roles=[role])
        for place in aliases:
            acknowledge(policy, "keys-by-alias", resource=place)


def _key_arn(scope: Construct, name: str) -> str:
    if cdk.Token.is_unresolved(name) or name.startswith("arn:"):
        return name
    return cdk.Stack.of(scope).format_arn(service="kms", resource="key", resource_name=name)
