"""What a comparison can find: a few kinds, each with a severity and what to do, and ids that stay the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from weighbridge.reconciliation.running import Running

FindingKind = Literal[
    "ungoverned",
    "not-accepted",
    "image-differs",
    "revoked",
    "config-drift",
    "model-deleted",
    "config-deleted",
    "breaks-rule",
    "behind",
]
Severity = Literal["LOW", "MEDIUM", "HIGH", "CRITICAL"]


@dataclass(frozen=True, slots=True)
class Kind:
    """What all findings of a kind share: how bad, what it is called, and what to do."""

    severity: Severity
    title: str
    remedy: str


KINDS: dict[FindingKind, Kind] = {
    "ungoverned": Kind(
        "HIGH",
        "An endpoint serves a model that is no release",
        "Delete the endpoint, or deploy its model with GovernedEndpoint from a promoted release.",
    ),
    "not-accepted": Kind(
        "CRITICAL",
        "An endpoint names a promotion that this environment never accepted",
        "Find out who made it (CloudTrail, CreateModel), delete the endpoint, and deploy the promoted release.",
    ),
    "image-differs": Kind(
        "CRITICAL",
        "An endpoint runs another image than its release names",
        "Find out who made it (CloudTrail, CreateModel), and deploy the promoted release again.",
    ),
    "revoked": Kind(
        "CRITICAL",
        "An endpoint runs a revoked release",
        "Promote a version that is not revoked and deploy it; to stop serving at once, delete the endpoint.",
    ),
    "config-drift": Kind(
        "HIGH",
        "A container is told another channel, root, registry or floor than this environment's",
        "Deploy the endpoint's stack again; if that is another environment's endpoint, name it in except_endpoints.",
    ),
    "model-deleted": Kind(
        "HIGH",
        "The model of a running endpoint was deleted",
        "Find out who deleted it, and deploy the endpoint's stack again: what runs cannot be compared without it.",
    ),
    "config-deleted": Kind(
        "HIGH",
        "The config of a running endpoint was deleted",
        "Find out who deleted it, and deploy the endpoint's stack again: what runs cannot be compared without it.",
    ),
    "breaks-rule": Kind(
        "MEDIUM",
        "A running model or config breaks a rule of docs/checks.md",
        "Correct the property and deploy, or find out who changed it past CloudFormation.",
    ),
    "behind": Kind(
        "LOW",
        "An endpoint runs an older release than the channel's head",
        "Deploy the endpoint's stack, which takes the newest promotion.",
    ),
}
SEVERE: frozenset[Severity] = frozenset({"HIGH", "CRITICAL"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be. `place` tells findings of one kind at one endpoint apart; `message` is one line.

    `arn` is the endpoint's. `release` is the reference of the release that the container names, where it names one.
    """

    kind: FindingKind
    endpoint: str
    arn: str
    place: str
    message: str
    release: str | None = None

    @property
    def about(self) -> Kind:
        """What findings of this kind share."""
        return KINDS[self.kind]

    def id(self, *, environment: str) -> str:
        """Return the id: the same for the same kind at the same place, whenever it is found."""
        place = f"/{self.place}" if self.place else ""
        return f"weighbridge/{environment}/{self.kind}/{self.endpoint}{place}"


@dataclass(frozen=True, slots=True)
class Report:
    """One look at everything that runs.

    `endpoints` counts those that were looked at. Of those in `held` nothing was decided (they are changing, or not all of them
    could be read), so that a finding that is missing there is not resolved. `failures` are one line each.
    `running` is what the containers say that they run.
    """

    findings: tuple[Finding, ...]
    endpoints: int
    held: frozenset[str]
    failures: tuple[str, ...]
    running: tuple[Running, ...] = ()

    @property
    def severe(self) -> int:
        """Number of findings of severity HIGH or CRITICAL."""
        return sum(each.about.severity in SEVERE for each in self.findings)

    @property
    def revoked(self) -> int:
        """Number of places where a revoked release runs."""
        return sum(each.kind == "revoked" for each in self.findings)
