"""The audit of one channel and environment: everything that is signed is verified anew, and compared with all that lies there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from weighbridge.audit.findings import AuditReport, Finding
from weighbridge.audit.signed import Signed, read_registered, read_signed
from weighbridge.audit.stored import StoredFiles, check_models, check_records, list_stored, read_claims
from weighbridge.audit.told import NEAR, Signing, check_acceptances, check_events, check_ledger, check_signings
from weighbridge.errors import WeighbridgeError
from weighbridge.ledger.events import Entry, EventLedger, Seals, verify_ledger
from weighbridge.lineage import ChannelRecords
from weighbridge.resolution import AcceptanceStore, Scope


@dataclass(frozen=True, slots=True)
class AuditSources:
    """What an audit looks at. What is None is not looked at, and for ledger and seals that is a finding.

    `files` is the registry, as an identity that may read both repositories; `acceptances` the environment's table;
    `signings` gives the signatures with the channel's keys that CloudTrail counted.
    """

    channel: ChannelRecords
    files: StoredFiles
    environment: str
    ledger: EventLedger | None = None
    seals: Callable[[], Seals] | None = None
    acceptances: AcceptanceStore | None = None
    signings: Callable[[], Sequence[Signing]] | None = None


@dataclass
class _Run:
    findings: list[Finding] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def add(self, what: str, found: Callable[[], Iterable[Finding]]) -> None:
        try:
            self.findings += found()
        except WeighbridgeError as error:
            self.failures.append(f"{what}: {error}")


def audit(sources: AuditSources, *, now: datetime, deep: bool = False) -> AuditReport:
    """Look at everything; what fails to be read is a failure and keeps nothing else from being looked at.

    Args:
        deep: read and hash every file of the models repository, instead of believing the registry's own digests.
    """
    run = _Run()
    signed = read_signed(sources.channel)
    files = _files(run, sources, signed, deep=deep)
    entries = _ledger(run, sources)
    run.findings += signed.findings
    run.failures += signed.failures
    if sources.ledger is not None:
        name = sources.channel.layout.channel
        run.findings += check_events(entries, signed=signed, channel=name, young=now - NEAR)
    if sources.acceptances is not None:
        run.add("acceptances", lambda: _acceptances(sources, signed))
    if sources.signings is not None:
        signings = sources.signings
        run.add("CloudTrail", lambda: check_signings(signings(), entries=entries))
    return AuditReport(
        channel=sources.channel.layout.channel,
        releases=len(signed.releases),
        files=files,
        entries=len(entries),
        findings=tuple(dict.fromkeys(run.findings)),
        failures=tuple(run.failures),
    )


def _files(run: _Run, sources: AuditSources, signed: Signed, *, deep: bool) -> int:
    layout = sources.channel.layout
    try:
        stored = list_stored(sources.files, layout)
    except WeighbridgeError as error:
        run.failures.append(f"repositories: {error}")
        return 0
    read_registered(sources.channel, signed, claims=read_claims(sources.files, layout, stored))
    if not signed.states:
        # Without a channel that verifies nothing can be told from an intruder's.
        return len(stored.models) + len(stored.records)
    run.add("models repository", lambda: list(check_models(sources.files, layout, stored, signed, deep=deep)))
    run.add("records repository", lambda: check_records(layout, stored, signed))
    return len(stored.models) + len(stored.records)


def _ledger(run: _Run, sources: AuditSources) -> tuple[Entry, ...]:
    if sources.ledger is None:
        run.findings.append(Finding("audit.no-ledger", sources.environment, "no ledger of events is named"))
        return ()
    ledger = sources.ledger
    try:
        seals = Seals(valid=(), problems=()) if sources.seals is None else sources.seals()
        verdict = verify_ledger(ledger=ledger, seals=seals)
        run.findings += check_ledger(verdict, seal_problems=seals.problems)
        if sources.seals is None:
            run.findings.append(Finding("audit.no-seals", sources.environment, "the ledger is not sealed"))
        return tuple(_readable(ledger))
    except WeighbridgeError as error:
        run.failures.append(f"ledger: {error}")
        return ()


def _readable(ledger: EventLedger) -> Iterator[Entry]:
    for item in ledger.stored():
        try:
            yield Entry.parse(item.data)
        except WeighbridgeError:
            continue


def _acceptances(sources: AuditSources, signed: Signed) -> Iterator[Finding]:
    store = sources.acceptances
    if store is None:
        return
    name = sources.channel.layout.channel
    for model in signed.states:
        history = store.history(Scope(channel=name, model=model))
        yield from check_acceptances(history.acceptances, signed=signed, environment=sources.environment)
