"""What a deployment without the CDK stacks sets is what the container reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from weighbridge.canonical import Json
from weighbridge.errors import InputError
from weighbridge.registry import SecretOrigin
from weighbridge.serving import ContainerEnvironment, container_variables
from weighbridge.settings import load_settings

ROOT = Path(__file__).resolve().parents[3]
RESOLVED: dict[str, Json] = {
    "ReleaseReference": "registry.example.com/ml-prod-models/minilm:1.0.0@sha256:" + "a" * 64,
    "ReleaseId": "3@sha256:" + "b" * 64,
    "Floor": "root=1,timestamp=2,snapshot=2,targets=1,minilm=1,revocations=1",
    "Channel": "prod",
    "WeightsBytes": 90868376,
}


def test_the_container_reads_what_was_resolved() -> None:
    settings = load_settings(ROOT / "environments" / "prod.yaml")
    found = ContainerEnvironment.read(container_variables(settings=settings, resolved=RESOLVED))
    assert str(found.reference) == RESOLVED["ReleaseReference"]
    assert str(found.promotion) == RESOLVED["ReleaseId"]
    assert str(found.floor) == RESOLVED["Floor"]
    assert found.root == settings.channel.root_digest
    assert found.registry_url == settings.registry.url
    assert found.token == SecretOrigin(secret_id=settings.registry.credentials.secret_id)
    layout = (found.layout.models_repository, found.layout.records_repository, found.layout.channel)
    assert layout == (settings.registry.models_repository, settings.registry.records_repository, "prod")


@pytest.mark.parametrize("field", ["ReleaseReference", "ReleaseId", "Floor", "Channel"])
def test_a_field_that_is_missing_is_named(field: str) -> None:
    settings = load_settings(ROOT / "environments" / "prod.yaml")
    with pytest.raises(InputError, match=f"^{field}: "):
        container_variables(settings=settings, resolved={**RESOLVED, field: None})


def test_a_release_of_another_channel_is_refused() -> None:
    settings = load_settings(ROOT / "environments" / "prod.yaml")
    other = replace(settings, channel=replace(settings.channel, name="staging"))
    with pytest.raises(InputError, match="'prod' was resolved, the settings follow 'staging'"):
        container_variables(settings=other, resolved=RESOLVED)
