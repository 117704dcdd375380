"""The registrar tells the ledger what it registered and promoted, once, and is repeated when it cannot."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from registrar_world import RegistrarWorld, job

from tests.unit.registration.memory_registry import INCOMING
from weighbridge.errors import CloudError
from weighbridge.ledger.events import Event, EventSink, SqliteEvents
from weighbridge.registration.pipeline import StepAnswer, publish_step, register_step


def steps(world: RegistrarWorld, sink: EventSink) -> list[StepAnswer]:
    registrar = replace(world.registrar(), events=sink)
    return [
        step(job=job(), incoming=INCOMING, registrar=registrar, notices=world.told)
        for step in (register_step, publish_step)
    ]


def test_each_is_told_once_however_often_a_step_is_repeated(tmp_path: Path) -> None:
    world, ledger = RegistrarWorld(tmp_path), SqliteEvents(path=tmp_path / "events.sqlite")
    world.train()
    for _ in range(3):
        steps(world, ledger)
    registered, promoted = (entry.event for entry in ledger.events())
    head = world.state().head("minilm")
    assert (registered.kind, registered.release, registered.model) == ("registered", head.release, "minilm")
    assert (promoted.kind, promoted.release_id, promoted.actor) == ("promoted", head.release_id, head.promoted_by)


def test_what_cannot_be_told_is_an_error_and_the_repetition_completes_it(tmp_path: Path) -> None:
    class Away:
        def emit(self, *, event: Event) -> None:
            raise CloudError(f"events:PutEvents: {event.kind}")

    world, ledger = RegistrarWorld(tmp_path), SqliteEvents(path=tmp_path / "events.sqlite")
    world.train()
    with pytest.raises(CloudError, match="registered"):
        steps(world, Away())
    steps(world, ledger)
    assert [entry.event.kind for entry in ledger.events()] == ["registered", "promoted"]
