"""A training job as AWS describes it: what the registrar takes for evidence, because the job itself could not write it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from botocore.exceptions import BotoCoreError, ClientError

from weighbridge.errors import CloudError, InputError
from weighbridge.jobs.tags import COMMIT_TAG, MODEL_TAG, OWNER_TAG, VERSION_TAG
from weighbridge.names import check_name, check_revision
from weighbridge.registration.evidence import JobEvidence

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.type_defs import DescribeTrainingJobResponseTypeDef

INCOMING_VARIABLE = "WEIGHBRIDGE_INCOMING_REPOSITORY"
RULE = "input.training-job"
_BY_DIGEST = re.compile(r"[^@\s]+@sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """Which model version a job was started for."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name}:{self.version}"


@dataclass(frozen=True, slots=True)
class DescribedJob:
    """DescribeTrainingJob and ListTags of one job (SageMaker API reference).

    `status` is TrainingJobStatus, `failure` FailureReason, `parameters` HyperParameters, `environment` Environment,
    `inputs` the S3 URI of each channel.
    """

    name: str
    arn: str
    status: str
    failure: str | None
    image: str | None
    role: str | None
    parameters: Mapping[str, str]
    environment: Mapping[str, str]
    inputs: Mapping[str, str]
    tags: Mapping[str, str]

    @classmethod
    def read(cls, *, client: SageMakerClient, name: str) -> Self:
        """Ask SageMaker: sagemaker:DescribeTrainingJob and sagemaker:ListTags.

        Raises:
            CloudError: when it refuses or does not answer.
        """
        try:
            found = client.describe_training_job(TrainingJobName=name)
            pages = client.get_paginator("list_tags").paginate(ResourceArn=found["TrainingJobArn"])
            tags = {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}
        except (BotoCoreError, ClientError) as error:
            raise CloudError(f"sagemaker:DescribeTrainingJob of {name}: {error}") from error
        return cls(
            name=found["TrainingJobName"],
            arn=found["TrainingJobArn"],
            status=found["TrainingJobStatus"],
            failure=found.get("FailureReason"),
            image=found["AlgorithmSpecification"].get("TrainingImage"),
            role=found.get("RoleArn"),
            parameters=found.get("HyperParameters", {}),
            environment=found.get("Environment", {}),
            inputs=_inputs(found),
            tags=tags,
        )

    @classmethod
    def find(cls, *, client: SageMakerClient, name: str) -> Self | None:
        """Ask SageMaker as `read` does; None when it says that there is no such job.

        Raises:
            CloudError: as `read`.
        """
        try:
            return cls.read(client=client, name=name)
        except CloudError as error:
            cause = error.__cause__
            # DescribeTrainingJob says so with ResourceNotFound in the API's model, with ValidationException in life.
            if isinstance(cause, ClientError) and "not found" in str(cause).lower():
                return None
            raise

    @property
    def owner(self) -> str | None:
        """Who is told when something goes wrong: the tag `weighbridge:owner`."""
        return self.tags.get(OWNER_TAG)

    def concerns(self, *, incoming: str) -> bool:
        """Return whether this is a job whose result belongs into the repository `incoming`.

        It is one when it was told to upload there (its variable WEIGHBRIDGE_INCOMING_REPOSITORY), or carries the tag
        `weighbridge:model`.
        """
        return self.environment.get(INCOMING_VARIABLE) == incoming or MODEL_TAG in self.tags

    def model_version(self) -> ModelVersion:
        """Return what the job was started for: the tags `weighbridge:model` and `weighbridge:version`, else the
        hyperparameters `model_name` and `model_version`.

        Raises:
            InputError: when neither says it, or says it badly.
        """
        return ModelVersion(
            name=check_name(self._named(MODEL_TAG, "model_name"), field="model name"),
            version=check_name(self._named(VERSION_TAG, "model_version"), field="model version"),
        )

    def evidence(self) -> JobEvidence:
        """Return the lineage that AWS attests.

        Raises:
            InputError: when the training image is named by a tag, which moves, or the commit is none.
        """
        if self.image is None or not _BY_DIGEST.fullmatch(self.image):
            raise InputError(
                f"training image {self.image or 'none'}: is not named by its digest: start the job with IMAGE@sha256:...",
                rule=RULE,
            )
        commit = self.tags.get(COMMIT_TAG)
        return JobEvidence(
            training_job=self.arn,
            image=self.image,
            role=self.role,
            parameters=self.parameters,
            inputs=self.inputs,
            source_commit=None if commit is None else check_revision(commit, field=f"tag {COMMIT_TAG}"),
        )

    def _named(self, tag: str, parameter: str) -> str:
        value = self.tags.get(tag) or self.parameters.get(parameter, "").strip('"')
        if not value:
            raise InputError(
                f"training job {self.name}: says neither by the tag {tag} nor by the hyperparameter {parameter} what it "
                "trained: start it with one of them",
                rule=RULE,
            )
        return value


def _inputs(found: DescribeTrainingJobResponseTypeDef) -> dict[str, str]:
    inputs = {}
    for channel in found.get("InputDataConfig", []):
        source = channel["DataSource"]
        if "S3DataSource" in source:
            inputs[channel["ChannelName"]] = source["S3DataSource"]["S3Uri"]
        elif "FileSystemDataSource" in source:
            system = source["FileSystemDataSource"]
            inputs[channel["ChannelName"]] = f"fs://{system['FileSystemId']}{system['DirectoryPath']}"
    return inputs
