"""Records that only grow: claims of sequence numbers."""

from weighbridge.ledger.dynamodb import DynamoDbLedger
from weighbridge.ledger.sequences import SequenceLedger
from weighbridge.ledger.sqlite import SqliteLedger

__all__ = ["DynamoDbLedger", "SequenceLedger", "SqliteLedger"]
