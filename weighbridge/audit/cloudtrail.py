"""The signatures that AWS counted: CloudTrail's events of kms:Sign, for the keys whose use has to be told.

Source: CloudTrail API reference, LookupEvents (management events of the last 90 days, of one region, minutes late), and KMS
Developer Guide, "Sign" log entries: `resources` names the key by its ARN, whatever the caller called it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from weighbridge.audit.told import NEAR, Signing
from weighbridge.errors import CloudError, InputError
from weighbridge.trust.times import parse_time

MOST_HOURS = 2160


class Pages(Protocol):
    """boto3's paginator of LookupEvents."""

    def paginate(
        self,
        *,
        LookupAttributes: Sequence[Mapping[str, str]],  # noqa: N803 - boto3's names
        StartTime: datetime,  # noqa: N803
        EndTime: datetime,  # noqa: N803
    ) -> Iterator[Mapping[str, Any]]:
        """Yield pages."""
        ...


class Keys(Protocol):
    """What is used of boto3's client of KMS."""

    def describe_key(self, *, KeyId: str) -> Mapping[str, Any]:  # noqa: N803 - boto3's name
        """Return what KMS knows of a key."""
        ...


class Trail(Protocol):
    """What is used of boto3's client of CloudTrail."""

    def get_paginator(self, operation_name: str, /) -> Pages:
        """Return the paginator of LookupEvents."""
        ...


def key_arn(uri: str, *, kms: Keys) -> str:
    """Return the ARN of a key in KMS by its signer URI, whatever name the URI gives it. Needs kms:DescribeKey.

    Raises:
        CloudError: when KMS refuses, does not answer or knows no such key.
    """
    try:
        return str(kms.describe_key(KeyId=uri.removeprefix("awskms:"))["KeyMetadata"]["Arn"])
    except (BotoCoreError, ClientError) as error:
        raise CloudError(f"kms:DescribeKey {uri}: {error}") from error


def last_signings(
    *, trail: Trail, keys: Iterable[tuple[str, str]], arn_of: Callable[[str], str], hours: int, now: datetime
) -> tuple[Signing, ...]:
    """Return the signatures of the last `hours` that have been told by now: those of at least a quarter of an hour ago.

    Args:
        keys: role and signer URI of each key in KMS.
        arn_of: the ARN of a key by its signer URI.

    Raises:
        CloudError: when CloudTrail or KMS refuses or does not answer, or an event cannot be read.
    """
    roles = {arn_of(uri): role for role, uri in keys}
    return read_signings(trail=trail, keys=roles, since=now - timedelta(hours=hours), until=now - NEAR)


def read_signings(*, trail: Trail, keys: Mapping[str, str], since: datetime, until: datetime) -> tuple[Signing, ...]:
    """Return the signatures that were made with `keys`. Needs cloudtrail:LookupEvents, which knows no single resources.

    Args:
        keys: role by ARN of the key.
        since: at most 90 days ago.
        until: a quarter of an hour ago, so that what was signed has been told.

    Raises:
        CloudError: when CloudTrail refuses or does not answer, or an event cannot be read.
    """
    found: list[Signing] = []
    wanted = [{"AttributeKey": "EventName", "AttributeValue": "Sign"}]
    try:
        for page in trail.get_paginator("lookup_events").paginate(
            LookupAttributes=wanted, StartTime=since, EndTime=until
        ):
            for event in page.get("Events", ()):
                found += _signings(event, keys=keys)
    except (BotoCoreError, ClientError) as error:
        raise CloudError(f"cloudtrail:LookupEvents: {error}") from error
    return tuple(found)


def _signings(event: Mapping[str, Any], *, keys: Mapping[str, str]) -> Iterator[Signing]:
    try:
        said = json.loads(event["CloudTrailEvent"])
        if said["eventSource"] != "kms.amazonaws.com" or "errorCode" in said:
            return
        for resource in said.get("resources") or ():
            role = keys.get(resource["ARN"])
            if role is not None:
                actor = said["userIdentity"]
                yield Signing(
                    id=said["eventID"],
                    role=role,
                    actor=str(actor.get("arn") or actor.get("invokedBy") or actor.get("type")),
                    at=parse_time(said["eventTime"], field="eventTime"),
                )
    except (InputError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise CloudError(
            f"CloudTrail: event {event.get('EventId')}: is not of the form that AWS describes: {error}"
        ) from error
