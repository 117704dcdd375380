"""The gates of a policy, each judged by itself: at promotion, at resolution and at load alike.

Nothing here needs the network. A gate that two people waived (break glass) passes, and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from weighbridge.canonical import Json
from weighbridge.errors import TrustError, WeighbridgeError
from weighbridge.release import Release
from weighbridge.trust.approval import approvals_at, waived_at
from weighbridge.trust.exceptions import ROLE as EXCEPTIONS_ROLE
from weighbridge.trust.inspected import INSPECTION_TYPE, refuse_unsigned_exceptions, scanned_by
from weighbridge.trust.moments import check_after_statements
from weighbridge.trust.policy import Policy, check_base_model, check_licences
from weighbridge.trust.principals import principal_of
from weighbridge.trust.promotion import Promotion
from weighbridge.trust.provenance import PREDICATE_TYPE
from weighbridge.trust.statements import Statement

REMEDIES: Mapping[str, str] = {
    "bom": "see what is missing with `weighbridge bom score`, and register another version",
    "approvals": "let another person run `weighbridge approve`",
    "base-models": "train from an allowed base model, or let the channel's owner change the policy",
    "exceptions": "sign the exception with trust.keys.exceptions, and inspect again, or replace the file",
    "formats": "convert the files, and register another version",
    "order": "go back with --rollback-to",
    "promoter": "sign with a key that the policy names, or let the channel's owner name it",
    "revocations": "promote another version",
    "source": "complete the registration, or promote it in the channel before",
    "statements": "let the role that the refusal names state it: `weighbridge inspect --sign`, `weighbridge image attest`",
    "licences": "state an allowed licence in the model card, and register another version",
    "scanner": "inspect again with the scanner: `weighbridge inspect --release NAME:VERSION --scanner SCANNER --sign`",
    "separation": "let another person promote",
    "soak": "wait, or break the glass with `weighbridge break-glass`",
    "time": "set the clock, and promote again",
}


@dataclass(frozen=True, slots=True)
class Bill:
    """What was found of a release's bill of materials: where others tell something else, and critical fields without proof."""

    disagreements: tuple[str, ...] = ()
    unverified: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """What is judged: a release, who promotes it into the policy's channel and when, and what others stated.

    `source` is the promotion in the channel before, None when the bundle does not hold it; `has_source` says whether there is a
    channel before. `licences` are those of the bill of materials, None when it names none. `bill` is None when the release has no
    bill, or the policy does not ask for one.
    """

    release: Release
    policy: Policy
    promoted_by: str
    moment: datetime
    statements: Sequence[Statement]
    has_source: bool
    source: Promotion | None
    licences: Sequence[str] | None = None
    bill: Bill | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate's answer. `error` is the refusal, None when it passed; `detail` says what it was judged by; `waived` that it would
    have refused, and two people waived it."""

    name: str
    detail: str
    error: WeighbridgeError | None = None
    waived: bool = False

    @property
    def passed(self) -> bool:
        """Whether the promotion may go on, as far as this gate is concerned."""
        return self.error is None

    @property
    def remedy(self) -> str | None:
        """What to do, when it did not pass."""
        return None if self.passed else REMEDIES.get(self.name, "see the refusal")


def judge(case: Case) -> tuple[Gate, ...]:
    """Return every gate's answer, in order; gates that the policy does not ask for pass."""
    waived = waived_at(case.statements, policy=case.policy, moment=case.moment)
    return tuple(_answer(name, check, case, waived=name in waived) for name, check in _GATES.items())


def enforce(case: Case) -> frozenset[str]:
    """Refuse what a gate does not let pass, and return the names of the gates that were waived and would have refused.

    Raises:
        TrustError: rule `refused.base-owner`, `refused.base-model`, `refused.licence`, `refused.format`, `refused.scanner`,
            `refused.exception`, `refused.soak`, `refused.separation`, `refused.approvals` or `refused.bom`.
    """
    gates = judge(case)
    for gate in gates:
        if gate.error is not None:
            raise gate.error
    return frozenset(gate.name for gate in gates if gate.waived)


