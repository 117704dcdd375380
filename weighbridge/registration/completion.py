"""What happens when a training job has ended: its model is registered and published, or its owner is told why not.

Safe to repeat: the same completion any number of times makes one release and one promotion, and a repetition completes
what a killed one had begun.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from weighbridge.errors import (
    ConflictError,
    InputError,
    IntegrityError,
    RegistryConflictError,
    RegistryNotFoundError,
    RevokedError,
    TrustError,
    WeighbridgeError,
)
from weighbridge.registration.described_job import DescribedJob, ModelVersion
from weighbridge.registration.evidence import JobEvidence
from weighbridge.registration.explanations import EVENT_AGAIN, ended_badly, not_published, not_registered
from weighbridge.registration.notices import Notices

ENDED = ("Completed", "Failed", "Stopped")
ROLLBACK_RULE = "input.rollback"
JOB_RULES = ("refused.base-not-admitted", "refused.lineage", "refused.job-record", "refused.json")
POLICY_RULES = ("refused.base-owner", "refused.licence", "refused.inspection")

Outcome = Literal["ignored", "published", "already-published", "told"]


@dataclass(frozen=True, slots=True)
class Published:
    """What was published: `reference` is HOST/REPOSITORY/NAME:VERSION@sha256:DIGEST, `release_id` SEQUENCE@sha256:DIGEST."""

    reference: str
    release_id: str
    changed: bool


@dataclass(frozen=True, slots=True)
class Completion:
    """What became of one ended job. `detail` is one line for the log."""

    outcome: Outcome
    detail: str


class Registrar(Protocol):
    """The two doors behind this: see `weighbridge.registration.register` and `weighbridge.promotion.promote`."""

    def register(self, *, model: ModelVersion, evidence: JobEvidence) -> str:
        """Register what the job uploaded and return the release's reference."""
        ...

    def publish(self, *, model: ModelVersion) -> Published:
        """Make the registered release the head of its model in the first channel."""
        ...


def complete(*, job: DescribedJob, incoming: str, registrar: Registrar, notices: Notices) -> Completion:
    """Handle one job that has ended.

    Args:
        incoming: repository that training jobs upload into.

    Raises:
        WeighbridgeError: something that is not the job's fault stands in the way; its owner was told, and the call is to
            be repeated. What is the job's own fault is told, and no repetition helps.
    """
    if not job.concerns(incoming=incoming):
        return Completion("ignored", f"training job {job.name} is not one of weighbridge's")
    if job.status not in ENDED:
        raise ConflictError(
            f"training job {job.name}: is {job.status}, although an event said that it ended: ask again"
        )
    if job.status != "Completed":
        notices.send(ended_badly(job))
        return Completion("told", f"training job {job.name} {job.status.lower()}: {job.failure or 'no reason given'}")
    try:
        model = job.model_version()
        reference = registrar.register(model=model, evidence=job.evidence())
    except WeighbridgeError as error:
        final = is_the_jobs_fault(error)
        notices.send(not_registered(job, error, now=None if final else EVENT_AGAIN))
        if not final:
            raise
        return Completion("told", f"training job {job.name}: {error}")
    return _publish(job=job, model=model, reference=reference, registrar=registrar, notices=notices)


def _publish(
    *, job: DescribedJob, model: ModelVersion, reference: str, registrar: Registrar, notices: Notices
) -> Completion:
    try:
        published = registrar.publish(model=model)
    except WeighbridgeError as error:
        if error.rule == ROLLBACK_RULE:
            # This event came again after a later version: the release was published once, and stays where it is.
            return Completion("already-published", f"{reference} was published before and a later version came since")
        final = is_forbidden(error)
        notices.send(not_published(job, model, error, now=None if final else EVENT_AGAIN))
        if not final:
            raise
        return Completion("told", f"training job {job.name}: {error}")
    outcome: Outcome = "published" if published.changed else "already-published"
    return Completion(outcome, f"{published.reference} is {published.release_id}")


def is_forbidden(error: WeighbridgeError) -> bool:
    """Whether a registered release may never be published in the channel."""
    return isinstance(error, RevokedError) or error.rule in POLICY_RULES


def is_the_jobs_fault(error: WeighbridgeError) -> bool:
    """Whether no repetition helps, because what the job uploaded or said is not acceptable."""
    own = (InputError, IntegrityError, RegistryNotFoundError, RegistryConflictError)
    return isinstance(error, own) or (isinstance(error, TrustError) and error.rule in JOB_RULES)
