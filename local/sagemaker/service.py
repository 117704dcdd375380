"""The local SageMaker: hosting and training as processes of this machine, under the /opt/ml contract.

In-process callers use `call` with requests in AWS's own shapes (times are seconds since the epoch); boto3 reaches the
same operations through api.py. Everything is forgotten when the process ends, and its containers end with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from local.sagemaker.catalog import Catalog
from local.sagemaker.errors import AwsError
from local.sagemaker.host import Account, Host, Timing
from local.sagemaker.hosting import Hosting
from local.sagemaker.images import Image, ImageStore
from local.sagemaker.invocation import Invocation, InvocationResult
from local.sagemaker.job_state import OnTrainingState
from local.sagemaker.jobs import TrainingJobs
from local.sagemaker.logs import Logs, LogSink
from local.sagemaker.processes import Watchdog
from local.sagemaker.shapes import JsonObject, Request
from local.sagemaker.tags import Tags
from local.sagemaker.training import Outside
from local.sagemaker.training_folder import FetchS3, StoreS3

SETTLE_SECONDS = 3600.0


def no_log(_group: str, _stream: str, _message: str) -> None:
    """Take no lines: they are in the files below `folder`."""


def no_listener(_detail: JsonObject) -> None:
    """Take no events."""


def no_s3(uri: str, _path: Path) -> None:
    """Refuse: no S3 was given."""
    raise FileNotFoundError(f"{uri}: this local SageMaker was given no S3")


class LocalSageMaker:
    """Safe for use by many threads. Close it, or use it as a context manager: its containers end with it."""

    def __init__(
        self,
        *,
        folder: Path,
        images: Sequence[Image],
        environment: Mapping[str, str] | None = None,
        log: LogSink = no_log,
        fetch_s3: FetchS3 = no_s3,
        store_s3: StoreS3 = no_s3,
        on_training_state: OnTrainingState = no_listener,
        timing: Timing | None = None,
        account: Account | None = None,
    ) -> None:
        """Start with no resources.

        Args:
            folder: absolute; holds `logs/GROUP/STREAM.log`, unpacked images, and each container's /opt/ml while it runs.
            images: what can be started; see `images.project_image`.
            environment: injected into every container: AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
                AWS_DEFAULT_REGION (on AWS: the role's identity).
            log: gets every line that a container writes.
            fetch_s3: copies a channel's objects into a folder.
            store_s3: uploads a job's model.tar.gz.
            on_training_state: gets the detail of each 'SageMaker Training Job State Change'.
            timing: default: as slow as AWS is.
            account: whose ARNs these are.
        """
        self.account = account or Account()
        self.logs = Logs(folder=folder / "logs", sink=log)
        self._watchdog = Watchdog()
        store = ImageStore(folder=folder / "images", images=images)
        host = Host(
            account=self.account,
            folder=folder,
            images=store,
            logs=self.logs,
            watchdog=self._watchdog,
            timing=timing or Timing(),
            environment=dict(environment or {}),
        )
        catalog = Catalog(account=self.account, images=store)
        self._hosting = Hosting(host=host, catalog=catalog)
        outside = Outside(fetch_s3=fetch_s3, store_s3=store_s3, on_state=on_training_state)
        self._jobs = TrainingJobs(host=host, outside=outside)
        self._tags = Tags()
        scaling = self._hosting.scaling
        self._operations: dict[str, Callable[[Request], JsonObject]] = {
            "AddTags": self._tags.add,
            "CreateEndpoint": self._tags.tagging(self._hosting.create),
            "CreateEndpointConfig": self._tags.tagging(catalog.create_config),
            "CreateModel": self._tags.tagging(catalog.create_model),
            "CreateTrainingJob": self._tags.tagging(self._jobs.create),
            "DeleteEndpoint": self._hosting.delete,
            "DeleteEndpointConfig": catalog.delete_config,
            "DeleteModel": catalog.delete_model,
            "DeleteTags": self._tags.delete,
            "DeregisterScalableTarget": scaling.deregister,
            "DescribeEndpoint": self._hosting.describe,
            "DescribeEndpointConfig": catalog.describe_config,
            "DescribeModel": catalog.describe_model,
            "DescribeScalableTargets": scaling.describe,
            "DescribeScalingPolicies": scaling.describe_policies,
            "DescribeTrainingJob": self._jobs.describe,
            "ListEndpoints": self._hosting.list,
            "ListTags": self._tags.list,
            "ListTrainingJobs": self._jobs.list,
            "PutScalingPolicy": scaling.put_policy,
            "RegisterScalableTarget": scaling.register,
            "StopTrainingJob": self._jobs.stop,
            "UpdateEndpoint": self._hosting.update,
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End every container."""
        self._hosting.close()
        self._jobs.close()
        self._watchdog.close()

    def call(self, operation: str, request: Request) -> JsonObject:
        """Do one operation of the SageMaker API, as `CreateEndpoint`. Changes return at once, as on AWS.

        Raises:
            AwsError: in AWS's shapes; UnknownOperationException for what is not done here.
        """
        found = self._operations.get(operation)
        if found is None:
            raise AwsError(
                "UnknownOperationException", f"{operation or 'no operation'}: the local SageMaker does not do this"
            )
        return found(request)

    def invoke_endpoint(self, endpoint_name: str, invocation: Invocation) -> InvocationResult:
        """InvokeEndpoint: waits for the container's answer, at most 60 seconds.

        Raises:
            AwsError: ValidationError when it does not serve, ServiceUnavailable when no container is healthy,
                ModelError when the container refused, failed or did not answer.
        """
        return self._hosting.invoke(endpoint_name, invocation)

    def wait_endpoint(self, endpoint_name: str, *, seconds: float = SETTLE_SECONDS) -> str:
        """Wait until no change of an endpoint is in progress; returns its status, or `Deleted`."""
        return self._hosting.wait(endpoint_name, seconds=seconds)

    def wait_training_job(self, job_name: str, *, seconds: float = SETTLE_SECONDS) -> str:
        """Wait until a job has ended; returns its status."""
        return self._jobs.get(job_name).wait_ended(seconds)

    def restart_instance(self, endpoint_name: str, *, index: int = 0) -> None:
        """Replace one instance, as patching and host failures do at any time; wait for it with `wait_endpoint`.

        The new one starts from what the config says now. When the config or its model is deleted, none starts.
        """
        self._hosting.restart_instance(endpoint_name, index=index)

    def container_pids(self, endpoint_name: str) -> tuple[int, ...]:
        """Return the process ids of an endpoint's containers."""
        return self._hosting.get(endpoint_name).pids()
