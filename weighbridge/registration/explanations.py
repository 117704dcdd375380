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
    reason = job.failure or ("It was stopped." if job.status == "Stopped" else "SageMaker gives no reason.")
    return Notice(
        subject=f"weighbridge: training job {job.name} {job.status.lower()}",
        text=(
            f"The training job {job.name} did not end well ({job.status}), so no model was registered from it.\n\n"
            f"Why: {reason}\n\n"
            "What now: look into the job's log, repair the cause, and start it again. Nothing of it can be deployed.\n\n"
            f"Job: {job.arn}\n"
        ),
        owner=job.owner,
    )


def not_registered(job: DescribedJob, error: WeighbridgeError, *, now: str | None) -> Notice:
    """Say why an upload was not registered; `now` is what to do, None when only another job helps."""
    return Notice(
        subject=f"weighbridge: the model of {job.name} was not registered",
        text=(
            f"The training job {job.name} ended, but the model that it uploaded was not registered.\n\n"
            f"Why: {error} [{error.rule}]\n\nWhat now: {now or TRAIN_AGAIN}\n\nJob: {job.arn}\n"
        ),
        owner=job.owner,
    )


def not_published(job: DescribedJob, model: ModelVersion, error: WeighbridgeError, *, now: str | None) -> Notice:
    """Say why a registered release was not published; `now` is what to do, None when the channel forbids it for good."""
    return Notice(
        subject=f"weighbridge: {model} was registered, but not published",
        text=(
            f"The model {model} of the training job {job.name} was registered, but could not be published.\n\n"
            f"Why: {error} [{error.rule}]\n\nWhat now: {now or FORBIDDEN}\n\nJob: {job.arn}\n"
        ),
        owner=job.owner,
    )


def blocked(job: DescribedJob, *, reason: str) -> Notice:
    """Say that the inspector let a registered release go no further."""
    return Notice(
        subject=f"weighbridge: the model of {job.name} was blocked by the inspector",
        text=(
            f"The model of the training job {job.name} was registered, but the inspector blocked it.\n\nWhy: {reason}\n\n"
            f"What now: replace what was blocked (docs/inspection.md) and train another version.\n\nJob: {job.arn}\n"
        ),
        owner=job.owner,
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


def not_in_channel(job: DescribedJob, *, reason: str) -> Notice:
    """Say that what follows a completed job failed in every repetition."""
    return Notice(
        subject=f"weighbridge: the model of {job.name} is not in the channel yet",
        text=(
            f"The training job {job.name} ended, but what follows could not be done.\n\nWhy: {reason}\n\n"
            "What now: nothing, this is not your job's fault; it was tried several times. The platform team repairs the "
            "cause and redrives the execution of the state machine, which goes on where it stopped.\n\n"
            f"Job: {job.arn}\n"
        ),
        owner=job.owner,
    )