_BOM = "refused.bom"


def _answer(name: str, check: Callable[[Case], str], case: Case, *, waived: bool) -> Gate:
    try:
        return Gate(name=name, detail=check(case))
    except TrustError as error:
        if waived:
            return Gate(name=name, detail=f"waived by two people: {error}", waived=True)
        return Gate(name=name, detail=str(error), error=error)


def _base_models(case: Case) -> str:
    check_base_model(release=case.release, policy=case.policy)
    base = case.release.lineage.base_model
    return "no base model" if base is None else f"{base.repository}@{base.revision}"


def _licences(case: Case) -> str:
    check_licences(release=case.release, policy=case.policy, licences=case.licences)
    return ", ".join(case.licences or ()) or "none named, none asked for"


def _bom(case: Case) -> str:
    level, bill = case.policy.gates.bom, case.bill
    if level is None:
        return "none asked for"
    if bill is None:
        raise TrustError(f"{_what(case)}: has no bill of materials, which {case.policy.channel} asks for", rule=_BOM)
    if bill.disagreements:
        more = len(bill.disagreements) - 1
        raise TrustError(f"{_what(case)}: {bill.disagreements[0]}{f', and {more} more' if more else ''}", rule=_BOM)
    if level == "verified" and bill.unverified:
        raise TrustError(
            f"{_what(case)}: {case.policy.channel} asks for a verified bill of materials, and nothing verifies: "
            f"{'; '.join(bill.unverified)}",
            rule=_BOM,
        )
    return level


def _formats(case: Case) -> str:
    allowed = case.policy.gates.formats
    if not allowed:
        return "any that the inspector lets pass"
    found: dict[str, str] = {}
    for predicate in _inspections(case):
        files = predicate.get("files")
        for file in files if isinstance(files, list) else ():
            if isinstance(file, dict):
                found[str(file.get("path"))] = str(file.get("format"))
    what = _what(case)
    for item in case.release.components:
        if item.role == "load" and item.path not in found:
            raise TrustError(
                f"{what}: no signed inspection names the format of {item.path!r}: {case.policy.channel} restricts formats",
                rule="refused.format",
            )
        if item.role == "load" and found[item.path] not in allowed:
            raise TrustError(
                f"{what}: {item.path!r} is of format {found[item.path]!r}; {case.policy.channel} allows "
                f"{', '.join(allowed)}",
                rule="refused.format",
            )
    return ", ".join(sorted(set(found.values())))


def _scanner(case: Case) -> str:
    wanted = case.policy.gates.scanner
    if wanted is None:
        return "none asked for"
    found = _inspections(case)
    if not found or not all(scanned_by(predicate, wanted) for predicate in found):
        raise TrustError(
            f"{_what(case)}: no signed inspection says that {wanted} judged every file, which {case.policy.channel} asks for: "
            f"inspect again with --scanner {wanted}, or with trust.inspector.scanner: {wanted}",
            rule="refused.scanner",
        )
    return wanted


def _exceptions(case: Case) -> str:
    policy = case.policy
    keys = [policy.keys[key_id] for key_id in policy.roles.get(EXCEPTIONS_ROLE, ())]
    count = sum(
        refuse_unsigned_exceptions(item.predicate, release=case.release, keys=keys, moment=case.moment)
        for item in case.statements
        if item.predicate_type == INSPECTION_TYPE
    )
    return f"{count} files pass by one" if count else "none needed"


def _inspections(case: Case) -> list[Mapping[str, Json]]:
    inspectors = case.policy.keys_for(INSPECTION_TYPE).keys()
    return [
        item.predicate
        for item in case.statements
        if item.predicate_type == INSPECTION_TYPE and not inspectors.isdisjoint(item.signed_by)
    ]


