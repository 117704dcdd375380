"""To the ledger's writer over EventBridge: producers in AWS may put events, and one function alone may write the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from weighbridge.errors import CloudError
from weighbridge.ledger.events.event import Event

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

SOURCE = "weighbridge.ledger"
DETAIL_TYPE = "weighbridge.event/v1"


class EventBridgeSink:
    """Puts events on a bus, from which the ledger's queue takes them. Needs events:PutEvents on the bus."""

    def __init__(self, *, client: EventBridgeClient, bus: str) -> None:
        self._client = client
        self._bus = bus

    def emit(self, *, event: Event) -> None:
        """See `EventSink.emit`.

        Raises:
            CloudError: when EventBridge refuses the event or does not answer.
        """
        try:
            answer = self._client.put_events(
                Entries=[
                    {
                        "Source": SOURCE,
                        "DetailType": DETAIL_TYPE,
                        "Detail": event.to_bytes().decode(),
                        "EventBusName": self._bus,
                    }
                ]
            )
        except (BotoCoreError, ClientError) as error:
            raise CloudError(f"events:PutEvents on {self._bus}: {error}") from error
        if answer["FailedEntryCount"]:
            entry = answer["Entries"][0]
            raise CloudError(f"events:PutEvents on {self._bus}: {entry.get('ErrorCode')}: {entry.get('ErrorMessage')}")
