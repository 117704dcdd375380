"""Build the graph anew from what is signed: every channel's promotions, and every release that they or the ledger name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from weighbridge.errors import RegistryNotFoundError, TrustError, WeighbridgeError
from weighbridge.layout import ChannelLayout
from weighbridge.ledger.events import Entry
from weighbridge.lineage.graph import LineageGraph
from weighbridge.names import Digest
from weighbridge.release import RELEASE_LIMIT, Release, parse_release
from weighbridge.trust import ChannelState, Promotion
from weighbridge.trust.delegations import delegated_roles
from weighbridge.trust.repository import read_roots, read_snapshot, read_targets, read_timestamp
from weighbridge.trust.roles import RESERVED
from weighbridge.trust.stores import MetadataSource, RegistryReader
from weighbridge.verification.record import RECORD_LIMIT, parse_record


class StateReader(Protocol):
    """Reads a channel, verified (`weighbridge.trust.ChannelReader`)."""

    def refresh(self, name: str) -> ChannelState:
        """Return the state for a model."""
        ...


@dataclass(frozen=True, slots=True)
class ChannelRecords:
    """One channel: its repositories, who may read them, its verified reader, and where its metadata lies."""

    layout: ChannelLayout
    client: RegistryReader
    reader: StateReader
    source: MetadataSource
    root: Digest


def models_of(channel: ChannelRecords) -> tuple[str, ...]:
    """Return the models that the channel's owner named, sorted, from verified metadata.

    Raises:
        TrustError: when it does not verify.
        RegistryError: when it cannot be read.
    """
    root = read_roots(channel.source, pin=channel.root)[-1]
    snapshot = read_snapshot(channel.source, root=root, timestamp=read_timestamp(channel.source, root=root))
    targets = read_targets(channel.source, role="targets", snapshot=snapshot, delegator=root)
    if targets is None:
        raise TrustError("the snapshot does not name the role 'targets'", rule="refused.metadata")
    return tuple(sorted(set(delegated_roles(targets)) - set(RESERVED)))


def collect(*, channels: Sequence[ChannelRecords], entries: Iterable[Entry] = ()) -> LineageGraph:
    """Return the graph of all channels.

    Every promotion is read from verified metadata, every release by the digest that a promotion or an entry names. What
    cannot be read or does not verify is a failure of the graph and does not keep the rest from it.

    Args:
        entries: of the ledgers, for releases that were registered and never promoted.
    """
    releases: dict[Digest, Release] = {}
    promotions: list[Promotion] = []
    failures: list[str] = []
    for channel in channels:
        try:
            models = models_of(channel)
        except WeighbridgeError as error:
            failures.append(f"channel {channel.layout.channel}: {error}")
            continue
        for name in models:
            try:
                found = channel.reader.refresh(name).promotions(name)
            except WeighbridgeError as error:
                failures.append(f"channel {channel.layout.channel}: {name}: {error}")
                continue
            promotions += found
            for promotion in found:
                if promotion.release not in releases:
                    _add(releases, failures, channel, name=name, digest=promotion.release, promotion=promotion)
    for entry in entries:
        event = entry.event
        if event.kind != "registered" or event.release is None or event.model is None or event.release in releases:
            continue
        of = next((each for each in channels if each.layout.channel == event.channel), None)
        if of is not None:
            _add(releases, failures, of, name=event.model, digest=event.release, promotion=None)
    ordered = sorted(promotions, key=lambda item: (item.channel, item.name, item.sequence))
    return LineageGraph(releases=releases, promotions=tuple(ordered), failures=tuple(failures))


def _add(
    releases: dict[Digest, Release],
    failures: list[str],
    channel: ChannelRecords,
    *,
    name: str,
    digest: Digest,
    promotion: Promotion | None,
) -> None:
    try:
        releases[digest] = _release(channel, name=name, digest=digest, promotion=promotion)
    except WeighbridgeError as error:
        failures.append(f"channel {channel.layout.channel}: {name}: release {digest}: {error}")


def _release(channel: ChannelRecords, *, name: str, digest: Digest, promotion: Promotion | None) -> Release:
    # Channels that a release was promoted into hold its record alone.
    layout, repository = channel.layout, channel.layout.records_repository
    if promotion is not None:
        path = layout.record_path(name=name, release=digest, statements=promotion.statements)
        try:
            data, _ = parse_record(channel.client.read(repository=repository, path=path, limit=RECORD_LIMIT))
            return parse_release(data, expected=digest)
        except RegistryNotFoundError:
            pass
    path = layout.release_path(name=name, release=digest)
    return parse_release(channel.client.read(repository=repository, path=path, limit=RELEASE_LIMIT), expected=digest)
