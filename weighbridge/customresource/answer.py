"""The answer to CloudFormation: one PUT of a small JSON document to the event's presigned URL.

Source: CloudFormation User Guide, "Custom resource response objects"
(https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html): at most 4,096 bytes. The URL
was signed for an empty Content-Type.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import requests

from weighbridge.customresource.event import Event
from weighbridge.errors import CloudError, InputError

ANSWER_LIMIT = 4096
REASON_LIMIT = 1024
PASSING = (408, 429, 500, 502, 503, 504)

Attributes = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Answer:
    """What CloudFormation is told. `reason` is one line, empty for a success."""

    event: Event
    reason: str = ""
    attributes: Attributes = field(default_factory=dict)

    @property
    def status(self) -> str:
        """`SUCCESS` or `FAILED`."""
        return "FAILED" if self.reason else "SUCCESS"

    def to_bytes(self) -> bytes:
        """Return the document to PUT.

        Raises:
            InputError: when it is longer than CloudFormation reads.
        """
        document = {
            "Status": self.status,
            "Reason": self.reason or "OK",
            "PhysicalResourceId": self.event.physical_id,
            "StackId": self.event.stack_id,
            "RequestId": self.event.request_id,
            "LogicalResourceId": self.event.logical_id,
            "NoEcho": False,
            "Data": dict(self.attributes),
        }
        data = json.dumps(document, sort_keys=True).encode()
        if len(data) > ANSWER_LIMIT:
            raise InputError(f"answer: {len(data)} bytes, CloudFormation reads {ANSWER_LIMIT}: shorten the attributes")
        return data


def succeeded(event: Event, attributes: Attributes | None = None) -> Answer:
    """Return a success with the attributes that `Fn::GetAtt` reads."""
    return Answer(event=event, attributes=dict(attributes or {}))


def failed(event: Event, reason: str) -> Answer:
    """Return a failure; `reason` is cut to one ASCII line of at most 1,024 characters."""
    line = " ".join(reason.split()).encode("ascii", errors="replace").decode() or "no reason given"
    return Answer(event=event, reason=line if len(line) <= REASON_LIMIT else f"{line[: REASON_LIMIT - 3]}...")


class AnswerChannel:
    """Sends answers, each tried `attempts` times; one try may take `timeout` seconds, pauses grow from `base`."""

    def __init__(
        self,
        *,
        attempts: int = 3,
        timeout: float = 2.5,
        base: float = 0.25,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._attempts = attempts
        self._timeout = timeout
        self._base = base
        self._sleep = sleep

    @property
    def longest_seconds(self) -> float:
        """How long sending may take at most: a try may connect and then read for `timeout` each."""
        return self._attempts * 2 * self._timeout + self._base * float(2**self._attempts)

    def send(self, answer: Answer) -> None:
        """PUT the answer.

        Raises:
            CloudError: when no try was accepted; the message never holds the URL.
        """
        data = answer.to_bytes()
        what = ""
        with requests.Session() as session:
            # Neither a proxy, nor ~/.netrc: the URL says it all, and it is a secret.
            session.trust_env = False
            for number in range(self._attempts):
                if number:
                    self._sleep(self._base * 2 ** (number - 1))
                what = self._put(session, answer.event.response_url, data)
                if not what:
                    return
                if what.isdigit() and int(what) not in PASSING:
                    break
        raise CloudError(
            f"CloudFormation took no answer to request {answer.event.request_id} ({what}): "
            "check the way from the function to S3"
        )

    def _put(self, session: requests.Session, url: str, data: bytes) -> str:
        try:
            with session.put(
                url, data=data, headers={"Content-Type": ""}, timeout=self._timeout, allow_redirects=False
            ) as reply:
                return "" if reply.status_code < 300 else str(reply.status_code)
        except requests.RequestException as error:
            return type(error).__name__
