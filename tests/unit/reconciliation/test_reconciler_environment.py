"""What the reconciler's function reads: strictly, and Security Hub only where it is on."""

from __future__ import annotations

from datetime import timedelta

import pytest
from guard_world import PINS

from weighbridge.errors import InputError
from weighbridge.names import Digest
from weighbridge.reconciliation import Product, ReconcilerEnvironment

GOOD = {
    **PINS.variables(),
    "WEIGHBRIDGE_ENVIRONMENT": "prod",
    "WEIGHBRIDGE_MODELS_REPOSITORY": "ml-prod-models",
    "WEIGHBRIDGE_RECORDS_REPOSITORY": "ml-prod-records",
    "WEIGHBRIDGE_TOKEN_SECRET_ID": "weighbridge/prod/artifactory-reader",
    "WEIGHBRIDGE_ACCEPTANCE_TABLE": "acceptances",
    "WEIGHBRIDGE_METADATA_BUCKET": "metadata",
    "WEIGHBRIDGE_FINDINGS_TABLE": "findings",
    "WEIGHBRIDGE_BEHIND_DAYS": "14",
}
ARN = "arn:aws-cn:securityhub:cn-north-1:111111111111:product/111111111111/default"


def test_the_least_is_read() -> None:
    found = ReconcilerEnvironment.read(GOOD)
    assert (found.pins, found.layout.channel, found.behind) == (PINS, "prod", timedelta(days=14))
    assert (found.except_endpoints, found.hub) == ((), None)


def test_exceptions_and_security_hub_are_read() -> None:
    found = ReconcilerEnvironment.read(
        {**GOOD, "WEIGHBRIDGE_EXCEPT_ENDPOINTS": "lab-*,x", "WEIGHBRIDGE_SECURITY_HUB_PRODUCT": ARN}
    )
    assert found.except_endpoints == ("lab-*", "x")
    assert found.hub == Product(partition="aws-cn", region="cn-north-1", account="111111111111")
    assert found.hub.arn == ARN


def test_the_channel_before_is_read_where_it_is_named() -> None:
    root = Digest.of(b"root of staging")
    source = {
        "WEIGHBRIDGE_MODELS": "minilm,other",
        "WEIGHBRIDGE_SOURCE_CHANNEL": "staging",
        "WEIGHBRIDGE_SOURCE_RECORDS_REPOSITORY": "ml-staging-records",
        "WEIGHBRIDGE_SOURCE_ROOT": str(root),
    }
    found = ReconcilerEnvironment.read({**GOOD, **source})
    assert found.models == ("minilm", "other")
    assert found.source is not None
    assert (found.source.layout.channel, found.source.layout.records_repository) == ("staging", "ml-staging-records")
    assert found.source.root == root
    assert ReconcilerEnvironment.read(GOOD).source is None
    with pytest.raises(InputError, match="WEIGHBRIDGE_SOURCE_ROOT"):
        ReconcilerEnvironment.read({**GOOD, **source, "WEIGHBRIDGE_SOURCE_ROOT": "sha256:1"})


@pytest.mark.parametrize("name", sorted(GOOD))
def test_what_is_missing_is_named(name: str) -> None:
    with pytest.raises(InputError, match="WEIGHBRIDGE_TOKEN" if "TOKEN" in name else name):
        ReconcilerEnvironment.read({key: value for key, value in GOOD.items() if key != name})


@pytest.mark.parametrize(
    ("name", "value"),
    [("WEIGHBRIDGE_BEHIND_DAYS", "0"), ("WEIGHBRIDGE_SECURITY_HUB_PRODUCT", "yes"), ("WEIGHBRIDGE_ROOT", "sha256:1")],
)
def test_what_is_malformed_is_named(name: str, value: str) -> None:
    with pytest.raises(InputError, match=name):
        ReconcilerEnvironment.read({**GOOD, name: value})
