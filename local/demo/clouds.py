"""The demo's looks into the local AWS: clients, log lines, secrets, keys, and waiting for what comes by itself."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import boto3
from botocore.client import BaseClient
from botocore.config import Config

from local.aws.process import LocalAws
from local.demo.story import DemoError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_ssm import SSMClient

T = TypeVar("T")
POLL_SECONDS = 0.25


class Clouds:
    """Typed clients of one local AWS, each made once, when it is first asked for: making one costs more than a request."""

    def __init__(self, aws: LocalAws) -> None:
        self._aws = aws

    @cached_property
    def kms(self) -> KMSClient:
        """KMS."""
        client: KMSClient = boto3.client("kms", **self._aws.client_options())
        return client

    @cached_property
    def ssm(self) -> SSMClient:
        """Systems Manager."""
        client: SSMClient = boto3.client("ssm", **self._aws.client_options())
        return client

    @cached_property
    def s3(self) -> S3Client:
        """S3."""
        client: S3Client = boto3.client("s3", **self._aws.client_options())
        return client

    @cached_property
    def secrets(self) -> SecretsManagerClient:
        """Secrets Manager."""
        client: SecretsManagerClient = boto3.client("secretsmanager", **self._aws.client_options())
        return client

    @cached_property
    def sagemaker(self) -> SageMakerClient:
        """SageMaker."""
        client: SageMakerClient = boto3.client("sagemaker", **self._aws.client_options())
        return client

    @cached_property
    def logs(self) -> CloudWatchLogsClient:
        """CloudWatch Logs."""
        client: CloudWatchLogsClient = boto3.client("logs", **self._aws.client_options())
        return client

    @cached_property
    def dynamodb(self) -> DynamoDBClient:
        """DynamoDB."""
        client: DynamoDBClient = boto3.client("dynamodb", **self._aws.client_options())
        return client

    @cached_property
    def cloudformation(self) -> CloudFormationClient:
        """CloudFormation."""
        client: CloudFormationClient = boto3.client("cloudformation", **self._aws.client_options())
        return client

    def runtime(self) -> SageMakerRuntimeClient:
        """SageMaker's runtime; a new client for each caller's thread, which tries every request once."""
        # A session of its own: boto3's default session is not safe to make clients from in several threads.
        session = boto3.Session()
        config = Config(retries={"total_max_attempts": 1})
        client: SageMakerRuntimeClient = session.client(
            "sagemaker-runtime", config=config, **self._aws.client_options()
        )
        return client

    def signing_key(self, description: str) -> str:
        """Create an asymmetric key as an owner would, and return its signer URI."""
        made = self.kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY", Description=description)
        return f"awskms:{made['KeyMetadata']['Arn']}"

    def release_id(self, *, environment: str, model: str) -> str | None:
        """Return the value of an environment's release parameter, or None when it is not there."""
        client = self.ssm
        try:
            return client.get_parameter(Name=f"/weighbridge/{environment}/{model}/release-id")["Parameter"]["Value"]
        except client.exceptions.ParameterNotFound:
            return None

    def alarm_thresholds(self, prefix: str) -> dict[str, float]:
        """Return the thresholds of the alarms whose names begin with `prefix`, by name."""
        client: BaseClient = boto3.client("cloudwatch", **self._aws.client_options())
        pages = client.get_paginator("describe_alarms").paginate(AlarmNamePrefix=prefix)
        return {alarm["AlarmName"]: alarm["Threshold"] for page in pages for alarm in page["MetricAlarms"]}

    def resource(self, stack: str, *, kind: str, part: str) -> str:
        """Return the physical id of the one resource of type `kind` in a stack whose logical id holds `part`.

        Raises:
            DemoError: there is none, or more than one.
        """
        pages = self.cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
        found = [
            item["PhysicalResourceId"]
            for page in pages
            for item in page["StackResourceSummaries"]
            if item["ResourceType"] == kind and part in item["LogicalResourceId"]
        ]
        if len(found) != 1:
            raise DemoError(f"stack {stack} has {len(found)} resources {kind} of {part}")
        return found[0]

    def log_lines(self, group: str) -> list[str]:
        """Return every line of a log group; none when there is no such group."""
        client = self.logs
        try:
            pages = list(client.get_paginator("filter_log_events").paginate(logGroupName=group))
        except client.exceptions.ResourceNotFoundException:
            return []
        return [event["message"] for page in pages for event in page["events"]]

    def log_events(self, group: str, *, name: str) -> Iterator[dict[str, object]]:
        """Yield the JSON lines of a log group whose field `event` is `name`."""
        for line in self.log_lines(group):
            try:
                found = json.loads(line)
            except ValueError:
                continue
            if isinstance(found, dict) and found.get("event") == name:
                yield found


def wait_for(what: str, look: Callable[[], T | None], *, seconds: float) -> T:
    """Return what `look` finds, once it finds something.

    Raises:
        DemoError: it found nothing in time.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found is not None:
            return found
        time.sleep(POLL_SECONDS)
    raise DemoError(f"waited {seconds:.0f} s in vain for {what}")
