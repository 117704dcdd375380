"""Releases and promotions as values, for the graph; and channels in memory as `collect` reads them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from tests.unit.promotion.promotion_world import PromotionWorld
from weighbridge.ledger.events import Entry, Event
from weighbridge.lineage import ChannelRecords, LineageGraph
from weighbridge.names import Digest, ReleaseId
from weighbridge.release import BaseModel, Chunks, Component, Dataset, Lineage, Release, Runtime
from weighbridge.trust import Promotion, RegistryStore

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
REVISION = "a" * 40
IMAGE = "registry.example.com/docker/inference@sha256:" + "a" * 64


def release(
    name: str,
    *,
    version: str = "1.0.0",
    weights: Sequence[str] = (),
    datasets: Sequence[str] = (),
    base: str | None = None,
    parameters: dict[str, str] | None = None,
) -> Release:
    """Return a release whose weight files and datasets are named by what they hold."""
    held = [("config.json", "config"), *((f"{item}.safetensors", item) for item in (weights or (f"{name}{version}",)))]
    return Release(
        name=name,
        version=version,
        components=tuple(
            Component(path=path, size=len(text), digest=Digest.of(text.encode()), role="load")
            for path, text in sorted(held)
        ),
        chunks=Chunks(size=1, digest=Digest.of(b"chunks")),
        runtime=Runtime(image=IMAGE, lock=Digest.of(b"lock")),
        lineage=Lineage(
            base_model=None if base is None else BaseModel(repository=base, revision=REVISION),
            datasets=tuple(Dataset(name=item, digest=Digest.of(item.encode())) for item in datasets),
            parameters=parameters or {},
        ),
    )


def promotion(of: Release, *, channel: str, sequence: int = 1) -> Promotion:
    """Return a promotion of a release."""
    return Promotion(
        channel=channel,
        name=of.name,
        version=of.version,
        sequence=sequence,
        release=of.digest,
        statements=Digest.of(b"statements"),
        source=None,
        source_id=None,
        reason="promote",
        promoted_at=NOW,
        promoted_by="ann",
    )


def graph(*releases: Release, promotions: Sequence[Promotion] = (), failures: Sequence[str] = ()) -> LineageGraph:
    """Return the graph of these."""
    known = {item.digest: item for item in releases}
    return LineageGraph(releases=known, promotions=tuple(promotions), failures=tuple(failures))


def chain(*events: Event) -> list[Entry]:
    """Return the events as the entries of a ledger."""
    entries: list[Entry] = []
    for event in events:
        entries.append(Entry.after(entries[-1].head if entries else None, event=event))
    return entries


def accepted(environment: str, of: Promotion, *, at: datetime = NOW) -> Event:
    """Tell that an environment accepted a promotion."""
    return Event(
        id=f"accepted:{environment}/{of.name}:{of.sequence}", kind="accepted", at=at, actor="resolver",
        environment=environment, channel=of.channel, model=of.name, version=of.version, release=of.release,
        release_id=ReleaseId(sequence=of.sequence, digest=of.digest),
    )  # fmt: skip


def channel_records(world: PromotionWorld, name: str) -> ChannelRecords:
    """Return a channel of the world as its reader sees it."""
    found = world.channels[name]
    return ChannelRecords(
        layout=found.layout,
        client=world.registry,
        reader=world.access(name).reader,
        source=RegistryStore(client=world.registry, repository=found.layout.records_repository),
        root=found.root,
    )
