"""A key of KMS in another account is used in the region that its ARN names, whatever region the environment is in."""

from __future__ import annotations

from pathlib import Path

import pytest

from weighbridge.cli.aws import Aws
from weighbridge.cli.setup import Setup, region_of
from weighbridge.settings import load_settings

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("uri", "region"),
    [
        ("awskms:arn:aws:kms:eu-west-1:999999999999:alias/prod-owner", "eu-west-1"),
        ("awskms:arn:aws-cn:kms:cn-north-1:999999999999:key/1234", "cn-north-1"),
        ("awskms:alias/prod-owner", None),
        ("awskms:1234", None),
        ("file:/arn:a:b:c:d", None),
    ],
)
def test_the_region_of_a_signer(uri: str, region: str | None) -> None:
    assert region_of(uri) == region


@pytest.mark.parametrize(
    ("alias", "asked"), [("arn:aws:kms:eu-west-1:9:alias/x", "eu-west-1"), ("alias/x", "eu-central-1")]
)
def test_kms_is_asked_there(monkeypatch: pytest.MonkeyPatch, alias: str, asked: str) -> None:
    class AskedError(Exception):
        pass

    def kms(self: Aws) -> None:
        raise AskedError(self.region)

    monkeypatch.setattr(Aws, "kms", kms)
    path = ROOT / "environments" / "prod.yaml"
    with pytest.raises(AskedError, match=asked):
        Setup(settings=load_settings(path), file=path).signer(f"awskms:{alias}")
