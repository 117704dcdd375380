"""The shape of a signed, unsent GetCallerIdentity. The signature itself is not verified: that needs the secret key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from local.registry.errors import RefusalError

_AUTHORIZATION = re.compile(
    r"AWS4-ECDSA-P256-SHA256 Credential=(?P<key>[A-Za-z0-9]+)/(?P<day>\d{8})/sts/aws4_request, "
    r"SignedHeaders=(?P<signed>[a-z0-9;-]+), Signature=(?P<signature>[0-9a-f]{128,146})"
)
_SIGNED = {"host", "x-amz-date", "x-amz-region-set"}
FRESH = timedelta(minutes=15)


def signed_access_key(headers: Mapping[str, str], *, region: str | None, host: str) -> str:
    """Return the access key id that `headers` are signed with.

    Args:
        headers: of the request, names in lower case.
        region: what the query names.
        host: this registry's own; a Host that was signed for STS would have been routed elsewhere.

    Raises:
        RefusalError: 403, naming what is not as STS would take it.
    """
    match = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    if match is None:
        raise RefusalError(403, "Authorization is not SigV4a for sts with a credential scope without region")
    signed = set(match["signed"].split(";"))
    expected = _SIGNED | ({"x-amz-security-token"} if "x-amz-security-token" in headers else set())
    if signed != expected:
        raise RefusalError(403, f"SignedHeaders are {sorted(signed)}, not {sorted(expected)}")
    if headers.get("host") != host or "amazonaws" in headers.get("host", ""):
        raise RefusalError(403, "the Host header is the signed one")
    if "x-amz-content-sha256" in headers:
        raise RefusalError(403, "x-amz-content-sha256 was not signed")
    if headers.get("x-amz-region-set") != (region or "*"):
        raise RefusalError(403, "X-Amz-Region-Set is not the region of the query")
    _check_date(headers.get("x-amz-date", ""), day=match["day"])
    return match["key"]


def _check_date(text: str, *, day: str) -> None:
    try:
        moment = datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise RefusalError(403, "X-Amz-Date is malformed") from error
    if not text.startswith(day) or abs(datetime.now(UTC) - moment) > FRESH:
        raise RefusalError(403, "X-Amz-Date is not of now")
