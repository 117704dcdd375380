"""The strict forms weighbridge.event/v1 and weighbridge.entry/v1."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from event_world import NOW, PROMOTED

from weighbridge import canonical
from weighbridge.errors import InputError, TrustError
from weighbridge.ledger.events import KINDS, Entry, Event


def test_an_event_is_read_back_as_it_was() -> None:
    assert Event.parse(PROMOTED.to_bytes()) == PROMOTED
    plain = Event(id="1", kind="renewed", at=NOW, actor="keeper")
    assert Event.parse(plain.to_bytes()) == plain


def test_an_event_that_a_transport_wrote_anew_is_the_same_event() -> None:
    assert Event.parse(json.dumps(PROMOTED.to_json(), indent=3).encode()) == PROMOTED


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("schema", "weighbridge.event/v2"),
        ("id", ""),
        ("id", "a b"),
        ("id", "x" * 257),
        ("kind", "deleted"),
        ("at", "2026-11-24T12:00:00+01:00"),
        ("actor", ""),
        ("actor", "a\nb"),
        ("environment", "../prod"),
        ("model", "a/b"),
        ("model", None),
        ("release", "sha256:abc"),
        ("release_id", "1"),
        ("details", {"A": "b"}),
        ("details", {"a": 1}),
        ("details", {"a": "line\nline"}),
        ("details", {"a": "x" * 1025}),
        ("details", []),
    ],
)
def test_malformed_fields_are_refused_by_name(field: str, value: canonical.Json) -> None:
    with pytest.raises(TrustError, match=field) as refused:
        Event.parse(canonical.dump({**PROMOTED.to_json(), field: value}))
    assert refused.value.rule == "refused.event"


def test_unknown_and_missing_fields_are_refused() -> None:
    with pytest.raises(TrustError, match="extra: unknown"):
        Event.from_json({**PROMOTED.to_json(), "extra": None})
    document = PROMOTED.to_json()
    del document["actor"]
    with pytest.raises(TrustError, match="actor: missing"):
        Event.from_json(document)


def test_each_kind_says_what_it_needs() -> None:
    for kind in sorted(KINDS):
        replace(PROMOTED, kind=kind)
    with pytest.raises(InputError, match="release_id: an event of kind 'accepted' needs it"):
        replace(PROMOTED, kind="accepted", release_id=None)
    with pytest.raises(InputError, match="channel: an event of kind 'break-glass' needs it"):
        Event(id="1", kind="break-glass", at=NOW, actor="two people")


def test_an_entry_must_be_canonical() -> None:
    entry = Entry.after(None, event=PROMOTED)
    assert Entry.parse(entry.to_bytes()) == entry
    with pytest.raises(TrustError, match="canonical"):
        Entry.parse(json.dumps(json.loads(entry.to_bytes()), indent=1).encode())
    with pytest.raises(TrustError, match="unknown"):
        Entry.parse(entry.to_bytes().replace(b'{"event"', b'{"a":1,"event"'))
