"""One training job: the container, its statuses, and what is left of it."""

from __future__ import annotations

import tarfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from local.sagemaker.errors import AwsError
from local.sagemaker.host import Host, remove_folder
from local.sagemaker.images import Image
from local.sagemaker.logs import TRAINING_JOBS
from local.sagemaker.processes import ManagedProcess
from local.sagemaker.shapes import JsonObject, Request, mapping, tags, text, texts, whole
from local.sagemaker.training_folder import (
    HOST_NAME,
    FetchS3,
    StoreS3,
    channels,
    fetch_channel,
    store,
    toolkit_environment,
    write_configuration,
)

ENVIRONMENT_ENTRIES = 100
ENVIRONMENT_LENGTH = 512
FAILURE_LENGTH = 1024
DEFAULT_RUNTIME_SECONDS = 86_400
_ECHOED = (
    "AlgorithmSpecification", "RoleArn", "InputDataConfig", "OutputDataConfig", "ResourceConfig", "VpcConfig",
    "StoppingCondition", "HyperParameters", "Environment", "EnableNetworkIsolation",
    "EnableInterContainerTrafficEncryption", "EnableManagedSpotTraining",
)  # fmt: skip
_TIMES = ("CreationTime", "TrainingStartTime", "TrainingEndTime", "LastModifiedTime")

OnTrainingState = Callable[[JsonObject], None]
"""Called with the detail of EventBridge's "SageMaker Training Job State Change", after each change of the status."""


@dataclass(frozen=True, slots=True)
class Outside:
    """What a job needs from outside."""

    fetch_s3: FetchS3
    store_s3: StoreS3
    on_state: OnTrainingState


class JobError(Exception):
    """Why a job failed, as FailureReason says it."""


