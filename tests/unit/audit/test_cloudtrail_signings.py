"""CloudTrail's events of kms:Sign become signatures that the ledger has to explain."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.unit.audit.fake_trail import EVENT, KEY, FakeTrail
from weighbridge.audit import Signing
from weighbridge.audit.cloudtrail import read_signings
from weighbridge.cli.audit import _signings
from weighbridge.errors import CloudError
from weighbridge.settings import KeySettings

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def found(trail: FakeTrail) -> tuple[Signing, ...]:
    return read_signings(trail=trail, keys={KEY: "promoters"}, since=NOW - timedelta(hours=2), until=NOW)


def test_a_signature_is_named_with_its_key_its_maker_and_its_time() -> None:
    trail = FakeTrail(EVENT)
    expected = Signing(
        id="e-1", role="promoters", actor="arn:aws:iam::111111111111:user/eve", at=NOW - timedelta(hours=1)
    )
    assert found(trail) == (expected,)
    by_name = [{"AttributeKey": "EventName", "AttributeValue": "Sign"}]
    assert trail.asked == [(by_name, NOW - timedelta(hours=2), NOW)]


@pytest.mark.parametrize(
    "change",
    [
        {"resources": [{"ARN": KEY.replace("1111", "2222")}]},
        {"errorCode": "AccessDenied"},
        {"eventSource": "signer.amazonaws.com"},
        {"resources": None},
    ],
    ids=["another key", "refused", "another service", "no key"],
)
def test_what_made_no_signature_with_the_channels_keys_is_none(change: dict[str, Any]) -> None:
    assert found(FakeTrail({**EVENT, **change})) == ()


@pytest.mark.parametrize("event", ["{", json.dumps({**EVENT, "eventTime": "soon"}), "[]"], ids=["cut", "time", "list"])
def test_what_cannot_be_read_is_no_clean_answer(event: str) -> None:
    with pytest.raises(CloudError, match="e-1"):
        found(FakeTrail(event))


def test_a_trail_that_refuses_is_no_clean_answer() -> None:
    refusal = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "LookupEvents")
    with pytest.raises(CloudError, match="LookupEvents"):
        found(FakeTrail(EVENT, error=refusal))


def test_the_command_asks_for_keys_whose_use_has_to_be_told_until_it_should_have_been() -> None:
    keys = KeySettings(
        root=("file:root.pem",), targets="awskms:owner", promoters=("awskms:alias/one", "awskms:alias/two"),
        registrar="awskms:registrar", revocations="awskms:security", snapshot="awskms:online", timestamp="awskms:online",
        sealer="awskms:sealer", breakglass=("awskms:ann", "file:bob.pem"),
    )  # fmt: skip
    asked: list[str] = []

    def key_arn(uri: str) -> str:
        asked.append(uri)
        return KEY if uri == "awskms:alias/two" else f"arn:{uri}"

    trail = FakeTrail(EVENT)
    aws = SimpleNamespace(key_arn=key_arn, cloudtrail=lambda: trail)
    setup = SimpleNamespace(keys=keys, aws=lambda: aws)
    [signing] = _signings(setup, hours=3, now=NOW)  # type: ignore[arg-type]
    assert signing.role == "promoters"
    names = ("ann", "alias/one", "alias/two", "owner", "registrar", "security")
    assert sorted(asked) == sorted(f"awskms:{name}" for name in names)
    [(_, since, until)] = trail.asked
    assert (NOW - since, NOW - until) == (timedelta(hours=3), timedelta(minutes=15))
