"""The registrar as steps of a state machine: register, publish, and tell what went wrong.

A step is told a job's name and nothing else that decides anything: what is registered comes from DescribeTrainingJob. What
is the job's own fault is told and answered as `told`; whatever else stands in the way is raised, so that the state machine
repeats the step, and after the last repetition has `tell` say so. Each step may be repeated; see `completion`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self, TypedDict

from weighbridge.errors import ConflictError, InputError, WeighbridgeError
from weighbridge.registration.completion import ENDED, ROLLBACK_RULE, Registrar, is_forbidden, is_the_jobs_fault
from weighbridge.registration.described_job import DescribedJob
from weighbridge.registration.explanations import (
    blocked,
    ended_badly,
    not_in_channel,
    not_published,
    not_registered,
    not_started,
)
from weighbridge.registration.job_event import check_job_name
from weighbridge.registration.notices import Notices

RULE = "input.step"
REASON_LIMIT = 1024
BLOCKED = "weighbridge.blocked"
"""The Error by which a state machine says that the inspector blocked the release; its Cause says why."""

StepName = Literal["register", "publish", "tell"]
STEPS: tuple[StepName, ...] = ("register", "publish", "tell")


class StepAnswer(TypedDict, total=False):
    """What a state machine keeps of a step: names, versions and ids; `detail` is one line for people."""

    outcome: Literal["registered", "published", "already-published", "told", "ignored"]
    detail: str
    model: str
    version: str
    reference: str
    release_id: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step about one training job. `failure` is what a state machine caught: its Error and Cause."""

    name: StepName
    job: str
    error: str | None = None
    cause: str | None = None

    @classmethod
    def read(cls, event: Mapping[str, object]) -> Self | None:
        """Return the step that an event asks for, or None when it is no event of a state machine.

        Raises:
            InputError: rule `input.step`, when it asks for no known step of a named job.
        """
        if "step" not in event:
            return None
        name = next((step for step in STEPS if step == event["step"]), None)
        if name is None:
            raise InputError(f"step: {event['step']!r} is not known: ask for one of {', '.join(STEPS)}", rule=RULE)
        failure = event.get("failure")
        found = failure if isinstance(failure, Mapping) else {}
        return cls(
            name=name,
            job=check_job_name(event.get("training_job"), field="training_job"),
            error=_text(found.get("Error")),
            cause=_text(found.get("Cause")),
        )


def register_step(*, job: DescribedJob, incoming: str, registrar: Registrar, notices: Notices) -> StepAnswer:
    """Register what a job that has ended uploaded.

    Raises:
        WeighbridgeError: something that is not the job's fault stands in the way: repeat the step.
    """
    if not job.concerns(incoming=incoming):
        return {"outcome": "ignored", "detail": f"training job {job.name} is not one of weighbridge's"}
    if job.status not in ENDED:
        raise ConflictError(f"training job {job.name}: is {job.status}, and not at its end: ask again when it is")
    if job.status != "Completed":
        notices.send(ended_badly(job))
        return _told(f"training job {job.name} {job.status.lower()}: {job.failure or 'no reason given'}")
    try:
        model = job.model_version()
        reference = registrar.register(model=model, evidence=job.evidence())
    except WeighbridgeError as error:
        if not is_the_jobs_fault(error):
            raise
        notices.send(not_registered(job, error, now=None))
        return _told(f"training job {job.name}: {error}")
    return {
        "outcome": "registered", "detail": f"{reference} is registered",
        "model": model.name, "version": model.version, "reference": reference,
    }  # fmt: skip


def publish_step(*, job: DescribedJob, incoming: str, registrar: Registrar, notices: Notices) -> StepAnswer:
    """Make the release of a registered job the head of its model in the first channel.

    Raises:
        WeighbridgeError: as `register_step`.
    """
    if not job.concerns(incoming=incoming):
        return {"outcome": "ignored", "detail": f"training job {job.name} is not one of weighbridge's"}
    model = job.model_version()
    answer: StepAnswer = {"model": model.name, "version": model.version}
    try:
        published = registrar.publish(model=model)
    except WeighbridgeError as error:
        if error.rule == ROLLBACK_RULE:
            # A repetition after a later version: the release was published once, and stays where it is.
            detail = f"{model} was published before and a later version came since"
            return {**answer, "outcome": "already-published", "detail": detail}
        if not is_forbidden(error):
            raise
        notices.send(not_published(job, model, error, now=None))
        return {**answer, **_told(f"training job {job.name}: {error}")}
    return {
        **answer,
        "outcome": "published" if published.changed else "already-published",
        "detail": f"{published.reference} is {published.release_id}",
        "reference": published.reference,
        "release_id": published.release_id,
    }


def tell_step(*, step: Step, job: DescribedJob | None, notices: Notices) -> StepAnswer:
    """Tell what a state machine could not do: SageMaker's own reason for a job that ended badly, else what was caught.

    Args:
        job: None when SageMaker knows no job of that name, because it refused to start it.
    """
    if job is not None and job.status in ENDED and job.status != "Completed":
        notices.send(ended_badly(job))
        return _told(job.failure or f"training job {job.name} {job.status.lower()}")
    reason = (_plain(step.cause) or step.error or "no reason given")[:REASON_LIMIT]
    if job is None:
        notices.send(not_started(step.job, reason=reason))
    elif step.error == BLOCKED:
        notices.send(blocked(job, reason=reason))
    else:
        notices.send(not_in_channel(job, reason=reason))
    return _told(reason)


def _told(detail: str) -> StepAnswer:
    return {"outcome": "told", "detail": detail}


def _text(value: object) -> str | None:
    return " ".join(value.split()) if isinstance(value, str) else None


def _plain(cause: str | None) -> str | None:
    """Return what a person can read of a Cause: a function's message, a job's FailureReason, or the text as it is."""
    try:
        found = json.loads(cause or "")
    except ValueError:
        return cause
    if not isinstance(found, dict):
        return cause
    return next((str(found[key]) for key in ("FailureReason", "errorMessage") if found.get(key)), cause)
