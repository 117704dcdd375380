"""The table of training jobs: CreateTrainingJob and its kin."""

from __future__ import annotations

import threading

from local.sagemaker.errors import AwsError
from local.sagemaker.host import Host
from local.sagemaker.shapes import JsonObject, Request, check_fields, flag, mapping, name, required, text, texts, whole
from local.sagemaker.training import ENVIRONMENT_ENTRIES, ENVIRONMENT_LENGTH, Outside, TrainingJob
from local.sagemaker.training_folder import channels, checkpoints, hyperparameters

# ProfilerConfig, DebugHookConfig: what the SageMaker SDK sends by itself and what changes nothing about the result.
_CREATE = frozenset({
    "TrainingJobName", "HyperParameters", "AlgorithmSpecification", "RoleArn", "InputDataConfig", "OutputDataConfig",
    "ResourceConfig", "StoppingCondition", "Environment", "VpcConfig", "Tags", "EnableNetworkIsolation",
    "EnableInterContainerTrafficEncryption", "EnableManagedSpotTraining", "CheckpointConfig", "ProfilerConfig",
    "DebugHookConfig",
})  # fmt: skip
# Entry point and arguments of a container are the SDK's, for a script that it brings; the image's own one runs here instead.
_ALGORITHM = frozenset({
    "TrainingImage", "TrainingInputMode", "MetricDefinitions", "EnableSageMakerMetricsTimeSeries", "ContainerEntrypoint",
    "ContainerArguments",
})  # fmt: skip
_SUMMARY = (
    "TrainingJobName", "TrainingJobArn", "CreationTime", "TrainingEndTime", "LastModifiedTime", "TrainingJobStatus",
)  # fmt: skip


class TrainingJobs:
    """Names are unique for ever: jobs cannot be deleted."""

    def __init__(self, *, host: Host, outside: Outside) -> None:
        self._host = host
        self._outside = outside
        self._lock = threading.Lock()
        self._jobs: dict[str, TrainingJob] = {}

    def create(self, request: Request) -> JsonObject:
        """CreateTrainingJob: the job is InProgress.

        Raises:
            AwsError: ResourceInUse for a name that is taken, ValidationException for all else.
        """
        check_fields(request, known=_CREATE, where="CreateTrainingJob")
        job_name = name(request, "TrainingJobName")
        algorithm = mapping(request, "AlgorithmSpecification")
        check_fields(algorithm, known=_ALGORITHM, where="AlgorithmSpecification")
        image = self._host.images.find(text(algorithm, "TrainingImage"))
        _check(request)
        with self._lock:
            if job_name in self._jobs:
                raise AwsError.in_use(
                    "Training job names must be unique within an AWS account and region, and a training job with this "
                    f"name already exists ({self._jobs[job_name].arn})"
                )
            job = TrainingJob(host=self._host, image=image, request=request, outside=self._outside)
            self._jobs[job_name] = job
        return {"TrainingJobArn": job.arn}

    def describe(self, request: Request) -> JsonObject:
        """DescribeTrainingJob."""
        return self.get(text(request, "TrainingJobName")).describe()

    def stop(self, request: Request) -> JsonObject:
        """StopTrainingJob."""
        self.get(text(request, "TrainingJobName")).stop()
        return {}

    def get(self, job_name: str) -> TrainingJob:
        """Return a job.

        Raises:
            AwsError: when there is none; SageMaker says so with ValidationException.
        """
        with self._lock:
            job = self._jobs.get(job_name)
        if job is None:
            raise AwsError.validation("Requested resource not found.")
        return job

    def list(self, request: Request) -> JsonObject:
        """ListTrainingJobs, the newest first, on one page; StatusEquals and NameContains are honoured."""
        with self._lock:
            described = [job.describe() for job in reversed(self._jobs.values())]
        found = [{field: job[field] for field in _SUMMARY if field in job} for job in described]
        status, part = request.get("StatusEquals"), str(request.get("NameContains", ""))
        return {
            "TrainingJobSummaries": [
                job
                for job in found
                if status in (None, job["TrainingJobStatus"]) and part in str(job["TrainingJobName"])
            ]
        }

    def close(self) -> None:
        """End every job that runs."""
        with self._lock:
            jobs = tuple(self._jobs.values())
        for job in jobs:
            job.close()


def _check(request: Request) -> None:
    text(request, "RoleArn")
    hyperparameters(request)
    channels(request)
    checkpoints(request)
    texts(request, "Environment", most=ENVIRONMENT_ENTRIES, longest=ENVIRONMENT_LENGTH)
    required(request, "OutputDataConfig")
    text(mapping(request, "OutputDataConfig"), "S3OutputPath")
    required(request, "ResourceConfig")
    whole(mapping(request, "ResourceConfig"), "InstanceCount", least=1, most=1, default=1)
    if flag(request, "EnableNetworkIsolation"):
        raise AwsError.validation("EnableNetworkIsolation: a local process cannot be cut off the network")
