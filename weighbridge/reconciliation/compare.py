"""Compare one endpoint with what the environment accepted and what the channel says now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from weighbridge.admission.claim import (
    Acceptances,
    Claim,
    Doubt,
    Objection,
    Pins,
    accepted_of,
    image_digest,
    judge_claim,
    judge_image,
    read_claim,
)
from weighbridge.admission.judge import rule_findings
from weighbridge.checks.rule import ENDPOINT_CONFIG, MODEL, mapping
from weighbridge.reconciliation.findings import Finding, FindingKind
from weighbridge.reconciliation.survey import Endpoint, Workload
from weighbridge.resolution import Acceptance, History, Scope
from weighbridge.trust import ChannelState

_KINDS: Mapping[Doubt, FindingKind] = {
    "ungoverned": "ungoverned",
    "pins": "config-drift",
    "not-accepted": "not-accepted",
    "image": "image-differs",
    "revoked": "revoked",
}
# Said in other words of a whole container, or the network's business of a component.
_NOT_HERE = frozenset({"WB-M1", "WB-M2"})
_OF_A_WHOLE_MODEL = frozenset({"WB-M3", "WB-M8"})


@dataclass(frozen=True, slots=True)
class Comparison:
    """Compares endpoints of one environment at one moment.

    `states` are the verified channel by model; a model whose channel could not be read is missing there. `behind` is how
    long a newer release may be promoted before an endpoint counts as behind.
    """

    pins: Pins
    acceptances: Acceptances
    states: Mapping[str, ChannelState]
    behind: timedelta
    now: datetime

    def endpoint(self, endpoint: Endpoint) -> Iterator[Finding]:
        """Yield what is found at an endpoint.

        Raises:
            CloudError: when the acceptances cannot be read.
        """
        if endpoint.config is None:
            yield _finding(endpoint, "config-deleted", "", f"config {endpoint.config_name!r} is gone")
        else:
            for rule, place in rule_findings(ENDPOINT_CONFIG, endpoint.config):
                message = f"config {endpoint.config_name}: {place}: {rule.reason} {rule.fix}"
                yield _finding(endpoint, "breaks-rule", f"{rule.id}/{place}", message)
        for workload in endpoint.workloads:
            yield from self._workload(endpoint, workload)

    def _workload(self, endpoint: Endpoint, workload: Workload) -> Iterator[Finding]:
        if workload.model is None:
            message = f"{workload.place}: model {workload.model_name!r} is gone: what runs cannot be compared"
            yield _finding(endpoint, "model-deleted", workload.place, message)
            return
        without = _NOT_HERE if workload.whole else _NOT_HERE | _OF_A_WHOLE_MODEL
        for rule, place in rule_findings(MODEL, workload.model, without=without):
            message = f"{workload.place}: model {workload.model_name}: {place}: {rule.reason} {rule.fix}"
            yield _finding(endpoint, "breaks-rule", f"{workload.place}/{rule.id}/{place}", message)
        claims = workload.containers()
        if not claims:
            yield _finding(
                endpoint, "ungoverned", workload.place, f"{workload.place}: the model has no container of its own"
            )
        expected: list[Acceptance] = []
        for path, container in claims:
            yield from self._container(endpoint, workload, path, container, expected)
        if endpoint.at_rest and claims and len(expected) == len(claims):
            yield from _deployed(endpoint, workload, expected)

    def _container(
        self,
        endpoint: Endpoint,
        workload: Workload,
        path: str,
        container: Mapping[str, object],
        expected: list[Acceptance],
    ) -> Iterator[Finding]:
        where = f"{path}.Environment"
        claim = read_claim(mapping(container.get("Environment")), path=where)
        if isinstance(claim, Objection):
            yield _objection(endpoint, workload, path, claim, None)
            return
        history = self.acceptances.history(Scope(channel=self.pins.channel, model=claim.model))
        accepted = accepted_of(claim, history)
        objections = list(judge_claim(claim, pins=self.pins, history=history, path=where))
        if accepted is not None:
            expected.append(accepted)
            wrong = judge_image(container.get("Image"), accepted=accepted, path=f"{path}.Image")
            objections += [] if wrong is None else [wrong]
        state = self.states.get(claim.model)
        objections += _revoked_in(state, claim) if not _says(objections, "revoked") else []
        # Several pins may differ: one finding says all.
        for doubt in dict.fromkeys(each.doubt for each in objections):
            same = [each for each in objections if each.doubt == doubt]
            yield _objection(endpoint, workload, path, _joined(same), claim)
        if state is not None and not _says(objections, "revoked"):
            yield from self._behind(endpoint, workload, path, claim, state, history)

    def _behind(
        self,
        endpoint: Endpoint,
        workload: Workload,
        path: str,
        claim: Claim,
        state: ChannelState,
        history: History,
    ) -> Iterator[Finding]:
        if not state.records or accepted_of(claim, history) is None:
            return
        head = state.head(claim.model)
        newer = head.sequence > claim.release_id.sequence and head.release != claim.reference.digest
        if newer and self.now - head.promoted_at > self.behind:
            message = (
                f"{workload.place}: runs {claim.release_id.sequence} ({claim.model}:{claim.reference.version}), the head is "
                f"{head.sequence} ({head.name}:{head.version}) since {head.promoted_at:%Y-%m-%d}"
            )
            yield _finding(endpoint, "behind", _place(workload, path), message, release=str(claim.reference))


def _revoked_in(state: ChannelState | None, claim: Claim) -> list[Objection]:
    revocation = None if state is None else state.revocations.get(claim.reference.digest)
    if revocation is None:
        return []
    problem = f"{claim.model}:{claim.reference.version} is revoked since {revocation.revoked_at:%Y-%m-%d}: {revocation.reason}"
    return [Objection("revoked", "WEIGHBRIDGE_RELEASE", problem, "promote another version")]


def _deployed(endpoint: Endpoint, workload: Workload, expected: list[Acceptance]) -> Iterator[Finding]:
    wanted = {image_digest(each.image) for each in expected}
    running = {image_digest(each): each for each in workload.images or ()}
    if workload.images is None:
        # A component may be scaled to nothing; a variant of an endpoint at rest always runs something.
        if not workload.component:
            message = f"{workload.place}: SageMaker does not say which image runs"
            yield _finding(endpoint, "image-differs", f"{workload.place}/deployed", message)
        return
    strangers = sorted(image for digest, image in running.items() if digest not in wanted)
    if strangers:
        message = f"{workload.place}: runs {', '.join(strangers)}, released are {', '.join(sorted(map(str, wanted)))}"
        yield _finding(endpoint, "image-differs", f"{workload.place}/deployed", message)


def _says(objections: list[Objection], doubt: Doubt) -> bool:
    return any(each.doubt == doubt for each in objections)


def _joined(objections: list[Objection]) -> Objection:
    first = objections[0]
    problem = "; ".join(f"{each.field} {each.problem}" for each in objections)
    return Objection(first.doubt, first.field, problem, first.fix)


def _objection(endpoint: Endpoint, workload: Workload, path: str, objection: Objection, claim: Claim | None) -> Finding:
    said = objection.problem if claim is not None else f"{objection.field} {objection.problem}"
    message = f"{workload.place}: {f'model {workload.model_name}: ' if workload.model_name else ''}{said}"
    release = None if claim is None else str(claim.reference)
    return _finding(endpoint, _KINDS[objection.doubt], _place(workload, path), message, release=release)


def _place(workload: Workload, path: str) -> str:
    return workload.place if path == "PrimaryContainer" else f"{workload.place}/{path}"


def _finding(endpoint: Endpoint, kind: FindingKind, place: str, message: str, *, release: str | None = None) -> Finding:
    line = " ".join(message.split())
    return Finding(kind=kind, endpoint=endpoint.name, arn=endpoint.arn, place=place, message=line, release=release)
