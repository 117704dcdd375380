"""CloudTrail with one event of kms:Sign."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

KEY = "arn:aws:kms:eu-central-1:111111111111:key/1111"
# KMS Developer Guide, "Sign": what an entry holds.
EVENT: dict[str, Any] = {
    "eventVersion": "1.08",
    "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111111111111:user/eve", "accountId": "111111111111"},
    "eventTime": "2026-11-23T11:00:00Z",
    "eventSource": "kms.amazonaws.com",
    "eventName": "Sign",
    "requestParameters": {"keyId": "alias/prod-promoter", "messageType": "RAW", "signingAlgorithm": "ECDSA_SHA_256"},
    "eventID": "e-1",
    "resources": [{"accountId": "111111111111", "type": "AWS::KMS::Key", "ARN": KEY}],
}


class FakeTrail:
    """Answers two pages: one with `event`, one without any. `asked` is what it was asked for."""

    def __init__(self, event: Mapping[str, Any] | str, *, error: Exception | None = None) -> None:
        self.event = event if isinstance(event, str) else json.dumps(event)
        self.error = error
        self.asked: list[tuple[Sequence[Mapping[str, str]], datetime, datetime]] = []

    def get_paginator(self, operation_name: str, /) -> FakeTrail:
        assert operation_name == "lookup_events"
        return self

    def paginate(
        self,
        *,
        LookupAttributes: Sequence[Mapping[str, str]],  # noqa: N803 - boto3's names
        StartTime: datetime,  # noqa: N803
        EndTime: datetime,  # noqa: N803
    ) -> Iterator[Mapping[str, Any]]:
        self.asked.append((LookupAttributes, StartTime, EndTime))
        if self.error is not None:
            raise self.error
        yield {"Events": [{"EventId": "e-1", "CloudTrailEvent": self.event}]}
        yield {"Events": []}
