"""What happened, in order: events in a chain of digests, for an account and region (docs/ledger.md)."""

from weighbridge.ledger.events.dynamodb import DynamoDbEvents
from weighbridge.ledger.events.entry import Entry, Head, StoredEntry
from weighbridge.ledger.events.event import KINDS, Event, Kind
from weighbridge.ledger.events.ledger import EventLedger, EventSink
from weighbridge.ledger.events.sqlite import SqliteEvents

__all__ = [
    "KINDS",
    "DynamoDbEvents",
    "Entry",
    "Event",
    "EventLedger",
    "EventSink",
    "Head",
    "Kind",
    "SqliteEvents",
    "StoredEntry",
]
