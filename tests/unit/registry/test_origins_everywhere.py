"""Wherever a token is opened, a role may stand in a secret's place: jobs, registrar, keeper, inspector."""

from __future__ import annotations

import pytest

from weighbridge.errors import InputError
from weighbridge.keeper import KeeperEnvironment
from weighbridge.registration.registrar import RegistrarEnvironment
from weighbridge.registry import IamExchangeToken, IamOrigin
from weighbridge.training import TrainingRegistry

ROLE = {"WEIGHBRIDGE_TOKEN_IAM": "1", "WEIGHBRIDGE_TOKEN_IAM_EXPIRES_IN": "1800"}
COMMON = {
    "WEIGHBRIDGE_REGISTRY_URL": "https://registry.example.com/artifactory",
    "WEIGHBRIDGE_HUB_REPOSITORY": "hub", "WEIGHBRIDGE_INCOMING_REPOSITORY": "incoming",
    "WEIGHBRIDGE_MODELS_REPOSITORY": "models", "WEIGHBRIDGE_RECORDS_REPOSITORY": "records",
    "WEIGHBRIDGE_CHANNEL": "dev", "WEIGHBRIDGE_ENVIRONMENT": "dev", "WEIGHBRIDGE_ROOT": f"sha256:{'0' * 64}",
    "WEIGHBRIDGE_RUNTIME_IMAGE": f"r.example.com/i@sha256:{'1' * 64}", "WEIGHBRIDGE_RUNTIME_LOCK": f"sha256:{'2' * 64}",
    "WEIGHBRIDGE_REGISTRAR_KEY": "awskms:a", "WEIGHBRIDGE_PROMOTER_KEY": "awskms:b",
    "WEIGHBRIDGE_SNAPSHOT_KEY": "awskms:c", "WEIGHBRIDGE_TIMESTAMP_KEY": "awskms:c",
    "WEIGHBRIDGE_SEQUENCES_TABLE": "sequences", "WEIGHBRIDGE_NOTICES_TOPIC": "topic",
}  # fmt: skip


def test_a_training_job_exchanges_its_role(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    assert isinstance(TrainingRegistry.read({**COMMON, **ROLE}).tokens, IamExchangeToken)


@pytest.mark.parametrize("environment", [KeeperEnvironment, RegistrarEnvironment])
def test_functions_exchange_their_roles(environment: type[KeeperEnvironment] | type[RegistrarEnvironment]) -> None:
    assert environment.read({**COMMON, **ROLE}).token == IamOrigin(expires_in=1800)
    with pytest.raises(InputError, match="comes from one of them"):
        environment.read({**COMMON, **ROLE, "WEIGHBRIDGE_TOKEN_SECRET_ID": "registrar"})