class TrainingJob:
    """A job that begins to run as soon as it is made."""

    def __init__(self, *, host: Host, image: Image, request: Request, outside: Outside) -> None:
        self.name = text(request, "TrainingJobName")
        self.arn = host.account.arn(kind="training-job", name=self.name)
        self.tags = tags(request)
        self._host, self._image, self._request, self._outside = host, image, request, outside
        self._folder = host.folder / "training" / self.name
        self._ml = self._folder / "ml"
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._process: ManagedProcess | None = None
        now = time.time()
        self._facts: JsonObject = {"CreationTime": now, "LastModifiedTime": now}
        self._status, self._secondary = "InProgress", "Starting"
        self._transitions: list[JsonObject] = []
        self._record("InProgress", "Starting", "Starting the training job")
        self._thread = threading.Thread(target=self._run, name=f"training-{self.name}", daemon=True)
        self._thread.start()

    @property
    def status(self) -> str:
        """Its TrainingJobStatus."""
        with self._changed:
            return self._status

    def wait_ended(self, seconds: float) -> str:
        """Wait until it has ended, at most `seconds`; returns the status."""
        with self._changed:
            self._changed.wait_for(lambda: self._status in ("Completed", "Failed", "Stopped"), seconds)
            return self._status

    def stop(self) -> None:
        """Begin to stop: SIGTERM, then SIGKILL (120 s later on AWS).

        Raises:
            AwsError: when it no longer runs.
        """
        with self._changed:
            if self._status not in ("InProgress", "Stopping"):
                raise AwsError.validation(
                    f"The request was rejected because the training job is in status {self._status}."
                )
            self._record("Stopping", "Stopping", "Stopping the training job")
            self._stop.set()
        self._tell()

    def close(self) -> None:
        """End the container at once."""
        self._stop.set()
        process = self._process
        if process is not None:
            process.stop(grace_seconds=self._host.timing.close_seconds)
        self._thread.join()

    def describe(self) -> JsonObject:
        """Return the answer of DescribeTrainingJob."""
        with self._changed:
            return {
                "TrainingJobName": self.name,
                "TrainingJobArn": self.arn,
                "TrainingJobStatus": self._status,
                "SecondaryStatus": self._secondary,
                "SecondaryStatusTransitions": [dict(entry) for entry in self._transitions],
                **{field: self._request[field] for field in _ECHOED if self._request.get(field) is not None},
                **self._facts,
            }

    def detail(self) -> JsonObject:
        """Return the event's detail: the description with times in milliseconds, and the tags."""
        described = self.describe()
        found = {
            **described,
            **{field: _milliseconds(described[field]) for field in _TIMES if field in described},
            "SecondaryStatusTransitions": [
                {key: _milliseconds(value) if key.endswith("Time") else value for key, value in entry.items()}
                for entry in self._transitions
            ],
            "Tags": dict(self.tags),
        }
        found.pop("TrainingTimeInSeconds", None)
        found.pop("BillableTimeInSeconds", None)
        return found

    def _run(self) -> None:
        write = self._host.logs.writer(group=TRAINING_JOBS, stream=f"{self.name}/{HOST_NAME}-{int(time.time())}")
        self._tell()
        try:
            self._download()
            exceeded = self._train(write)
            self._upload()
        except JobError as error:
            self._finish("Failed", "Failed", failure=str(error))
        except Exception as error:
            self._finish("Failed", "Failed", failure=f"InternalServerError: {type(error).__name__}: {error}")
        else:
            if exceeded:
                self._finish("Stopped", "MaxRuntimeExceeded")
            elif self._stop.is_set():
                self._finish("Stopped", "Stopped")
            else:
                self._finish("Completed", "Completed")
        remove_folder(self._folder)

    def _download(self) -> None:
        remove_folder(self._folder)
        write_configuration(self._ml, self._request)
        self._progress("Downloading", "Downloading input data")
        for channel_name, (uri, _) in channels(self._request).items():
            try:
                fetch_channel(uri, self._ml / "input" / "data" / channel_name, fetch_s3=self._outside.fetch_s3)
            except Exception as error:
                raise JobError(f"ClientError: Data download failed:{error}") from error

    def _train(self, write: Callable[[str], None]) -> bool:
        self._progress("Training", "Training image download completed. Training in progress.")
        with self._changed:
            self._facts["TrainingStartTime"] = time.time()
        if self._stop.is_set():
            return False
        try:
            process = self._start(write)
        except (OSError, AwsError) as error:
            write(f"container could not be started: {error}")
            raise JobError(f"ClientError: Artifact for the training image could not be started: {error}") from error
        exceeded = self._wait(process)
        if not exceeded and not self._stop.is_set() and process.exit_status != 0:
            raise JobError(f"AlgorithmError: {self._failure_text()}, exit code: {_exit_code(process.exit_status)}")
        return exceeded

    def _start(self, write: Callable[[str], None]) -> ManagedProcess:
        image, host = self._image, self._host
        own = texts(self._request, "Environment", most=ENVIRONMENT_ENTRIES, longest=ENVIRONMENT_LENGTH)
        self._process = ManagedProcess(
            command=host.images.command(image, argument="train"),
            folder=host.images.unpack(image),
            environment={
                **host.container_environment(image=image, own=own, folder=self._folder),
                **toolkit_environment(self._ml, self._request),
                "TRAINING_JOB_NAME": self.name,
                "TRAINING_JOB_ARN": self.arn,
            },
            on_line=write,
            watchdog=host.watchdog,
        )
        return self._process

    def _wait(self, process: ManagedProcess) -> bool:
        """Wait for the container's end; returns whether it took longer than its StoppingCondition allows."""
        limit = whole(
            mapping(self._request, "StoppingCondition"),
            "MaxRuntimeInSeconds",
            least=1,
            most=2_419_200,
            default=DEFAULT_RUNTIME_SECONDS,
        )
        deadline = time.monotonic() + limit
        while not process.exited.wait(self._host.timing.poll_seconds):
            exceeded = time.monotonic() >= deadline
            if exceeded or self._stop.is_set():
                process.stop(grace_seconds=self._host.timing.training_grace_seconds)
                return exceeded and not self._stop.is_set()
        return False

    def _upload(self) -> None:
        self._progress("Uploading", "Uploading generated training model")
        output = text(mapping(self._request, "OutputDataConfig"), "S3OutputPath").rstrip("/")
        model_uri = f"{output}/{self.name}/output/model.tar.gz"
        try:
            self._store(self._ml / "model", uri=model_uri)
            if any((self._ml / "output" / "data").iterdir()):
                self._store(self._ml / "output" / "data", uri=f"{output}/{self.name}/output/output.tar.gz")
        except Exception as error:
            raise JobError(f"ClientError: Artifact upload failed:{error}") from error
        with self._changed:
            self._facts["ModelArtifacts"] = {"S3ModelArtifacts": model_uri}

    def _store(self, folder: Path, *, uri: str) -> None:
        archive = self._folder / uri.rpartition("/")[2]
        with tarfile.open(archive, "w:gz") as packed:
            for path in sorted(folder.rglob("*")):
                packed.add(path, arcname=path.relative_to(folder).as_posix(), recursive=False)
        store(uri, archive, store_s3=self._outside.store_s3)

    def _failure_text(self) -> str:
        path = self._ml / "output" / "failure"
        if not path.is_file():
            return ""
        return path.read_text(encoding="utf-8", errors="replace").strip()[:FAILURE_LENGTH]

    def _finish(self, status: str, secondary: str, *, failure: str | None = None) -> None:
        now = time.time()
        with self._changed:
            started = self._facts.get("TrainingStartTime", now)
            self._facts["TrainingEndTime"] = now
            if failure is not None:
                self._facts["FailureReason"] = " ".join(failure.split())[:FAILURE_LENGTH]
            if isinstance(started, float):
                seconds = max(1, round(now - started))
                self._facts |= {"TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds}
            self._record(status, secondary, failure or f"Training job {status.lower()}")
            self._transitions[-1]["EndTime"] = now
        self._tell()

    def _progress(self, secondary: str, message: str) -> None:
        with self._changed:
            if not self._stop.is_set():
                self._record(self._status, secondary, message)

    def _record(self, status: str, secondary: str, message: str) -> None:
        now = time.time()
        with self._changed:
            if self._transitions:
                self._transitions[-1].setdefault("EndTime", now)
            self._transitions.append({"Status": secondary, "StartTime": now, "StatusMessage": message})
            self._facts["LastModifiedTime"] = now
            self._status, self._secondary = status, secondary
            self._changed.notify_all()

    def _tell(self) -> None:
        try:
            self._outside.on_state(self.detail())
        except Exception as error:
            self._host.logs.writer(group=TRAINING_JOBS, stream=f"{self.name}/events")(
                f"the event could not be handed on: {type(error).__name__}: {error}"
            )


def _milliseconds(value: object) -> int:
    return round(value * 1000) if isinstance(value, float) else 0


def _exit_code(status: int | None) -> int:
    """Return the exit status as a container's: 128 + the signal that ended it."""
    return 128 - status if status is not None and status < 0 else status or 0
