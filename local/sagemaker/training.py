"""One training job: its container, from the download of its data to the upload of what it left."""

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
from local.sagemaker.job_state import FAILURE_LENGTH, JobState, OnTrainingState
from local.sagemaker.logs import TRAINING_JOBS
from local.sagemaker.processes import ManagedProcess
from local.sagemaker.shapes import JsonObject, Request, mapping, tags, text, texts, whole
from local.sagemaker.training_folder import (
    HOST_NAME,
    FetchS3,
    StoreS3,
    channels,
    checkpoints,
    fetch_channel,
    fetch_checkpoints,
    store,
    toolkit_environment,
    write_configuration,
)

ENVIRONMENT_ENTRIES = 100
ENVIRONMENT_LENGTH = 512
RUNTIME_SECONDS = 86_400
RUNTIME_LIMIT_SECONDS = 28 * 86_400


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
        self._host, self._image, self._request, self._outside = host, image, request, outside
        self._folder = host.folder / "training" / self.name
        self._ml = self._folder / "ml"
        self._state = JobState(name=self.name, arn=self.arn, request=request, tags=tags(request))
        self._stop = threading.Event()
        self._closing = threading.Event()
        self._process: ManagedProcess | None = None
        self._thread = threading.Thread(target=self._run, name=f"training-{self.name}", daemon=True)
        self._thread.start()

    def wait_ended(self, seconds: float) -> str:
        """Wait until it has ended, at most `seconds`; returns the status."""
        return self._state.wait_ended(seconds)

    def describe(self) -> JsonObject:
        """Return the answer of DescribeTrainingJob."""
        return self._state.describe()

    def stop(self) -> None:
        """Begin to stop: SIGTERM, then SIGKILL (120 s later on AWS).

        Raises:
            AwsError: when it has ended.
        """
        if not self._state.stopping():
            raise AwsError.validation(
                f"The request was rejected because the training job is in status {self._state.status}."
            )
        self._stop.set()
        self._tell()

    def close(self) -> None:
        """End the container at once."""
        self._closing.set()
        self._stop.set()
        if self._process is not None:
            self._process.stop(grace_seconds=self._host.timing.close_seconds)
        self._thread.join()

    def _run(self) -> None:
        self._tell()
        try:
            self._download()
            try:
                exceeded = self._train()
            finally:
                self._keep_checkpoints()
            if self._closing.is_set():
                raise JobError("InternalServerError: the local SageMaker was closed")
            self._upload()
        except JobError as error:
            self._state.end(failure=str(error))
        except Exception as error:
            self._state.end(failure=f"InternalServerError: {type(error).__name__}: {error}")
        else:
            self._state.end(secondary="MaxRuntimeExceeded" if exceeded else None)
        self._tell()
        remove_folder(self._folder)

    def _download(self) -> None:
        remove_folder(self._folder)
        write_configuration(self._ml, self._request)
        self._state.progress("Downloading", "Downloading input data")
        for channel_name, (uri, _) in channels(self._request).items():
            try:
                fetch_channel(uri, self._ml / "input" / "data" / channel_name, fetch_s3=self._outside.fetch_s3)
            except Exception as error:
                raise JobError(f"ClientError: Data download failed:{error}") from error
        kept = checkpoints(self._request)
        if kept is not None:
            fetch_checkpoints(kept, self._ml / "checkpoints", fetch_s3=self._outside.fetch_s3)

    def _train(self) -> bool:
        """Run the container; returns whether it took longer than its StoppingCondition allows."""
        if self._stop.is_set():
            return False
        write = self._host.logs.writer(group=TRAINING_JOBS, stream=f"{self.name}/{HOST_NAME}-{int(time.time())}")
        self._state.progress("Training", "Training image download completed. Training in progress.")
        self._state.note(TrainingStartTime=time.time())
        try:
            self._process = process = self._start(write)
        except OSError as error:
            raise JobError(f"ClientError: The training container could not be started: {error}") from error
        exceeded = self._wait(process)
        if process.exit_status != 0 and not exceeded and not self._stop.is_set():
            raise JobError(f"AlgorithmError: {self._failure_text()}, exit code: {_exit_code(process.exit_status)}")
        return exceeded

    def _start(self, write: Callable[[str], None]) -> ManagedProcess:
        own = texts(self._request, "Environment", most=ENVIRONMENT_ENTRIES, longest=ENVIRONMENT_LENGTH)
        host, image = self._host, self._image
        return ManagedProcess(
            command=host.images.command(image, argument="train"),
            folder=host.images.unpacked(image),
            environment={
                **host.container_environment(image=image, own=own, folder=self._folder),
                **toolkit_environment(self._ml, self._request),
                "TRAINING_JOB_NAME": self.name,
                "TRAINING_JOB_ARN": self.arn,
            },
            on_line=write,
            watchdog=host.watchdog,
        )

    def _wait(self, process: ManagedProcess) -> bool:
        timing = self._host.timing
        condition = mapping(self._request, "StoppingCondition")
        limit = whole(condition, "MaxRuntimeInSeconds", least=1, most=RUNTIME_LIMIT_SECONDS, default=RUNTIME_SECONDS)
        deadline = time.monotonic() + limit
        while not process.exited.wait(timing.poll_seconds):
            stopping = self._stop.is_set()
            if stopping or time.monotonic() >= deadline:
                closing = self._closing.is_set()
                process.stop(grace_seconds=timing.close_seconds if closing else timing.training_grace_seconds)
                return not stopping
        return False

    def _upload(self) -> None:
        self._state.progress("Uploading", "Uploading generated training model")
        output = f"{text(mapping(self._request, 'OutputDataConfig'), 'S3OutputPath').rstrip('/')}/{self.name}/output"
        try:
            self._store(self._ml / "model", uri=f"{output}/model.tar.gz")
            if any((self._ml / "output" / "data").iterdir()):
                self._store(self._ml / "output" / "data", uri=f"{output}/output.tar.gz")
        except Exception as error:
            raise JobError(f"ClientError: Artifact upload failed:{error}") from error
        self._state.note(ModelArtifacts={"S3ModelArtifacts": f"{output}/model.tar.gz"})

    def _keep_checkpoints(self) -> None:
        """On AWS each file is copied while the job runs; here all of them are when it ends, however it ends."""
        uri, folder = checkpoints(self._request), self._ml / "checkpoints"
        for path in sorted(folder.rglob("*")) if uri is not None else ():
            if path.is_file():
                target = f"{str(uri).rstrip('/')}/{path.relative_to(folder).as_posix()}"
                store(target, path, store_s3=self._outside.store_s3)

    def _store(self, folder: Path, *, uri: str) -> None:
        archive = self._folder / uri.rpartition("/")[2]
        with tarfile.open(archive, "w:gz") as packed:
            for path in sorted(folder.rglob("*")):
                packed.add(path, arcname=path.relative_to(folder).as_posix(), recursive=False)
        store(uri, archive, store_s3=self._outside.store_s3)

    def _failure_text(self) -> str:
        path = self._ml / "output" / "failure"
        return path.read_text(encoding="utf-8", errors="replace").strip()[:FAILURE_LENGTH] if path.is_file() else ""

    def _tell(self) -> None:
        if self._closing.is_set():
            return
        try:
            self._outside.on_state(self._state.detail())
        except Exception as error:
            # The job itself goes on: on AWS, too, an event may be lost.
            self._host.logs.writer(group=TRAINING_JOBS, stream=f"{self.name}/events")(
                f"the event could not be handed on: {type(error).__name__}: {error}"
            )


def _exit_code(status: int | None) -> int:
    """Return the exit status as a container's: 128 + the signal that ended it."""
    return 128 - status if status is not None and status < 0 else status or 0
