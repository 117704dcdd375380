"""AWS clients, made when a command needs one; what boto3 says before any call becomes one line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from weighbridge.errors import CloudError

if TYPE_CHECKING:
    from botocore.config import Config
    from botocore.credentials import Credentials, ReadOnlyCredentials
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_ssm import SSMClient

    from weighbridge.audit.cloudtrail import Trail
    from weighbridge.jobs.start import StatesClient
    from weighbridge.registry.credentials import SecretsClient
    from weighbridge.registry.origins import AwsSession


@dataclass(frozen=True, slots=True)
class Aws:
    """Clients in one region; None leaves it to the AWS configuration. Credentials are boto3's usual ones."""

    region: str | None

    def kms(self) -> KMSClient:
        """Signing keys."""
        import boto3

        with _Spoken("kms"):
            client: KMSClient = boto3.client("kms", region_name=self.region)
            return client

    def key_arn(self, uri: str) -> str:
        """The ARN of a key in KMS by its signer URI, whatever name the URI gives it."""
        with _Spoken("kms"):
            found = self.kms().describe_key(KeyId=uri.removeprefix("awskms:"))
            return found["KeyMetadata"]["Arn"]

    def cloudtrail(self) -> Trail:
        """What AWS counted."""
        import boto3

        with _Spoken("cloudtrail"):
            client: Trail = boto3.client("cloudtrail", region_name=self.region)
            return client

    def dynamodb(self) -> DynamoDBClient:
        """The sequence ledger."""
        import boto3

        with _Spoken("dynamodb"):
            client: DynamoDBClient = boto3.client("dynamodb", region_name=self.region)
            return client

    def functions(self) -> LambdaClient:
        """The function that approves."""
        import boto3

        with _Spoken("lambda"):
            client: LambdaClient = boto3.client("lambda", region_name=self.region)
            return client

    def frozen_credentials(self) -> ReadOnlyCredentials:
        """The caller's own credentials, to sign with.

        Raises:
            CloudError: when there are none.
        """
        import boto3

        with _Spoken("sts"):
            found = boto3.Session(region_name=self.region).get_credentials()
        if found is None:
            raise CloudError("AWS: no credentials: sign in, or export a profile")
        return found.get_frozen_credentials()

    def events(self) -> EventBridgeClient:
        """The bus before the ledger of events."""
        import boto3

        with _Spoken("events"):
            client: EventBridgeClient = boto3.client("events", region_name=self.region)
            return client

    def s3(self) -> S3Client:
        """Seals."""
        import boto3

        with _Spoken("s3"):
            client: S3Client = boto3.client("s3", region_name=self.region)
            return client

    def secrets(self) -> SecretsClient:
        """The registry token."""
        return self.session().client("secretsmanager", region_name=None, config=None)

    def session(self) -> AwsSession:
        """Whoever this command runs as."""
        return _Session(region=self.region)

    def sagemaker(self) -> SageMakerClient:
        """Training jobs."""
        import boto3

        with _Spoken("sagemaker"):
            client: SageMakerClient = boto3.client("sagemaker", region_name=self.region)
            return client

    def cloudformation(self) -> CloudFormationClient:
        """Outputs of stacks."""
        import boto3

        with _Spoken("cloudformation"):
            client: CloudFormationClient = boto3.client("cloudformation", region_name=self.region)
            return client

    def ssm(self) -> SSMClient:
        """Release ids."""
        import boto3

        with _Spoken("ssm"):
            client: SSMClient = boto3.client("ssm", region_name=self.region)
            return client

    def states(self) -> StatesClient:
        """State machines."""
        import boto3

        with _Spoken("stepfunctions"):
            client: StatesClient = boto3.client("stepfunctions", region_name=self.region)
            return client

    def account(self) -> str:
        """The account id of the credentials.

        Raises:
            CloudError: when STS refuses or there are no credentials.
        """
        import boto3

        with _Spoken("sts"):
            return str(boto3.client("sts", region_name=self.region).get_caller_identity()["Account"])


@dataclass(frozen=True, slots=True)
class _Session:
    region: str | None

    def client(self, service_name: str, *, region_name: str | None, config: Config | None) -> SecretsClient:
        import boto3

        with _Spoken(service_name):
            session = boto3.Session(region_name=region_name or self.region)
            client: SecretsClient = session.client("secretsmanager", config=config)
            return client

    def get_credentials(self) -> Credentials | None:
        import boto3

        with _Spoken("credentials"):
            return boto3.Session(region_name=self.region).get_credentials()


@dataclass(frozen=True, slots=True)
class _Spoken:
    service: str

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> Literal[False]:
        from botocore.exceptions import BotoCoreError, ClientError

        if isinstance(error, BotoCoreError | ClientError):
            raise CloudError(f"AWS ({self.service}): {error}: check region and credentials") from error
        return False
