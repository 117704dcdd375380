"""What the auditor's function does beside auditing: tell what nobody else may, seal, measure; and the queue's writer."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from securesystemslib.signer import CryptoSigner

from tests.unit.audit.audit_world import accept, promotion
from tests.unit.lineage.lineage_world import channel_records
from tests.unit.promotion.promotion_world import MODEL, NOW, PromotionWorld, make_promotion_world
from weighbridge.audit import AuditSources
from weighbridge.audit.collect import acceptance_events, approval_events, receipt_events
from weighbridge.audit.run import AuditorRun
from weighbridge.errors import CloudError
from weighbridge.ledger.events import (
    Event,
    FolderSeals,
    SqliteEvents,
    read_seals,
    seal_ledger,
    tell,
    write_messages,
)
from weighbridge.logs import JsonLog
from weighbridge.resolution import Mark, Scope, SqliteAcceptances
from weighbridge.serving.receipt import SCHEMA
from weighbridge.trust import Approval

LATER = NOW + timedelta(hours=3)
SCOPE = Scope(channel="prod", model=MODEL)


def collected(store: SqliteAcceptances) -> list[Event]:
    return list(acceptance_events(store=store, channel="prod", models=[MODEL], environment="prod", now=LATER))


def test_what_resolver_and_watcher_remember_is_told(tmp_path: Path) -> None:
    store = SqliteAcceptances(path=tmp_path / "acceptances.sqlite")
    one, two, three = (promotion(sequence=number) for number in (1, 2, 3))
    store.accept(accept(one))
    store.accept(accept(two))
    for kind, of, at in (
        ("tried", one, NOW),
        ("failed", two, NOW),
        ("tried", three, NOW),
        ("revoked", one, NOW),
    ):
        store.mark(SCOPE, Mark(of.release_id, kind, f"{kind} it", at))  # type: ignore[arg-type]
    told = [(event.kind, event.release_id) for event in collected(store)]
    assert sorted(told, key=str) == sorted(
        [
            ("accepted", one.release_id),
            ("accepted", two.release_id),
            ("set-back", two.release_id),
            ("refused", three.release_id),
        ],
        key=str,
    )
    assert collected(store) == collected(store)


def test_an_id_that_was_asked_for_a_moment_ago_is_not_refused_yet(tmp_path: Path) -> None:
    store = SqliteAcceptances(path=tmp_path / "acceptances.sqlite")
    store.mark(SCOPE, Mark(promotion(sequence=1).release_id, "tried", "asked for", LATER - timedelta(minutes=5)))
    assert collected(store) == []


class Logs:
    """CloudWatch's filter_log_events for one group."""

    class exceptions:  # noqa: N801
        class ResourceNotFoundException(Exception):  # noqa: N818
            """There is no such group."""

    def __init__(self, messages: list[str]) -> None:
        self.messages = messages
        self.asked: list[dict[str, Any]] = []

    def get_paginator(self, _name: str) -> Logs:
        return self

    def paginate(self, **asked: Any) -> Iterator[dict[str, Any]]:
        self.asked.append(asked)
        if asked["logGroupName"] != "/aws/sagemaker/Endpoints/weighbridge-prod-minilm":
            raise self.exceptions.ResourceNotFoundException
        events = [
            {"eventId": str(number), "logStreamName": "AllTraffic/i-1", "message": message}
            for number, message in enumerate(self.messages)
        ]
        yield {"events": events}


def test_load_receipts_are_told_and_junk_is_left_out() -> None:
    of = promotion(sequence=4)
    reference = f"registry.example.com/prod-models/{MODEL}:{of.version}@{of.release}"
    receipt = {
        "schema": SCHEMA, "release": reference, "promotion": str(of.release_id), "channel": "prod", "bytes": 9, "files": 2,
        "seconds": 1.5, "time": "2026-11-23T12:00:00.123Z",
    }  # fmt: skip
    line = json.dumps({"event": "loaded", **receipt})
    logs = Logs([line, "not JSON", json.dumps({"schema": "weighbridge.load-receipt/v1", "release": "x"}), "[]"])
    [event] = receipt_events(client=logs, environment="prod", models=["other", MODEL], now=LATER)  # type: ignore[arg-type]
    assert (event.kind, event.release, event.release_id, event.at) == ("loaded", of.release, of.release_id, NOW)
    assert event.actor == "log:weighbridge-prod-minilm/AllTraffic/i-1"
    assert event.details == {"endpoint": "weighbridge-prod-minilm", "bytes": "9", "files": "2"}
    assert "weighbridge.load-receipt/v1" in logs.asked[0]["filterPattern"]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> PromotionWorld:
    world = make_promotion_world(tmp_path_factory.mktemp("auditor"))
    world.register("1.0.0")
    world.promote("1.0.0", to="dev")
    return world