def _soak(case: Case) -> str:
    wanted = timedelta(hours=case.policy.gates.soak_hours)
    if not wanted or not case.has_source:
        return "none asked for" if not wanted else "this is the first channel"
    source = _source(case, rule="refused.soak")
    ripe = source.promoted_at + wanted
    if case.moment < ripe:
        raise TrustError(
            f"{_what(case)}: was promoted in {source.channel} at {source.promoted_at:%Y-%m-%dT%H:%M:%SZ}; "
            f"{case.policy.channel} takes it {case.policy.gates.soak_hours} hours later, at {ripe:%Y-%m-%dT%H:%M:%SZ}",
            rule="refused.soak",
        )
    return f"in {source.channel} since {source.promoted_at:%Y-%m-%dT%H:%M:%SZ}"


def _separation(case: Case) -> str:
    gates = case.policy.gates
    if not gates.separation:
        return "not asked for"
    promoter = principal_of(case.promoted_by)
    if promoter not in {principal_of(item) for item in gates.principals.values()}:
        raise TrustError(
            f"{_what(case)}: {case.promoted_by!r} promotes, and is nobody whose key {case.policy.channel} knows: sign with a "
            "key that gates.principals names",
            rule="refused.separation",
        )
    others = {principal_of(item): what for item, what in _registered_by(case)}
    if case.has_source:
        source = _source(case, rule="refused.separation")
        others[principal_of(source.promoted_by)] = f"promoted it into {source.channel}"
    if promoter in others:
        raise TrustError(
            f"{_what(case)}: {case.promoted_by} {others[promoter]} and may not promote it into {case.policy.channel} too",
            rule="refused.separation",
        )
    return f"{case.promoted_by} did nothing else of it"


def _approvals(case: Case) -> str:
    terms = case.policy.gates.approvals
    if terms is None:
        return "none asked for"
    found = dict(approvals_at(case.statements, policy=case.policy, moment=case.moment))
    if case.policy.gates.separation:
        found.pop(principal_of(case.promoted_by), None)
    if len(found) < terms.count:
        raise TrustError(
            f"{_what(case)}: {len(found)} of the {terms.count} people who must approve it for {case.policy.channel} did, "
            f"within {terms.days} days before the promotion ({', '.join(sorted(found)) or 'nobody'})",
            rule="refused.approvals",
        )
    return f"approved by {', '.join(sorted(found))}"


def _time(case: Case) -> str:
    latest = check_after_statements(
        case.moment, statements=case.statements, policy=case.policy, source=case.source, subject=_what(case)
    )
    return "nothing is dated" if latest is None else f"after {latest:%Y-%m-%dT%H:%M:%SZ}"


def _registered_by(case: Case) -> Sequence[tuple[str, str]]:
    registrars = case.policy.keys_for(PREDICATE_TYPE).keys()
    found: list[tuple[str, str]] = []
    for statement in case.statements:
        if statement.predicate_type != PREDICATE_TYPE or registrars.isdisjoint(statement.signed_by):
            continue
        details, definition = statement.predicate.get("runDetails"), statement.predicate.get("buildDefinition")
        builder = details.get("builder") if isinstance(details, dict) else None
        if isinstance(builder, dict):
            found.append((str(builder.get("id")).removeprefix("urn:weighbridge:registrar:"), "registered it"))
        internal = definition.get("internalParameters") if isinstance(definition, dict) else None
        if isinstance(internal, dict) and "role" in internal:
            found.append((str(internal["role"]), "trained it"))
    return found


def _source(case: Case, *, rule: str) -> Promotion:
    if case.source is None:
        raise TrustError(
            f"{_what(case)}: the bundle does not hold its promotion in the channel before, which {case.policy.channel} asks "
            "for: promote it again",
            rule=rule,
        )
    return case.source


def _what(case: Case) -> str:
    return f"{case.release.name}:{case.release.version}"


_GATES: Mapping[str, Callable[[Case], str]] = {
    "base-models": _base_models,
    "licences": _licences,
    "formats": _formats,
    "scanner": _scanner,
    "exceptions": _exceptions,
    "bom": _bom,
    "soak": _soak,
    "separation": _separation,
    "approvals": _approvals,
    "time": _time,
}
