"""The local SageMaker: hosting and training as processes of this machine, under the /opt/ml contract.

In-process callers use the methods below with requests in AWS's own shapes (times are seconds since the epoch); boto3
reaches the same methods through api.py. Everything is forgotten when the process ends, and so are its containers.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from local.sagemaker.catalog import Catalog
from local.sagemaker.endpoints import Endpoint
from local.sagemaker.errors import AwsError
from local.sagemaker.host import Account, Host, Timing
from local.sagemaker.images import Image, ImageStore
from local.sagemaker.invocation import Invocation, InvocationResult
from local.sagemaker.jobs import TrainingJobs
from local.sagemaker.logs import Logs, LogSink
from local.sagemaker.processes import Watchdog
from local.sagemaker.rollout import parse_rollout
from local.sagemaker.shapes import JsonObject, Request, check_fields, flag, mapping, name, objects, text
from local.sagemaker.tags import Tags
from local.sagemaker.training import OnTrainingState, Outside
from local.sagemaker.training_folder import FetchS3, StoreS3

SETTLE_SECONDS = 3600.0
_CREATE = frozenset({"EndpointName", "EndpointConfigName", "DeploymentConfig", "Tags"})
_UPDATE = frozenset({
    "EndpointName", "EndpointConfigName", "DeploymentConfig", "RetainAllVariantProperties",
    "ExcludeRetainedVariantProperties", "RetainDeploymentConfig",
})  # fmt: skip


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
        self._host = Host(
            account=self.account,
            folder=folder,
            images=store,
            logs=self.logs,
            watchdog=self._watchdog,
            timing=timing or Timing(),
            environment=dict(environment or {}),
        )
        self._lock = threading.Lock()
        self._endpoints: dict[str, Endpoint] = {}
        self._catalog = Catalog(account=self.account, images=store)
        self._tags = Tags()
        outside = Outside(fetch_s3=fetch_s3, store_s3=store_s3, on_state=on_training_state)
        self._jobs = TrainingJobs(host=self._host, outside=outside)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End every container."""
        with self._lock:
            endpoints = list(self._endpoints.values())
        for endpoint in endpoints:
            endpoint.close()
        self._jobs.close()
        self._watchdog.close()

    def create_model(self, request: Request) -> JsonObject:
        """CreateModel."""
        return self._tagged("ModelArn", self._catalog.create_model(request), request)

    def describe_model(self, request: Request) -> JsonObject:
        """DescribeModel."""
        return self._catalog.model(text(request, "ModelName"))

    def delete_model(self, request: Request) -> JsonObject:
        """DeleteModel."""
        self._catalog.delete_model(text(request, "ModelName"))
        return {}

    def create_endpoint_config(self, request: Request) -> JsonObject:
        """CreateEndpointConfig."""
        return self._tagged("EndpointConfigArn", self._catalog.create_config(request), request)

    def describe_endpoint_config(self, request: Request) -> JsonObject:
        """DescribeEndpointConfig."""
        return self._catalog.config(text(request, "EndpointConfigName"))

    def delete_endpoint_config(self, request: Request) -> JsonObject:
        """DeleteEndpointConfig; also, as on AWS, of a config that serves."""
        self._catalog.delete_config(text(request, "EndpointConfigName"))
        return {}

    def create_endpoint(self, request: Request) -> JsonObject:
        """CreateEndpoint: returns at once, the endpoint is Creating."""
        check_fields(request, known=_CREATE, where="CreateEndpoint")
        endpoint_name = name(request, "EndpointName")
        plan = self._catalog.plan(endpoint_name=endpoint_name, config=text(request, "EndpointConfigName"))
        parse_rollout(mapping(request, "DeploymentConfig"), instances=plan.variants[0].count)
        with self._lock:
            if endpoint_name in self._endpoints:
                raise AwsError.already_there(kind="endpoint", arn=self._endpoint_arn(endpoint_name))
            endpoint = Endpoint(host=self._host, name=endpoint_name, plan=plan)
            self._endpoints[endpoint_name] = endpoint
        return self._tagged("EndpointArn", endpoint.arn, request)

    def update_endpoint(self, request: Request) -> JsonObject:
        """UpdateEndpoint: returns at once, the endpoint is Updating and goes on to serve."""
        check_fields(request, known=_UPDATE, where="UpdateEndpoint")
        endpoint = self._endpoint(request)
        # An endpoint whose own config was deleted cannot be updated (hashicorp/terraform-provider-aws#48997).
        self._catalog.config(endpoint.config_name)
        plan = self._catalog.plan(
            endpoint_name=endpoint.name,
            config=text(request, "EndpointConfigName"),
            counts=_kept_counts(request, endpoint=endpoint),
        )
        deployment: Request | None = mapping(request, "DeploymentConfig") or None
        if flag(request, "RetainDeploymentConfig"):
            deployment = endpoint.deployment
        rollout = parse_rollout(deployment or {}, instances=plan.variants[0].count)
        endpoint.update(plan=plan, rollout=rollout, deployment=deployment)
        return {"EndpointArn": endpoint.arn}

    def delete_endpoint(self, request: Request) -> JsonObject:
        """DeleteEndpoint: returns at once, the endpoint is Deleting and then gone."""
        endpoint = self._endpoint(request)

        def gone() -> None:
            with self._lock:
                del self._endpoints[endpoint.name]

        endpoint.delete(gone)
        return {}

    def describe_endpoint(self, request: Request) -> JsonObject:
        """DescribeEndpoint."""
        return self._endpoint(request).describe()

    def list_endpoints(self, request: Request) -> JsonObject:
        """ListEndpoints, the newest first, on one page; StatusEquals and NameContains are honoured."""
        with self._lock:
            endpoints = list(reversed(self._endpoints.values()))
        fields = ("EndpointName", "EndpointArn", "CreationTime", "LastModifiedTime", "EndpointStatus")
        found = [{field: described[field] for field in fields} for described in (each.describe() for each in endpoints)]
        status, part = request.get("StatusEquals"), str(request.get("NameContains", ""))
        return {
            "Endpoints": [
                each for each in found if status in (None, each["EndpointStatus"]) and part in str(each["EndpointName"])
            ]
        }

    def invoke_endpoint(self, endpoint_name: str, invocation: Invocation) -> InvocationResult:
        """InvokeEndpoint: waits for the container's answer, at most 60 seconds.

        Raises:
            AwsError: ValidationError, ModelError or ServiceUnavailable.
        """
        with self._lock:
            endpoint = self._endpoints.get(endpoint_name)
        if endpoint is None:
            raise AwsError.no_endpoint_to_invoke(name=endpoint_name, account=self.account.account_id)
        return endpoint.invoke(invocation)

    def wait_endpoint(self, endpoint_name: str, *, seconds: float = SETTLE_SECONDS) -> str:
        """Wait until no change of an endpoint is in progress; returns its status, or `Deleted`."""
        with self._lock:
            endpoint = self._endpoints.get(endpoint_name)
        return "Deleted" if endpoint is None else endpoint.wait_settled(seconds)

    def restart_instance(self, endpoint_name: str, *, index: int = 0) -> None:
        """Replace one instance, as patching and host failures do at any time; wait for it with `wait_endpoint`.

        The new one starts from what the config says now. When the config or its model is deleted, none starts.
        """
        endpoint = self._endpoint({"EndpointName": endpoint_name})
        try:
            plan = self._catalog.plan(endpoint_name=endpoint_name, config=endpoint.config_name)
        except AwsError:
            plan = None
        endpoint.replace_instance(index, plan)

    def container_pids(self, endpoint_name: str) -> tuple[int, ...]:
        """Return the process ids of an endpoint's containers."""
        return self._endpoint({"EndpointName": endpoint_name}).pids()

    def create_training_job(self, request: Request) -> JsonObject:
        """CreateTrainingJob: returns at once, the job is InProgress."""
        return self._tagged("TrainingJobArn", self._jobs.create(request).arn, request)

    def describe_training_job(self, request: Request) -> JsonObject:
        """DescribeTrainingJob."""
        return self._jobs.get(text(request, "TrainingJobName")).describe()

    def list_training_jobs(self, request: Request) -> JsonObject:
        """ListTrainingJobs, the newest first, on one page; StatusEquals and NameContains are honoured."""
        return {"TrainingJobSummaries": self._jobs.summaries(request)}

    def stop_training_job(self, request: Request) -> JsonObject:
        """StopTrainingJob."""
        self._jobs.get(text(request, "TrainingJobName")).stop()
        return {}

    def wait_training_job(self, job_name: str, *, seconds: float = SETTLE_SECONDS) -> str:
        """Wait until a job has ended; returns its status."""
        return self._jobs.get(job_name).wait_ended(seconds)

    def add_tags(self, request: Request) -> JsonObject:
        """AddTags."""
        return self._tags.put(text(request, "ResourceArn"), request)

    def delete_tags(self, request: Request) -> JsonObject:
        """DeleteTags."""
        self._tags.remove(text(request, "ResourceArn"), request)
        return {}

    def list_tags(self, request: Request) -> JsonObject:
        """ListTags."""
        return self._tags.list(text(request, "ResourceArn"))

    def _tagged(self, field: str, arn: str, request: Request) -> JsonObject:
        self._tags.put(arn, request)
        return {field: arn}

    def _endpoint(self, request: Request) -> Endpoint:
        endpoint_name = text(request, "EndpointName")
        with self._lock:
            endpoint = self._endpoints.get(endpoint_name)
        if endpoint is None:
            raise AwsError.not_found(kind="endpoint", arn=self._endpoint_arn(endpoint_name))
        return endpoint

    def _endpoint_arn(self, endpoint_name: str) -> str:
        return self.account.arn(kind="endpoint", name=endpoint_name)


def _kept_counts(request: Request, *, endpoint: Endpoint) -> dict[str, int] | None:
    """Return the instance counts that RetainAllVariantProperties keeps, whatever the new config says."""
    excluded = {entry.get("VariantPropertyType") for entry in objects(request, "ExcludeRetainedVariantProperties")}
    if not flag(request, "RetainAllVariantProperties") or "DesiredInstanceCount" in excluded:
        return None
    return endpoint.instance_counts()