def run(
    world: PromotionWorld, folder: Path, *, seal_fails: bool = False
) -> tuple[AuditorRun, SqliteEvents, io.StringIO]:
    ledger, sealer, out = SqliteEvents(path=folder / "events.sqlite"), CryptoSigner.generate_ed25519(), io.StringIO()
    store = FolderSeals(folder=folder / "seals")

    def seal() -> Any:
        if seal_fails:
            raise CloudError("kms:Sign: denied")
        return seal_ledger(ledger=ledger, store=store, signer=sealer, name="dev", now=LATER)

    promoted = tell.promoted(promotion=world.state("dev").head(MODEL), environment="dev")
    sources = AuditSources(
        channel=channel_records(world, "dev"), files=world.registry, environment="dev", ledger=ledger,
        seals=lambda: read_seals(store=store, keys=[sealer.public_key], ledger="dev"),
    )  # fmt: skip
    done = AuditorRun(
        sources=sources, ledger=ledger, sink=ledger, collected=lambda: [promoted], seal=seal,
        log=JsonLog(out=out, err=out), clock=lambda: LATER,
    )  # fmt: skip
    return done, ledger, out


def test_a_run_tells_seals_audits_and_measures(world: PromotionWorld, tmp_path: Path) -> None:
    once, ledger, out = run(world, tmp_path)
    assert once().clean
    assert once().clean
    assert [entry.event.kind for entry in ledger.events()] == ["promoted"]
    measured = [json.loads(line) for line in out.getvalue().splitlines() if "_aws" in line]
    assert [(line["AuditFindings"], line["AuditedReleases"]) for line in measured] == [(0, 1), (0, 1)]
    assert len(list((tmp_path / "seals").iterdir())) == 1


def test_what_cannot_be_sealed_is_told_and_the_audit_goes_on(world: PromotionWorld, tmp_path: Path) -> None:
    once, _, out = run(world, tmp_path, seal_fails=True)
    assert once().releases == 1
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert any("sealing: kms:Sign: denied" in line.get("message", "") for line in lines)
    [measured] = [line for line in lines if "_aws" in line]
    assert "AuditedReleases" not in measured


def message(number: int, body: str) -> dict[str, object]:
    return {"messageId": f"m{number}", "body": body}


def test_the_writer_chains_in_order_and_leaves_junk_out(tmp_path: Path) -> None:
    ledger = SqliteEvents(path=tmp_path / "events.sqlite")
    one = tell.promoted(promotion=promotion(sequence=1), environment="prod")
    two = tell.promoted(promotion=promotion(sequence=2), environment="prod")
    other = replace(one, actor="mallory")
    bodies = [one.to_bytes().decode(), "junk", json.dumps(other.to_json()), json.dumps(two.to_json()), "{}"]
    done = write_messages([message(number, body) for number, body in enumerate(bodies)], ledger=ledger)
    assert (done.entries, done.again) == ((1, 2), ())
    assert [line.partition(":")[0] for line in done.rejected] == ["message m1", "message m2", "message m4"]
    assert [entry.event.actor for entry in ledger.events()] == ["ann", "ann"]


def test_when_the_ledger_is_away_the_message_and_all_after_it_come_again(tmp_path: Path) -> None:
    class Away(SqliteEvents):
        def append(self, *, event: Event) -> Any:
            if event.id.endswith(str(promotion(sequence=2).release_id)):
                raise CloudError("dynamodb: throttled")
            return super().append(event=event)

    events = [tell.promoted(promotion=promotion(sequence=number), environment="prod") for number in (1, 2, 3)]
    messages = [message(number, event.to_bytes().decode()) for number, event in enumerate(events)]
    done = write_messages(messages, ledger=Away(path=tmp_path / "events.sqlite"))
    assert (done.entries, done.again) == ((1,), ("m1", "m2"))


def test_approvals_that_a_promotion_was_made_with_are_told(
    world: PromotionWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    approval = Approval(
        channel="dev", approver="arn:aws:sts::111111111111:assumed-role/owner/bob", reason="looks good",
        approved_at=NOW, expires=NOW + timedelta(days=1), event="row",
    )  # fmt: skip
    monkeypatch.setattr("weighbridge.audit.collect.approvals_at", lambda *_, **__: {"owner/bob": approval})
    channel = channel_records(world, "dev")
    [event] = approval_events(channel=channel, models=[MODEL], environment="dev")
    assert (event.kind, event.actor, event.version) == ("approved", approval.approver, "1.0.0")
    assert event.release == world.state("dev").head(MODEL).release
    kept = dict(world.registry.files)
    try:
        for key in [key for key in kept if "/records/" in key[1]]:
            world.registry.files[key] = b"{}"
        assert list(approval_events(channel=channel, models=[MODEL], environment="dev")) == []
    finally:
        world.registry.files.update(kept)
