"""The regional cache of releases: a bucket that containers pull from before they ask the registry."""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from constructs import Construct
from weighbridge.errors import InputError
from weighbridge_cdk.acknowledgements import acknowledge
from weighbridge_cdk.promoted_model import PromotedModel

# Expiry counts whole days, so that one day may mean hours.
LEAST_DAYS = 2


class ReleaseCache(Construct):
    """A bucket of digest-named objects, whose every byte is verified when it is read (docs/pull.md).

    Objects are not versioned: a name is the digest of its bytes, so that a second version would hold the same or be refused,
    and expired objects should be gone. Nobody but the roles that were let in reads or writes objects, whatever else their
    policies allow. The bucket outlives its stack and empties itself.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        days: int = 30,
        encryption_key: kms.IKey | None = None,
    ) -> None:
        """Create the cache.

        Args:
            days: after which objects expire; the next start fetches them from the registry again.
            encryption_key: key of the objects; default: a new one.

        Raises:
            InputError: for fewer than two days.
        """
        super().__init__(scope, construct_id)
        if days < LEAST_DAYS:
            raise InputError(f"days: {days} is too few: give at least {LEAST_DAYS}")
        self.encryption_key = encryption_key or kms.Key(
            self, "Key", enable_key_rotation=True, description="Encrypts cached releases"
        )
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self.encryption_key,
            bucket_key_enabled=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=False,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="everything",
                    expiration=cdk.Duration.days(days),
                    abort_incomplete_multipart_upload_after=cdk.Duration.days(1),
                ),
                s3.LifecycleRule(id="leases", prefix="leases/", expiration=cdk.Duration.days(1)),
            ],
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        acknowledge(self.bucket, "cache-access-is-the-containers-own")
        self._containers: list[str] = []
        self._nobody_else = iam.PolicyStatement(
            sid="ObjectsAreForContainersAlone",
            effect=iam.Effect.DENY,
            principals=[iam.AnyPrincipal()],
            actions=["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"],
            resources=[self.bucket.arn_for_objects("*")],
        )
        self.bucket.add_to_resource_policy(self._nobody_else)

    def container_environment(self) -> Mapping[str, str]:
        """Return what makes a container use the cache."""
        return {"WEIGHBRIDGE_CACHE_BUCKET": self.bucket.bucket_name}

    def grant_use(self, role: iam.IRole, *, model: PromotedModel, scope: Construct) -> None:
        """Let containers of `role` read and fill the cache with releases of `model`; the policy becomes a child of `scope`.

        What they may name: files by digest, the model's state in its channel, records of the channel's repository, leases.
        The role has to be in the bucket's stack, since the bucket's policy names it.
        """
        self._containers.append(role.role_arn)
        self._nobody_else.add_condition("ArnNotEquals", {"aws:PrincipalArn": list(self._containers)})
        readable = [
            "sha256/*",
            f"state/{model.channel.name}/{model.channel.root_digest.hex}/{model.model_name}.json",
            f"records/{model.connection.repositories.records}/*",
        ]
        read = [self.bucket.arn_for_objects(key) for key in readable]
        written = [*read, self.bucket.arn_for_objects("leases/*")]
        statements = [
            iam.PolicyStatement(actions=["s3:GetObject"], resources=read),
            iam.PolicyStatement(actions=["s3:PutObject"], resources=written),
            iam.PolicyStatement(actions=["s3:AbortMultipartUpload"], resources=read[:1]),
            iam.PolicyStatement(
                actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[self.encryption_key.key_arn]
            ),
        ]
        policy = iam.Policy(scope, "Cache", statements=statements, roles=[role])
        for resource in written:
            if resource.endswith("*"):
                acknowledge(policy, "cached-objects", resource=resource)
