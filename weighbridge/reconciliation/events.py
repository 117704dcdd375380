"""Notices as events: one per notice on the default bus, source `weighbridge.reconciler`, type `Weighbridge Finding`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from weighbridge.errors import CloudError
from weighbridge.reconciliation.notice import Notice

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

SOURCE = "weighbridge.reconciler"
DETAIL_TYPE = "Weighbridge Finding"
# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
MOST_ENTRIES = 10


class EventOutlet:
    """Needs events:PutEvents on the default bus."""

    def __init__(self, *, client: EventBridgeClient) -> None:
        self._client = client

    def send(self, notices: Sequence[Notice]) -> None:
        """See `Outlet.send`."""
        for start in range(0, len(notices), MOST_ENTRIES):
            entries = [_entry(each) for each in notices[start : start + MOST_ENTRIES]]
            try:
                answer = self._client.put_events(Entries=entries)
            except (BotoCoreError, ClientError) as error:
                raise CloudError(f"events:PutEvents: {error}") from error
            if answer["FailedEntryCount"]:
                reasons = {f"{each.get('ErrorCode')}: {each.get('ErrorMessage')}" for each in answer["Entries"]}
                raise CloudError(
                    f"events:PutEvents: {answer['FailedEntryCount']} not taken: {'; '.join(sorted(reasons))}"
                )


def _entry(notice: Notice) -> PutEventsRequestEntryTypeDef:
    return {
        "Source": SOURCE,
        "DetailType": DETAIL_TYPE,
        "Detail": json.dumps(notice.fields(), ensure_ascii=False),
        "Resources": [notice.finding.arn],
        "Time": notice.at,
    }
