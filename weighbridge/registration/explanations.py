"""What is told about a training job that brought no release, in plain words: what, why, and what to do now."""

from __future__ import annotations

from weighbridge.errors import WeighbridgeError
from weighbridge.registration.described_job import DescribedJob, ModelVersion
from weighbridge.registration.notices import Notice

EVENT_AGAIN = (
    "nothing yet, this is not your job's fault. It is tried again twice within minutes; if that does not help either, the "
    "platform team finds the event in the queue of lost events and sends it again when the cause is repaired."
)
TRAIN_AGAIN = (
    "repair the cause and start a training job again, under another model version. Nothing of this one can be deployed."
)
FORBIDDEN = "this version stays where it is and is not deployed: train another one that the channel's policy allows."


def ended_badly(job: DescribedJob) -> Notice:
    """Say that a job failed or was stopped, with SageMaker's own reason."""
    return _about(
        job,
        subject=f"training job {job.name} {job.status.lower()}",
        happened=f"The training job {job.name} did not end well ({job.status}), so no model was registered from it.",
        why=job.failure or ("It was stopped." if job.status == "Stopped" else "SageMaker gives no reason."),
        now="look into the job's log, repair the cause, and start it again. Nothing of it can be deployed.",
    )


def not_registered(job: DescribedJob, error: WeighbridgeError, *, now: str | None) -> Notice:
    """Say why an upload was not registered; `now` is what to do, None when only another job helps."""
    return _about(
        job,
        subject=f"the model of {job.name} was not registered",
        happened=f"The training job {job.name} ended, but the model that it uploaded was not registered.",
        why=f"{error} [{error.rule}]",
        now=now or TRAIN_AGAIN,
    )


def not_published(job: DescribedJob, model: ModelVersion, error: WeighbridgeError, *, now: str | None) -> Notice:
    """Say why a registered release was not published; `now` is what to do, None when the channel forbids it for good."""
    return _about(
        job,
        subject=f"{model} was registered, but not published",
        happened=f"The model {model} of the training job {job.name} was registered, but could not be published.",
        why=f"{error} [{error.rule}]",
        now=now or FORBIDDEN,
    )


def blocked(job: DescribedJob, *, reason: str) -> Notice:
    """Say that the inspector let a registered release go no further."""
    return _about(
        job,
        subject=f"the model of {job.name} was blocked by the inspector",
        happened=f"The model of the training job {job.name} was registered, but the inspector blocked it.",
        why=reason,
        now="replace what was blocked (docs/inspection.md) and train another version.",
    )


def not_in_channel(job: DescribedJob, *, reason: str) -> Notice:
    """Say that what follows a completed job failed in every repetition."""
    return _about(
        job,
        subject=f"the model of {job.name} is not in the channel yet",
        happened=f"The training job {job.name} ended, but what follows could not be done.",
        why=reason,
        now="nothing, this is not your job's fault; it was tried several times. The platform team repairs the cause and "
        "redrives the execution of the state machine, which goes on where it stopped.",
    )


def not_started(job_name: str, *, reason: str) -> Notice:
    """Say why SageMaker did not start a job; nobody knows its owner then."""
    return Notice(
        subject=f"weighbridge: training job {job_name} was not started",
        text=(
            f"The training job {job_name} was not started.\n\nWhy: {reason}\n\n"
            "What now: repair the cause (a quota, an image, a name that is taken) and start it again.\n"
        ),
        owner=None,
    )


def _about(job: DescribedJob, *, subject: str, happened: str, why: str, now: str) -> Notice:
    return Notice(
        subject=f"weighbridge: {subject}",
        text=f"{happened}\n\nWhy: {why}\n\nWhat now: {now}\n\nJob: {job.arn}\n",
        owner=job.owner,
    )
