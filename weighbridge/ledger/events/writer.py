"""The one writer in AWS: takes events off the queue, in order, and chains them. Junk is told and left out: it blocks nobody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from weighbridge.errors import ConflictError, TrustError, WeighbridgeError
from weighbridge.ledger.events.event import Event
from weighbridge.ledger.events.ledger import EventLedger


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a batch: numbers of entries, one line for each message left out, ids of messages to be given again.

    `glass` are the events of broken glass among those that are in the ledger now: somebody has to learn of them.
    """

    entries: tuple[int, ...]
    rejected: tuple[str, ...]
    again: tuple[str, ...]
    glass: tuple[Event, ...] = ()


def write_messages(messages: Sequence[Mapping[str, object]], *, ledger: EventLedger) -> Written:
    """Append the events of one batch of SQS messages (`messageId`, `body`).

    When the ledger does not answer, that message and all after it are to be given again, so that order is kept.
    """
    entries: list[int] = []
    rejected: list[str] = []
    glass: list[Event] = []
    for index, message in enumerate(messages):
        try:
            event = Event.parse(str(message.get("body", "")).encode())
            entries.append(ledger.append(event=event).sequence)
            glass += [event] if event.kind == "break-glass" else []
        except TrustError as error:
            rejected.append(f"message {message.get('messageId')}: {error}")
        except ConflictError as error:
            if error.rule != "conflict.event":
                return _stopped(entries, rejected, messages[index:], glass=glass)
            rejected.append(f"message {message.get('messageId')}: {error}")
        except WeighbridgeError:
            return _stopped(entries, rejected, messages[index:], glass=glass)
    return Written(entries=tuple(entries), rejected=tuple(rejected), again=(), glass=tuple(glass))


def _stopped(
    entries: list[int], rejected: list[str], left: Sequence[Mapping[str, object]], *, glass: list[Event]
) -> Written:
    again = tuple(str(message.get("messageId")) for message in left)
    return Written(entries=tuple(entries), rejected=tuple(rejected), again=again, glass=tuple(glass))
