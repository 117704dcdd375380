"""A check: an id, what it asks, and a function from the set-up to judgements."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from weighbridge.doctor.findings import Finding, Judgement, NotCheckedError, Severity, unknown
from weighbridge.doctor.setup import Setup
from weighbridge.errors import InputError, WeighbridgeError


@dataclass(frozen=True, slots=True)
class Check:
    """One check. `id` is TOPIC.NAME; ids of topic `aws` need AWS, all others the registry.

    A `gate` that does not open makes the later checks of its side pointless: they are not asked.
    """

    id: str
    asks: str
    run: Callable[[Setup], Iterable[Judgement]]
    gate: bool = False

    @property
    def topic(self) -> str:
        """The part of the id before the dot."""
        return self.id.partition(".")[0]

    @property
    def side(self) -> str:
        """Who answers: `aws` or `registry`."""
        return "aws" if self.topic == "aws" else "registry"


def run_check(check: Check, setup: Setup) -> tuple[Finding, ...]:
    """Run one check. What it could not find out, for whatever reason, is `could not check`; never `ok`."""
    try:
        judgements = tuple(check.run(setup))
    except NotCheckedError as error:
        judgements = (unknown(str(error), remedy=error.remedy),)
    except WeighbridgeError as error:
        judgements = (unknown(str(error), remedy="remove the cause that is named, then run again"),)
    except ClientError as error:
        judgements = (_refused(error),)
    except BotoCoreError as error:
        remedy = "check AWS credentials, region and network, then run again"
        judgements = (unknown(f"AWS gave no answer: {error}", remedy=remedy),)
    if not judgements:
        judgements = (unknown("the check found nothing to look at", remedy="check the environment's settings"),)
    return tuple(Finding.of(check.id, judgement) for judgement in judgements)


def not_asked(check: Check, *, gate: Finding) -> Finding:
    """Return the finding of a check that was not run, because nobody would answer."""
    judgement = unknown(f"not asked: {gate.check} found: {gate.message}", remedy=gate.remedy)
    return Finding.of(check.id, judgement)


def closed(check: Check, found: Sequence[Finding]) -> Finding | None:
    """Return the finding that keeps a gate shut: nobody answered, or nobody knows whether anybody would."""
    if not check.gate:
        return None
    shut = (Severity.PROBLEM, Severity.UNKNOWN) if check.side == "registry" else (Severity.UNKNOWN,)
    return next((finding for finding in found if finding.severity in shut), None)


def choose(checks: Sequence[Check], *, only: Sequence[str], aws: bool) -> tuple[Check, ...]:
    """Return the checks whose id or topic stands in `only` (all when it is empty), without AWS's unless `aws`.

    Raises:
        InputError: for a word that is no check and no topic.
    """
    known = {word for check in checks for word in (check.id, check.topic)}
    for word in only:
        if word not in known:
            topics = ", ".join(dict.fromkeys(check.topic for check in checks))
            raise InputError(f"--only {word!r}: no check and no topic of that name: choose from {topics}")
    return tuple(
        check
        for check in checks
        if (not only or check.id in only or check.topic in only) and (aws or check.topic != "aws")
    )


def _refused(error: ClientError) -> Judgement:
    code = str(error.response.get("Error", {}).get("Code", "error"))
    call = error.operation_name
    denied = any(word in code for word in ("AccessDenied", "Unauthorized", "NotAuthorized"))
    remedy = f"allow {call} to the role that asks" if denied else "see AWS's documentation of the error, then run again"
    return unknown(f"AWS did not answer {call} ({code})", remedy=remedy)
