"""What runs where, and who let it: read from a ledger's events alone, in their order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from weighbridge.ledger.events import Entry, Event
from weighbridge.names import Digest, ReleaseId
from weighbridge.resource_names import resource_name


@dataclass(frozen=True, slots=True)
class Place:
    """A release that an environment accepted for the endpoint of its model.

    `running` is whether it is the newest that was accepted there and not taken back; `loaded_at` the newest load receipt
    that was told, None without one. `promoted_by` and `approved_by` are actors of the events of its promotion.
    """

    environment: str
    channel: str
    model: str
    version: str
    release: Digest
    release_id: ReleaseId
    endpoint: str
    accepted_at: datetime
    running: bool
    loaded_at: datetime | None
    promoted_by: str | None
    approved_by: tuple[str, ...]
    revoked: str | None


@dataclass(frozen=True, slots=True)
class Places:
    """Every place, by environment and model, oldest first."""

    all: tuple[Place, ...]

    def of_model(self, name: str, version: str | None = None) -> tuple[Place, ...]:
        """Return the places of a model, or of one version."""
        return tuple(item for item in self.all if item.model == name and version in (None, item.version))

    def of_release(self, release: Digest) -> tuple[Place, ...]:
        """Return the places of a release."""
        return tuple(item for item in self.all if item.release == release)


def places_of(entries: Iterable[Entry]) -> Places:
    """Return what the events of one or several ledgers say of places. The entries of a ledger come in their order."""
    found: dict[tuple[str, str, str, ReleaseId], Place] = {}
    told = _Told({}, {}, {}, set())
    for entry in entries:
        event = entry.event
        told.hear(event)
        if event.kind == "accepted":
            place = _place(event)
            key = (place.environment, place.channel, place.model, place.release_id)
            found.pop(key, None)
            found[key] = place
        elif event.kind == "loaded" and event.release_id is not None:
            for key, place in found.items():
                same = (event.channel, event.model, event.release_id) == key[1:]
                if same and event.environment in (None, place.environment):
                    found[key] = replace(place, loaded_at=event.at)
    last = _last(found.values(), told)
    return Places(all=tuple(told.complete(item, last=last) for item in found.values()))


@dataclass(frozen=True, slots=True)
class _Told:
    promoted: dict[tuple[str | None, ReleaseId | None], str]
    approved: dict[tuple[str | None, Digest | None], tuple[str, ...]]
    revoked: dict[tuple[str | None, Digest | None], str]
    taken_back: set[tuple[str | None, str | None, ReleaseId | None]]

    def hear(self, event: Event) -> None:
        if event.kind in ("promoted", "rolled-back"):
            self.promoted[event.channel, event.release_id] = event.actor
        elif event.kind == "approved":
            key = (event.channel, event.release)
            self.approved[key] = tuple(dict.fromkeys((*self.approved.get(key, ()), event.actor)))
        elif event.kind == "revoked":
            self.revoked[event.channel, event.release] = event.details.get("reason", "")
        elif event.kind == "set-back":
            self.taken_back.add((event.environment, event.model, event.release_id))

    def complete(self, place: Place, *, last: Mapping[tuple[str, str], ReleaseId]) -> Place:
        return replace(
            place,
            running=last.get((place.environment, place.model)) == place.release_id,
            promoted_by=self.promoted.get((place.channel, place.release_id)),
            approved_by=self.approved.get((place.channel, place.release), ()),
            revoked=self.revoked.get((place.channel, place.release)),
        )


def _last(places: Iterable[Place], told: _Told) -> Mapping[tuple[str, str], ReleaseId]:
    return {
        (item.environment, item.model): item.release_id
        for item in sorted(places, key=lambda item: item.accepted_at)
        if (item.environment, item.model, item.release_id) not in told.taken_back
    }


def _place(event: Event) -> Place:
    # The kind `accepted` has all of these; see Event.
    environment, model = str(event.environment), str(event.model)
    assert event.release is not None and event.release_id is not None  # noqa: PT018
    return Place(
        environment=environment,
        channel=str(event.channel),
        model=model,
        version=str(event.version),
        release=event.release,
        release_id=event.release_id,
        endpoint=resource_name("weighbridge", environment, model),
        accepted_at=event.at,
        running=False,
        loaded_at=None,
        promoted_by=None,
        approved_by=(),
        revoked=None,
    )
