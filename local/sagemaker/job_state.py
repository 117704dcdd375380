"""What DescribeTrainingJob and the job's events say: the statuses, when they changed, and what came out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from local.sagemaker.shapes import Json, JsonObject, Request

FAILURE_LENGTH = 1024
ENDED = ("Completed", "Failed", "Stopped")
_ECHOED = (
    "AlgorithmSpecification", "RoleArn", "InputDataConfig", "OutputDataConfig", "ResourceConfig", "VpcConfig",
    "StoppingCondition", "HyperParameters", "Environment", "EnableNetworkIsolation",
    "EnableInterContainerTrafficEncryption", "EnableManagedSpotTraining", "CheckpointConfig",
)  # fmt: skip
_ONLY_DESCRIBED = ("TrainingTimeInSeconds", "BillableTimeInSeconds")

OnTrainingState = Callable[[JsonObject], None]
"""Called with the detail of EventBridge's "SageMaker Training Job State Change", after each change of the status."""


class JobState:
    """The state of one job; every reader sees one that was. Nothing follows an end."""

    def __init__(self, *, name: str, arn: str, request: Request, tags: Mapping[str, str]) -> None:
        now = time.time()
        self._request = request
        self._tags = dict(tags)
        self._changed = threading.Condition()
        self._facts: JsonObject = {"TrainingJobName": name, "TrainingJobArn": arn, "CreationTime": now}
        self._transitions: list[JsonObject] = []
        self._record("InProgress", "Starting", "Starting the training job")

    @property
    def status(self) -> str:
        """TrainingJobStatus."""
        with self._changed:
            return self._status

    def wait_ended(self, seconds: float) -> str:
        """Wait for the end, at most `seconds`; returns the status."""
        with self._changed:
            self._changed.wait_for(lambda: self._status in ENDED, seconds)
            return self._status

    def progress(self, secondary: str, message: str) -> None:
        """Go on to another secondary status, unless the job is being stopped."""
        with self._changed:
            if self._status == "InProgress":
                self._record("InProgress", secondary, message)

    def note(self, **facts: Json) -> None:
        """Keep further fields of the description."""
        with self._changed:
            self._facts |= facts

    def stopping(self) -> bool:
        """Go on to Stopping; False when the job has ended already."""
        with self._changed:
            if self._status in ENDED:
                return False
            self._record("Stopping", "Stopping", "Stopping the training job")
            return True

    def end(self, *, secondary: str | None = None, failure: str | None = None) -> None:
        """End as Failed with a `failure`, as Stopped when it was to stop or has a `secondary` status, else Completed."""
        now = time.time()
        with self._changed:
            stopped = self._status == "Stopping" or secondary is not None
            status = "Failed" if failure is not None else "Stopped" if stopped else "Completed"
            started = self._facts.get("TrainingStartTime")
            if isinstance(started, float):
                self._facts |= dict.fromkeys(_ONLY_DESCRIBED, max(1, round(now - started)))
            self._facts["TrainingEndTime"] = now
            if failure is not None:
                self._facts["FailureReason"] = " ".join(failure.split())[:FAILURE_LENGTH]
            self._record(status, secondary or status, failure or f"Training job {status.lower()}")
            self._transitions[-1]["EndTime"] = now

    def describe(self) -> JsonObject:
        """Return the answer of DescribeTrainingJob."""
        with self._changed:
            return {
                **{field: self._request[field] for field in _ECHOED if self._request.get(field) is not None},
                **self._facts,
                "TrainingJobStatus": self._status,
                "SecondaryStatus": self._secondary,
                "SecondaryStatusTransitions": [dict(entry) for entry in self._transitions],
            }

    def detail(self) -> JsonObject:
        """Return an event's detail: the description with times in milliseconds, and the tags."""
        with self._changed:
            described = self.describe()
            transitions = [_in_milliseconds(entry) for entry in self._transitions]
        kept = {field: value for field, value in described.items() if field not in _ONLY_DESCRIBED}
        return {**_in_milliseconds(kept), "SecondaryStatusTransitions": transitions, "Tags": dict(self._tags)}

    def _record(self, status: str, secondary: str, message: str) -> None:
        now = time.time()
        with self._changed:
            if self._transitions:
                self._transitions[-1].setdefault("EndTime", now)
            self._transitions.append({"Status": secondary, "StartTime": now, "StatusMessage": message})
            self._facts["LastModifiedTime"] = now
            self._status, self._secondary = status, secondary
            self._changed.notify_all()


def _in_milliseconds(fields: Mapping[str, Json]) -> JsonObject:
    return {
        field: round(value * 1000) if field.endswith("Time") and isinstance(value, float) else value
        for field, value in fields.items()
    }
