"""The order that a person gives: approve this release, for this channel, for so long; and how it reaches the function."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Self, TypedDict, cast

from botocore.exceptions import BotoCoreError, ClientError

from weighbridge import canonical
from weighbridge.approvals.identity import IdentityProof
from weighbridge.canonical import Json, JsonObject
from weighbridge.errors import CloudError, InputError, TrustError
from weighbridge.names import Digest, check_name
from weighbridge.trust import fields
from weighbridge.trust.times import format_time, parse_time

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_ssm import SSMClient

SCHEMA = "weighbridge.approval-order/v1"
_KEYS = frozenset({"schema", "channel", "name", "version", "release", "reason", "approved_at", "expires"})


class ApprovalAnswer(TypedDict):
    """What the function answers: who approved, until when, the digest of the ledger's row and of the bundle it wrote."""

    approver: str
    expires: str
    event: str
    statement: str


@dataclass(frozen=True, slots=True)
class ApprovalOrder:
    """What is to be approved. The caller saw the release under this digest; the function signs no other.

    Raises:
        InputError: naming the field.
    """

    channel: str
    name: str
    version: str
    release: Digest
    reason: str
    approved_at: datetime
    expires: datetime

    def __post_init__(self) -> None:
        for field_name in ("channel", "name", "version"):
            check_name(getattr(self, field_name), field=f"order {field_name}")
        fields.text(self.to_json(), "reason", limit=512)
        if self.expires <= self.approved_at:
            raise InputError("order expires: must be after approved_at")

    def to_json(self) -> JsonObject:
        """Return the order as it stands in an event."""
        return {
            "schema": SCHEMA,
            "channel": self.channel,
            "name": self.name,
            "version": self.version,
            "release": str(self.release),
            "reason": self.reason,
            "approved_at": format_time(self.approved_at),
            "expires": format_time(self.expires),
        }

    @property
    def digest(self) -> Digest:
        """SHA-256 of the order's RFC 8785 bytes, which the proof of identity covers."""
        return Digest.of(canonical.dump(self.to_json()))

    @classmethod
    def read(cls, value: object) -> Self:
        """Read the order in an event.

        Raises:
            InputError: naming the field.
        """
        if not isinstance(value, Mapping):
            raise InputError("order: must be an object", rule="input.event")
        document = cast(Mapping[str, Json], value)
        fields.check_keys(document, keys=_KEYS, schema=SCHEMA)
        return cls(
            channel=fields.text(document, "channel"),
            name=fields.text(document, "name"),
            version=fields.text(document, "version"),
            release=Digest.parse(fields.text(document, "release"), field="release"),
            reason=fields.text(document, "reason", limit=512),
            approved_at=parse_time(fields.text(document, "approved_at"), field="approved_at"),
            expires=parse_time(fields.text(document, "expires"), field="expires"),
        )


def approvals_parameter(environment: str) -> str:
    """Return the SSM parameter that holds the function's name."""
    return f"/weighbridge/{environment}/approvals"


def find_function(*, client: SSMClient, environment: str) -> str:
    """Return the name of the environment's approvals function.

    Raises:
        InputError: rule `input.approvals`, when the environment has none.
        CloudError: when SSM refuses or does not answer.
    """
    name = approvals_parameter(environment)
    try:
        return client.get_parameter(Name=name)["Parameter"]["Value"]
    except client.exceptions.ParameterNotFound as error:
        raise InputError(
            f"{name}: is not there: give trust.approvals in the settings and deploy weighbridge-{environment}-governance",
            rule="input.approvals",
        ) from error
    except (BotoCoreError, ClientError) as error:
        raise CloudError(f"ssm:GetParameter {name}: {error}") from error


def request_approval(
    *, client: LambdaClient, function: str, order: ApprovalOrder, proof: IdentityProof
) -> ApprovalAnswer:
    """Hand an order and a proof to the function.

    Raises:
        TrustError: rule `refused.approval`, with what the function said.
        CloudError: when Lambda refuses or does not answer.
    """
    payload: JsonObject = {"order": order.to_json(), "proof": proof.to_json()}
    try:
        answer = client.invoke(FunctionName=function, Payload=json.dumps(payload).encode())
        said = json.loads(answer["Payload"].read())
    except (BotoCoreError, ClientError) as error:
        raise CloudError(f"lambda:InvokeFunction of {function}: {error}") from error
    except ValueError as error:
        raise CloudError(f"{function}: answered no JSON") from error
    if answer.get("FunctionError") or not isinstance(said, dict):
        message = said.get("errorMessage") if isinstance(said, dict) else said
        raise TrustError(f"{function}: did not approve: {message}", rule="refused.approval")
    return cast(ApprovalAnswer, said)
