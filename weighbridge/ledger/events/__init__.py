"""What happened, in order: events in a chain of digests, for an account and region (docs/ledger.md)."""

from weighbridge.ledger.events.dynamodb import DynamoDbEvents
from weighbridge.ledger.events.entry import Entry, Head, StoredEntry
from weighbridge.ledger.events.event import KINDS, Event, Kind
from weighbridge.ledger.events.ledger import EventLedger, EventSink
from weighbridge.ledger.events.seal import Seal
from weighbridge.ledger.events.seal_stores import FolderSeals, S3Seals, SealStore
from weighbridge.ledger.events.sealing import Seals, read_seals, seal_ledger, verify_ledger
from weighbridge.ledger.events.sinks import EventBridgeSink
from weighbridge.ledger.events.sqlite import SqliteEvents
from weighbridge.ledger.events.verify import Break, Verdict, verify_chain
from weighbridge.ledger.events.writer import Written, write_messages

__all__ = [
    "KINDS",
    "Break",
    "DynamoDbEvents",
    "Entry",
    "Event",
    "EventBridgeSink",
    "EventLedger",
    "EventSink",
    "FolderSeals",
    "Head",
    "Kind",
    "S3Seals",
    "Seal",
    "SealStore",
    "Seals",
    "SqliteEvents",
    "StoredEntry",
    "Verdict",
    "Written",
    "read_seals",
    "seal_ledger",
    "verify_chain",
    "verify_ledger",
    "write_messages",
]
