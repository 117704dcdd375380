"""The body of CreateTrainingJob: what the platform decides once, and what each run adds.

Field names and limits: SageMaker API reference, CreateTrainingJob. Nothing here looks anything up or reads a clock, so that
a template holds the same request as a script would send.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from weighbridge.canonical import Json, JsonObject
from weighbridge.errors import InputError
from weighbridge.jobs.compute import Compute
from weighbridge.jobs.tags import COMMIT_TAG, MODEL_TAG, OWNER_TAG, VERSION_TAG
from weighbridge.names import check_name, check_revision

RULE = "input.training-request"
INPUT = "input/"
OUTPUT = "output/"
CHECKPOINTS = "checkpoints/"
# Where SageMaker copies checkpoints from and to; what an image writes elsewhere is lost with a spot instance.
CHECKPOINT_FOLDER = "/opt/ml/checkpoints"
ENVIRONMENT_ENTRIES = 100
ENVIRONMENT_LENGTH = 512
# libfabric's variables (SageMaker developer guide, "Run Training with EFA").
EFA_ENVIRONMENT = {"FI_PROVIDER": "efa", "FI_EFA_USE_DEVICE_RDMA": "1", "RDMAV_FORK_SAFE": "1"}
_BY_DIGEST = re.compile(r"[^@\s]+@sha256:[0-9a-f]{64}")
_JOB = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
_CHANNEL = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPlatform:
    """What the platform decides for every job: whose role, which network, which keys, where data lie.

    `bucket` is the name of the bucket with `input/`, `output/` and `checkpoints/`; `key` encrypts what jobs write there
    and, where the instance type takes one, their volumes. `environment` holds ids, never secrets. With
    `image_credentials`, the ARN of a function, images are pulled from a Docker repository through the VPC.
    """

    role: str
    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]
    bucket: str
    key: str
    environment: Mapping[str, str]
    image_credentials: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRun:
    """What one run adds. `channels` are S3 URIs by channel name, `hyperparameters` texts, as the API takes them.

    Raises:
        InputError: rule `input.training-request` or `input.name`, naming the field.
    """

    job: str
    model: str
    version: str
    channels: Mapping[str, str] = field(default_factory=dict)
    hyperparameters: Mapping[str, str] = field(default_factory=dict)
    commit: str | None = None
    owner: str | None = None

    def __post_init__(self) -> None:
        if not _JOB.fullmatch(self.job):
            raise _refused("job", f"{self.job!r} is no name of a training job", "give letters, digits and inner '-', at most 63")  # fmt: skip
        check_name(self.model, field="model")
        check_name(self.version, field="version")
        for name, uri in self.channels.items():
            if not _CHANNEL.fullmatch(name) or not uri.startswith("s3://"):
                raise _refused(f"channel {name}", f"{uri!r} is not below s3://", "give NAME=s3://BUCKET/PREFIX/")
        if self.commit is not None:
            check_revision(self.commit, field="commit")

    def tags(self) -> dict[str, str]:
        """Return the tags by which the registrar knows what the job trained."""
        found = {MODEL_TAG: self.model, VERSION_TAG: self.version}
        if self.commit is not None:
            found[COMMIT_TAG] = self.commit
        if self.owner is not None:
            found[OWNER_TAG] = self.owner
        return found


def job_name(*, model: str, version: str, suffix: str) -> str:
    """Return MODEL-VERSION-SUFFIX in the API's alphabet, at most 63 characters; `suffix` makes it unique."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", f"{model}-{version}").strip("-")
    return f"{plain[: 62 - len(suffix)].rstrip('-')}-{suffix}"


def create_training_job(*, platform: TrainingPlatform, compute: Compute, image: str, run: TrainingRun) -> JsonObject:
    """Return the arguments of boto3's `create_training_job`.

    Args:
        image: `HOST/PATH@sha256:HEX`.

    Raises:
        InputError: rule `input.training-request`, when a limit of the API is exceeded or the image has a tag.
    """
    return {
        "TrainingJobName": run.job,
        **governed_request(platform=platform, compute=compute, image=image),
        "HyperParameters": {**distribution_parameters(compute), **run.hyperparameters},
        "InputDataConfig": input_data(run.channels),
        "Tags": [{"Key": key, "Value": value} for key, value in run.tags().items()],
        **checkpoint_config(compute, uri=f"s3://{platform.bucket}/{CHECKPOINTS}{run.job}/"),
    }


