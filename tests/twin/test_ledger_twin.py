"""The ledger on the local AWS: from the bus through the queue to its one writer, sealed and audited by the auditor."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from twin_governance import CHANNEL, READER, Governance

from local.registry.standard import records_repository
from weighbridge.ledger.events import DynamoDbEvents, EventBridgeSink, S3Seals, read_seals, tell, verify_ledger
from weighbridge.ledger.events.sinks import DETAIL_TYPE, SOURCE
from weighbridge.trust import load_signer

pytestmark = pytest.mark.twin

BUS = f"weighbridge-{CHANNEL}-ledger"
PATIENCE_SECONDS = 60.0


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "did not come about"
        time.sleep(0.1)


def ledger(governance: Governance) -> DynamoDbEvents:
    return DynamoDbEvents(client=governance.aws("dynamodb"), table=governance.outputs["EventsTable"])


def subjects(governance: Governance) -> list[str]:
    return [entry.event.details.get("subject", "") for entry in ledger(governance).events()]


def say(governance: Governance, subject: str) -> None:
    event = tell.channel_changed(
        kind="renewed", channel=CHANNEL, environment=CHANNEL, subject=subject, actor="ann", at=datetime.now(UTC), details={}
    )  # fmt: skip
    EventBridgeSink(client=governance.aws("events"), bus=BUS).emit(event=event)


def test_what_is_told_is_chained_in_order_and_junk_stops_nothing(governance: Governance) -> None:
    junk = {"Source": SOURCE, "DetailType": DETAIL_TYPE, "Detail": '{"kind": "promoted"}', "EventBusName": BUS}
    say(governance, "first")
    governance.aws("events").put_events(Entries=[junk])
    governance.aws("events").put_events(Entries=[{**junk, "Source": "somebody.else"}])
    for subject in ("second", "third"):
        say(governance, subject)
    wait_for(lambda: "third" in subjects(governance))
    assert [name for name in subjects(governance) if name] == ["first", "second", "third"]
    wait_for(lambda: rejected(governance))
    (line,) = rejected(governance)
    assert "refused.event" in line


def rejected(governance: Governance) -> list[str]:
    return [line for line in governance.log("governance", "LedgerWriter") if '"event-rejected"' in line]


def test_the_auditor_measures_no_audit_without_a_token_then_seals_and_names_what_was_added(
    governance: Governance,
) -> None:
    auditor = governance.outputs["AuditorFunction"]
    succeeded, _, said = governance.invoke(auditor)
    assert succeeded, said
    assert READER in next(line for line in said.splitlines() if '"not-audited"' in line)
    assert "AuditedReleases" not in said, "its absence rings"
    governance.give_token(READER, user="reader")
    say(governance, "sealed")
    wait_for(lambda: "sealed" in subjects(governance))
    assert audit(governance, auditor) == []
    key = load_signer(f"awskms:{governance.sealer}", kms_client=governance.aws("kms")).public_key
    store = S3Seals(client=governance.aws("s3"), bucket=governance.outputs["SealsBucket"])
    seals = read_seals(store=store, keys=[key], ledger=CHANNEL)
    verdict = verify_ledger(ledger=ledger(governance), seals=seals)
    assert (verdict.holds, seals.problems) == (True, ())
    assert verdict.sealed == len(subjects(governance))
    governance.client("admin").deploy_bytes(
        repository=records_repository(CHANNEL), path="minilm/releases/evil.json", data=b"{}"
    )
    assert audit(governance, auditor) != []


def audit(governance: Governance, auditor: str) -> list[str]:
    succeeded, _, said = governance.invoke(auditor)
    assert succeeded, said
    assert "AuditedReleases" in said
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    return [line["rule"] for line in lines if line.get("event") == "finding"]
