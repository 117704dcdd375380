"""The ledger of events as the command line reaches it: where it lies, who tells it, and what vouches for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from weighbridge.cli.setup import who
from weighbridge.errors import SettingsError, WeighbridgeError
from weighbridge.resource_names import resource_name

if TYPE_CHECKING:
    from securesystemslib.signer import Key

    from weighbridge.cli.setup import Setup
    from weighbridge.ledger.events import Event, EventLedger, EventSink, Kind, Seals, SealStore
    from weighbridge.promotion import BrokenGlass


def events_uri(setup: Setup) -> str | None:
    """Return where the ledger of events is: `trust.events`, else the file of `trust.ledger`; None where there is none."""
    trust = setup.settings.trust
    if trust is None:
        return None
    if trust.events is not None:
        return trust.events
    return trust.ledger if trust.ledger is not None and trust.ledger.startswith("sqlite:") else None


def open_events(setup: Setup) -> EventLedger:
    """Return the ledger of events.

    Raises:
        SettingsError: when the settings name none.
    """
    from weighbridge.ledger.events import DynamoDbEvents, SqliteEvents

    uri = events_uri(setup)
    if uri is None:
        raise SettingsError(f"{setup.file}: trust.events: is missing: name the ledger, dynamodb:TABLE or sqlite:PATH")
    kind, _, rest = uri.partition(":")
    if kind == "sqlite":
        return SqliteEvents(path=Path(rest).expanduser())
    return DynamoDbEvents(client=setup.aws().dynamodb(), table=rest)


def open_sink(setup: Setup) -> EventSink | None:
    """Return where commands tell what they did: the file, or in AWS the bus before the one writer; None without a ledger."""
    from weighbridge.ledger.events import EventBridgeSink, SqliteEvents

    uri = events_uri(setup)
    if uri is None:
        return None
    kind, _, rest = uri.partition(":")
    if kind == "sqlite":
        return SqliteEvents(path=Path(rest).expanduser())
    return EventBridgeSink(client=setup.aws().events(), bus=bus_name(setup.settings.environment))


def tell(setup: Setup, *, event: Event) -> None:
    """Tell the ledger what a command did, if there is a ledger.

    Raises:
        WeighbridgeError: it could not be told; the message says that the thing itself is done, and to repeat the command.
    """
    sink = open_sink(setup)
    if sink is None:
        return
    try:
        sink.emit(event=event)
    except WeighbridgeError as error:
        raise type(error)(
            f"{event.kind} is done, but the ledger was not told: repeat the command: {error}", rule=error.rule
        ) from error


def tell_first(setup: Setup, *, event: Event) -> None:
    """Tell the ledger of what must not happen untold, before it is done.

    Raises:
        SettingsError: when the settings name no ledger of events.
        WeighbridgeError: it could not be told.
    """
    sink = open_sink(setup)
    if sink is None:
        raise SettingsError(
            f"{setup.file}: trust.events: is missing: nobody would learn of it, so that the glass stays whole"
        )
    sink.emit(event=event)


def ring(setup: Setup) -> Callable[[BrokenGlass], None]:
    """Return how a promotion that needs waivers is told of, before it is published (docs/runbooks.md)."""
    from weighbridge.ledger.events import tell as told

    def tell_of(glass: BrokenGlass) -> None:
        tell_first(setup, event=told.glass_used(glass=glass, environment=setup.settings.environment))

    return tell_of


def tell_change(setup: Setup, *, kind: Kind, subject: str, details: Mapping[str, str] | None = None) -> None:
    """Tell the ledger that the user changed the channel itself; see `weighbridge.ledger.events.tell.channel_changed`."""
    from weighbridge.ledger.events import tell as told

    event = told.channel_changed(
        kind=kind,
        channel=setup.settings.channel.name,
        environment=setup.settings.environment,
        subject=subject,
        actor=who(),
        at=datetime.now(UTC),
        details=details or {},
    )
    tell(setup, event=event)


def open_seals(setup: Setup) -> SealStore:
    """Return where the seals lie.

    Raises:
        SettingsError: when the settings do not say.
    """
    from weighbridge.ledger.events import FolderSeals, S3Seals

    uri = setup.settings.trust.seals if setup.settings.trust is not None else None
    if uri is None:
        raise SettingsError(f"{setup.file}: trust.seals: is missing: name where seals lie, s3:BUCKET or folder:PATH")
    kind, _, rest = uri.partition(":")
    if kind == "folder":
        return FolderSeals(folder=Path(rest).expanduser())
    return S3Seals(client=setup.aws().s3(), bucket=rest)


def sealer_uri(setup: Setup) -> str:
    """Return the sealer's key.

    Raises:
        SettingsError: when the settings name none.
    """
    if setup.keys.sealer is None:
        raise SettingsError(f"{setup.file}: trust.keys.sealer: is missing: name the key that seals the ledger")
    return setup.keys.sealer


def kept_seals(setup: Setup) -> Seals | None:
    """Return the verified seals; None where the settings name no seals or no sealer."""
    from weighbridge.ledger.events import read_seals

    trust = setup.settings.trust
    if trust is None or trust.seals is None or trust.keys.sealer is None:
        return None
    keys = [setup.signer(trust.keys.sealer).public_key, *former_sealers(setup)]
    return read_seals(store=open_seals(setup), keys=keys, ledger=setup.settings.environment)


def former_sealers(setup: Setup) -> list[Key]:
    """Return the public keys of the sealers before, the newest first."""
    from weighbridge.cli.keyfiles import public_key

    return [public_key(setup, uri) for uri in setup.keys.former_sealers]


def bus_name(environment: str) -> str:
    """Return the name of an environment's bus of events, which the construct `EventLedger` makes."""
    return resource_name("weighbridge", environment, "ledger")
