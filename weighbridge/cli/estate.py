"""All environments of a folder together, for answers that go over every channel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from weighbridge.cli.events import events_uri, open_events
from weighbridge.cli.setup import Setup
from weighbridge.errors import SettingsError, WeighbridgeError
from weighbridge.settings import load_environments

if TYPE_CHECKING:
    from weighbridge.ledger.events import Entry
    from weighbridge.lineage import ChannelRecords, LineageGraph, Places


@dataclass(frozen=True, slots=True)
class Estate:
    """Every environment, the first channel's first."""

    setups: tuple[Setup, ...]

    @classmethod
    def open(cls, *, folder: Path) -> Estate:
        """Read the settings of every environment in `folder`.

        Raises:
            SettingsError: when there is none, or one is malformed.
        """
        found = load_environments(folder)
        if not found:
            raise SettingsError(f"{folder}: holds no settings: name the folder with --environments")
        ordered = sorted(found, key=lambda item: (item.channel.promote_from is not None, item.environment))
        return cls(setups=tuple(Setup(settings=item, file=folder / f"{item.environment}.yaml") for item in ordered))

    def channels(self) -> tuple[ChannelRecords, ...]:
        """Return each channel once, with its reader."""
        return tuple(channel_records(setup) for setup in self.by_channel())

    def by_channel(self) -> tuple[Setup, ...]:
        """Return one environment of each channel."""
        found: dict[tuple[str, str], Setup] = {}
        for setup in self.setups:
            key = (setup.settings.registry.url.rstrip("/"), setup.settings.registry.records_repository)
            found.setdefault(key, setup)
        return tuple(found.values())

    def entries(self, failures: list[str]) -> Iterator[Entry]:
        """Yield the entries of every ledger, each ledger once; what cannot be read is added to `failures`."""
        seen: set[tuple[str, str, str]] = set()
        for setup in self.setups:
            uri = events_uri(setup)
            key = (setup.settings.account, setup.settings.region, str(uri))
            if uri is None:
                failures.append(f"environment {setup.settings.environment}: trust.events names no ledger")
            elif key not in seen:
                seen.add(key)
                try:
                    yield from open_events(setup).events()
                except WeighbridgeError as error:
                    failures.append(f"environment {setup.settings.environment}: its ledger: {error}")


def channel_records(setup: Setup) -> ChannelRecords:
    """Return an environment's channel as its reader sees it."""
    from weighbridge.lineage import ChannelRecords
    from weighbridge.trust import RegistrySource

    client = setup.client()
    return ChannelRecords(
        layout=setup.layout,
        client=client,
        reader=setup.reader(client=client),
        source=RegistrySource(client=client, repository=setup.layout.records_repository),
        root=setup.settings.channel.root_digest,
    )


def look(estate: Estate) -> tuple[LineageGraph, Places, tuple[str, ...]]:
    """Return graph and places of everything, and what could not be looked at, one line each."""
    from weighbridge.lineage import collect, places_of

    failures: list[str] = []
    entries = list(estate.entries(failures))
    graph = collect(channels=estate.channels(), entries=entries)
    return graph, places_of(entries), (*graph.failures, *failures)
