"""Who asks: a signed `sts:GetCallerIdentity` that the caller makes and the function sends, so that STS itself says who it was.

An event that reaches a function holds what its invoker wrote, the identity that a function URL would put there included:
whoever may invoke the function directly could write any name. A signature of SigV4 cannot be written for another. It covers a
header with the order's digest, so that it serves for this order alone, and STS takes it for minutes.

Sources: STS API reference, GetCallerIdentity (needs no permission); IAM User Guide, "Elements of an AWS API request signature".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, Self

import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from weighbridge.canonical import JsonObject
from weighbridge.errors import CloudError, InputError, TrustError
from weighbridge.names import Digest

QUERY = "Action=GetCallerIdentity&Version=2011-06-15"
ORDER_HEADER = "X-Weighbridge-Order"
_SENT = ("Authorization", "X-Amz-Date", "X-Amz-Security-Token")
_SIGNED = re.compile(r"SignedHeaders=([a-z0-9;-]+)[,\s]")
_ARN = re.compile(rb"<Arn>(arn:aws[a-z-]*:(?:iam|sts)::\d{12}:[\w+=,.@:/-]+)</Arn>")
_ANSWER_LIMIT = 64 * 1024
_RULE = "refused.identity"


class FrozenCredentials(Protocol):
    """Frozen credentials of botocore."""

    @property
    def access_key(self) -> str | None: ...

    @property
    def secret_key(self) -> str | None: ...

    @property
    def token(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class IdentityProof:
    """The headers of the signed request; the secret key is not among them and cannot be had from them."""

    headers: Mapping[str, str]

    @classmethod
    def read(cls, value: object) -> Self:
        """Read the proof in an event.

        Raises:
            InputError: rule `input.proof`, for headers that are missing, unknown or no plain text.
        """
        if not isinstance(value, Mapping) or not {"Authorization", "X-Amz-Date"} <= set(value) <= set(_SENT):
            raise InputError("proof: must be the headers of a signed GetCallerIdentity", rule="input.proof")
        found: dict[str, str] = {}
        for name, text in value.items():
            if not isinstance(text, str) or not text.isascii() or not text.isprintable() or len(text) > 16_384:
                raise InputError(f"proof {name}: is no plain text", rule="input.proof")
            found[str(name)] = text
        return cls(headers=found)

    def to_json(self) -> JsonObject:
        """Return the proof as it stands in an event."""
        return dict(self.headers)


def prove_identity(credentials: FrozenCredentials, *, region: str, order: Digest) -> IdentityProof:
    """Sign the proof for one order.

    Args:
        credentials: of who asks.
        region: the region whose STS will be asked.
        order: the order's digest.
    """
    request = AWSRequest(method="GET", url=_url(region), headers={ORDER_HEADER: order.hex})
    held = Credentials(credentials.access_key or "", credentials.secret_key or "", credentials.token)
    SigV4Auth(held, "sts", region).add_auth(request)
    return IdentityProof(headers={name: request.headers[name] for name in _SENT if name in request.headers})


class StsWitness:
    """Asks STS who signed a proof.

    Args:
        region: the function's own; nothing in a proof chooses whom to ask.
        endpoint: where STS answers, `https://HOST[:PORT]`; None for AWS.
    """

    def __init__(self, *, region: str, endpoint: str | None = None) -> None:
        self._region = region
        self._endpoint = endpoint or f"https://{_host(region)}"
        self._pool = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(connect=5, read=10))

    def caller(self, proof: IdentityProof, *, order: Digest) -> str:
        """Return the ARN of who signed `proof` for `order`.

        Raises:
            TrustError: rule `refused.identity`, when the proof is not for this order, or STS does not know who signed it.
            CloudError: when STS does not answer.
        """
        signed = _SIGNED.search(proof.headers["Authorization"])
        if signed is None or not {"host", ORDER_HEADER.lower()} <= set(signed[1].split(";")):
            raise TrustError(f"proof: does not cover host and {ORDER_HEADER}: sign it for this order", rule=_RULE)
        headers = {**proof.headers, ORDER_HEADER: order.hex, "Host": _host(self._region)}
        try:
            answer = self._pool.request(
                "GET", f"{self._endpoint}/?{QUERY}", headers=headers, redirect=False, preload_content=False
            )
            body = answer.read(_ANSWER_LIMIT)
            answer.release_conn()
        except urllib3.exceptions.HTTPError as error:
            raise CloudError(f"sts:GetCallerIdentity: no answer ({type(error).__name__})") from error
        if answer.status >= 500:
            raise CloudError(f"sts:GetCallerIdentity: answered {answer.status}")
        found = _ARN.search(body)
        if answer.status != 200 or found is None:
            raise TrustError(
                f"proof: STS does not know who signed it (status {answer.status}): ask again with valid credentials",
                rule=_RULE,
            )
        return found[1].decode()


def _host(region: str) -> str:
    return f"sts.{region}.amazonaws.com"


def _url(region: str) -> str:
    return f"https://{_host(region)}/?{QUERY}"