def governed_request(*, platform: TrainingPlatform, compute: Compute, image: str) -> JsonObject:
    """Return the part of the request that no run may change."""
    environment = {**platform.environment, **(EFA_ENVIRONMENT if compute.efa else {})}
    _check_environment(environment)
    _check_image(image)
    request: JsonObject = {
        "RoleArn": platform.role,
        "AlgorithmSpecification": {
            "TrainingImage": image,
            "TrainingInputMode": "File",
            **_image_config(platform.image_credentials),
        },
        "OutputDataConfig": {"S3OutputPath": f"s3://{platform.bucket}/{OUTPUT}", "KmsKeyId": platform.key},
        "ResourceConfig": _resources(compute, key=platform.key),
        "StoppingCondition": _stopping(compute),
        "Environment": dict(sorted(environment.items())),
        "VpcConfig": {"Subnets": [*platform.subnets], "SecurityGroupIds": [*platform.security_groups]},
        "EnableInterContainerTrafficEncryption": True,
        # Isolation would cut the job off from Secrets Manager and Artifactory; the VPC holds egress instead.
        "EnableNetworkIsolation": False,
        "EnableManagedSpotTraining": compute.spot,
    }
    return request


def distribution_parameters(compute: Compute) -> dict[str, str]:
    """Return the hyperparameters by which the sagemaker-training toolkit of AWS's images starts a job's processes.

    https://github.com/aws/sagemaker-training-toolkit (params.py); values are JSON in a text.
    """
    match compute.distribution:
        case "torchrun":
            return {
                "sagemaker_torch_distributed_enabled": "true",
                "sagemaker_instance_type": json.dumps(compute.instance_type),
            }
        case "mpi":
            return {
                "sagemaker_mpi_enabled": "true",
                "sagemaker_mpi_num_of_processes_per_host": str(compute.processes_per_host),
            }
        case None:
            return {}


def input_data(channels: Mapping[str, str]) -> list[Json]:
    """Return InputDataConfig: each channel is everything below its S3 URI, copied to every instance."""
    return [
        {
            "ChannelName": name,
            "DataSource": {
                "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
            },
        }
        for name, uri in sorted(channels.items())
    ]


def checkpoint_config(compute: Compute, *, uri: str) -> JsonObject:
    """Return CheckpointConfig, or nothing when the job writes none."""
    return {"CheckpointConfig": {"S3Uri": uri, "LocalPath": CHECKPOINT_FOLDER}} if compute.checkpoints else {}


def _resources(compute: Compute, *, key: str) -> JsonObject:
    resources: JsonObject = {"InstanceType": compute.instance_type, "InstanceCount": compute.instance_count}
    if compute.volume_size_gb is not None:
        resources |= {"VolumeSizeInGB": compute.volume_size_gb, "VolumeKmsKeyId": key}
    if compute.keep_alive_seconds:
        resources["KeepAlivePeriodInSeconds"] = compute.keep_alive_seconds
    return resources


def _stopping(compute: Compute) -> JsonObject:
    condition: JsonObject = {"MaxRuntimeInSeconds": compute.max_runtime_seconds}
    if compute.wait_limit_seconds is not None:
        condition["MaxWaitTimeInSeconds"] = compute.wait_limit_seconds
    return condition


def _image_config(credentials: str | None) -> JsonObject:
    if credentials is None:
        return {}
    return {
        "TrainingImageConfig": {
            "TrainingRepositoryAccessMode": "Vpc",
            "TrainingRepositoryAuthConfig": {"TrainingRepositoryCredentialsProviderArn": credentials},
        }
    }


def _check_environment(environment: Mapping[str, str]) -> None:
    if len(environment) > ENVIRONMENT_ENTRIES:
        raise _refused("environment", f"{len(environment)} variables", f"SageMaker takes {ENVIRONMENT_ENTRIES}")
    for name, value in environment.items():
        if len(value) > ENVIRONMENT_LENGTH:
            raise _refused(f"environment {name}", f"{len(value)} characters", f"SageMaker takes {ENVIRONMENT_LENGTH}")


def _check_image(image: str) -> None:
    if not _BY_DIGEST.fullmatch(image):
        raise _refused("image", f"{image!r} is not named by its digest", "give HOST/PATH@sha256:...")


def _refused(field: str, problem: str, fix: str) -> InputError:
    return InputError(f"training {field}: {problem}: {fix}", rule=RULE)
