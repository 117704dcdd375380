"""Tell the owner of a training job in plain words what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypedDict

from botocore.exceptions import BotoCoreError, ClientError

from weighbridge.errors import CloudError

SUBJECT_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Notice:
    """`subject` is one line, `text` a few; `owner` is whom it is for, where the job says it."""

    subject: str
    text: str
    owner: str | None


class Notices(Protocol):
    """Where notices go."""

    def send(self, notice: Notice) -> None:
        """Hand over one notice."""
        ...


class MessageAttribute(TypedDict):
    """A text attribute of an SNS message."""

    DataType: str
    StringValue: str


class SnsClient(Protocol):
    """The one call of boto3's SNS client that is needed."""

    def publish(
        self,
        *,
        TopicArn: str,  # noqa: N803
        Subject: str,  # noqa: N803
        Message: str,  # noqa: N803
        MessageAttributes: dict[str, MessageAttribute],  # noqa: N803
    ) -> object:
        """See the Amazon SNS API reference, Publish."""
        ...


class SnsNotices:
    """Notices on an SNS topic. The attribute `owner` lets a subscription filter for its own (a filter policy)."""

    def __init__(self, *, client: SnsClient, topic: str) -> None:
        self._client = client
        self._topic = topic

    def send(self, notice: Notice) -> None:
        """See `Notices.send`.

        Raises:
            CloudError: when SNS refuses or does not answer.
        """
        attributes: dict[str, MessageAttribute] = {}
        if notice.owner:
            attributes["owner"] = {"DataType": "String", "StringValue": notice.owner}
        try:
            self._client.publish(
                TopicArn=self._topic,
                Subject=_subject(notice.subject),
                Message=notice.text,
                MessageAttributes=attributes,
            )
        except (BotoCoreError, ClientError) as error:
            raise CloudError(f"sns:Publish to {self._topic}: {error}") from error


def _subject(text: str) -> str:
    # SNS takes printable ASCII of at most 100 characters, beginning with a letter or a digit.
    plain = "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in text)
    return plain if len(plain) <= SUBJECT_LIMIT else f"{plain[: SUBJECT_LIMIT - 3]}..."
