"""Secrets Manager's four steps against a registry that issues tokens, with moto's secrets."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID as ACCOUNT

from lambdas.image_credentials import handler as image_credentials
from lambdas.token_rotation import handler as rotation
from local.registry.process import Fault, RegistryProcess
from local.registry.standard import USERS, standard_config
from weighbridge.errors import InputError, RegistryAuthError, RegistryError
from weighbridge.registry import ArtifactoryClient, Retries, SecretsManagerToken, StaticToken

TOKENS = {user: f"canary-token-of-{user}" for user in USERS}
STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")


@dataclass
class Current:
    """GetSecretValue as AWS answers without a stage: AWSCURRENT. moto answers with the version made last or first."""

    secrets: Any

    def get_secret_value(self, *, SecretId: str) -> Any:  # noqa: N803
        return self.secrets.get_secret_value(SecretId=SecretId, VersionStage="AWSCURRENT")


@dataclass
class Rotated:
    """A secret under rotation, and the function that Secrets Manager calls."""

    registry: RegistryProcess
    secrets: Any
    arn: str

    def begin(self) -> str:
        """What RotateSecret does before it calls the function: a pending version without a value (moto's own finishes)."""
        version = str(uuid.uuid4())
        secret = get_backend("secretsmanager")[ACCOUNT]["eu-central-1"].secrets[self.arn]
        secret.remove_version_stages_from_old_versions(["AWSPENDING"])
        secret.versions[version] = {"createdate": 0, "version_id": version, "version_stages": ["AWSPENDING"]}
        return version

    def step(self, name: str, version: str) -> None:
        rotation.handler({"SecretId": self.arn, "ClientRequestToken": version, "Step": name}, None)

    def rotate(self) -> str:
        version = self.begin()
        for name in STEPS:
            self.step(name, version)
        return version

    def source(self) -> SecretsManagerToken:
        return SecretsManagerToken(client=Current(self.secrets), secret_id=self.arn)

    def current(self) -> str:
        return self.source().token()

    def works(self, token: str) -> bool:
        try:
            ArtifactoryClient(url=self.registry.url, tokens=StaticToken(token=token)).ping()
        except RegistryAuthError:
            return False
        return True


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryProcess]:
    config = standard_config(hub_url=None, tokens=TOKENS)
    with RegistryProcess(folder=tmp_path_factory.mktemp("registry"), config=config) as found:
        yield found


@pytest.fixture
def rotated(registry: RegistryProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rotated]:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "eu-central-1",
        "WEIGHBRIDGE_REGISTRY_URL": registry.url, "WEIGHBRIDGE_TOKEN_EXPIRES_IN": "86400",
        "WEIGHBRIDGE_TOKEN_GRACE_SECONDS": "3600",
        "WEIGHBRIDGE_REGISTRY_USERNAME": "reader",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    with mock_aws():
        secrets = boto3.client("secretsmanager")
        arn = secrets.create_secret(Name="reader", SecretString=TOKENS["reader"])["ARN"]
        monkeypatch.setenv("WEIGHBRIDGE_TOKEN_SECRET_ID", arn)
        yield Rotated(registry, secrets, arn)
    registry.clear_faults()


def test_a_rotation_moves_to_a_new_token_and_leaves_the_old_one_for_a_while(rotated: Rotated) -> None:
    first = TOKENS["reader"]
    rotated.rotate()
    second = rotated.current()
    assert (second != first, rotated.works(second), rotated.works(first)) == (True, True, True)
    rotated.rotate()
    third = rotated.current()
    assert [rotated.works(token) for token in (second, third)] == [True, True]
    rotated.rotate()
    assert [rotated.works(token) for token in (second, third, rotated.current())] == [False, True, True]


def test_every_step_may_come_again(rotated: Rotated) -> None:
    version = rotated.begin()
    rotated.step("createSecret", version)
    value = rotated.secrets.get_secret_value(SecretId=rotated.arn, VersionId=version)["SecretString"]
    for name in ("createSecret", "setSecret", "setSecret", "testSecret", "testSecret"):
        rotated.step(name, version)
    assert rotated.secrets.get_secret_value(SecretId=rotated.arn, VersionId=version)["SecretString"] == value
    rotated.step("finishSecret", version)
    current = rotated.current()
    for name in STEPS:
        rotated.step(name, version)
    assert (rotated.current(), rotated.works(current)) == (current, True)


@pytest.mark.parametrize(
    ("step", "fault"),
    [
        ("createSecret", Fault(kind="status", path="*tokens*", methods=("POST",), status=503)),
        ("testSecret", Fault(kind="status", path="api/system/ping", methods=("GET",), status=503)),
    ],
)
def test_a_failed_step_leaves_the_current_token(
    rotated: Rotated, step: str, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = rotated.begin()
    if step == "createSecret":
        monkeypatch.setenv("WEIGHBRIDGE_REGISTRY_URL", "http://127.0.0.1:9/artifactory")
    else:
        rotated.step("createSecret", version)
        rotated.registry.add_fault(fault)
    with pytest.raises(RegistryError):
        rotated.step(step, version)
    assert rotated.current() == TOKENS["reader"]


def test_an_empty_secret_asks_for_the_first_token(rotated: Rotated) -> None:
    rotated.secrets.put_secret_value(SecretId=rotated.arn, SecretString="{}")
    with pytest.raises(RegistryAuthError, match="holds no token"):
        rotated.step("createSecret", rotated.begin())


def test_another_users_token_is_not_moved_to(rotated: Rotated) -> None:
    version = rotated.begin()
    rotated.secrets.put_secret_value(
        SecretId=rotated.arn, ClientRequestToken=version, SecretString=TOKENS["promoter"], VersionStages=["AWSPENDING"]
    )
    with pytest.raises(RegistryError, match="another user's"):
        rotated.step("testSecret", version)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"SecretId": "other"}, "not the secret"),
        ({"Step": "drop"}, "none of"),
        ({"ClientRequestToken": "x"}, "not one"),
    ],
)
def test_a_call_of_anybody_else_is_refused(rotated: Rotated, change: dict[str, str], words: str) -> None:
    event = {"SecretId": rotated.arn, "ClientRequestToken": rotated.begin(), "Step": "createSecret", **change}
    with pytest.raises(InputError, match=words):
        rotation.handler(event, None)


def test_whoever_holds_a_revoked_token_reads_the_current_one(rotated: Rotated) -> None:
    rotated.rotate()
    client_tokens = rotated.source()
    client = ArtifactoryClient(url=rotated.registry.url, tokens=client_tokens, retries=Retries(attempts=1))
    held = client_tokens.token()
    for _ in range(2):
        client.ping()
        rotated.rotate()
    assert not rotated.works(held)
    client.ping()
    assert client_tokens.token() == rotated.current() != held


def test_no_token_is_logged(rotated: Rotated, capsys: pytest.CaptureFixture[str]) -> None:
    seen = {TOKENS["reader"]}
    for _ in range(3):
        rotated.rotate()
        seen.add(rotated.current())
    lines = "".join(capsys.readouterr())
    assert "finishSecret" in lines
    assert not [token for token in seen if token in lines]


def test_sagemaker_gets_user_and_token_for_the_image(rotated: Rotated, capsys: pytest.CaptureFixture[str]) -> None:
    answer = image_credentials.handler({}, None)
    assert answer == {"Credentials": {"Username": "reader", "Password": TOKENS["reader"]}}
    assert TOKENS["reader"] not in "".join(capsys.readouterr())


def upkeep(*, after: timedelta) -> None:
    moment = datetime.now(UTC) + after
    with patch.object(rotation, "system_clock", lambda: moment):
        rotation.handler({"Upkeep": "token"}, None)


def measured(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [line for line in lines if line["event"] == "token-age"]


def test_the_old_token_ends_when_its_time_of_grace_is_over(rotated: Rotated) -> None:
    rotated.rotate()
    second = rotated.current()
    # The first token of all is in the registry's configuration, and cannot be revoked.
    rotated.rotate()
    third = rotated.current()
    upkeep(after=timedelta(minutes=59))
    assert [rotated.works(token) for token in (second, third)] == [True, True]
    for _ in range(2):
        upkeep(after=timedelta(minutes=61))
        assert [rotated.works(token) for token in (second, third)] == [False, True]
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        rotated.secrets.get_secret_value(SecretId=rotated.arn, VersionStage="AWSPREVIOUS")


def test_a_token_that_cannot_be_revoked_is_tried_again(rotated: Rotated, monkeypatch: pytest.MonkeyPatch) -> None:
    rotated.rotate()
    second = rotated.current()
    rotated.rotate()
    with monkeypatch.context() as away:
        away.setenv("WEIGHBRIDGE_REGISTRY_URL", "http://127.0.0.1:9/artifactory")
        with pytest.raises(RegistryError):
            upkeep(after=timedelta(days=2))
    assert rotated.works(second)
    upkeep(after=timedelta(days=2))
    assert (rotated.works(second), rotated.works(rotated.current())) == (False, True)


def test_a_copy_of_the_current_token_is_never_revoked(rotated: Rotated) -> None:
    rotated.rotate()
    value = rotated.secrets.get_secret_value(SecretId=rotated.arn, VersionStage="AWSCURRENT")["SecretString"]
    rotated.secrets.put_secret_value(SecretId=rotated.arn, SecretString=value)
    upkeep(after=timedelta(days=2))
    assert rotated.works(rotated.current())


def test_the_age_of_the_current_token_is_measured(rotated: Rotated, capsys: pytest.CaptureFixture[str]) -> None:
    upkeep(after=timedelta(hours=50, minutes=30))
    (line,) = measured(capsys)
    assert (line["TokenAgeHours"], line["Secret"]) == (50, rotated.arn)
    assert line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["Secret"]]


def test_an_empty_secret_is_not_measured(rotated: Rotated, capsys: pytest.CaptureFixture[str]) -> None:
    rotated.secrets.delete_secret(SecretId=rotated.arn, ForceDeleteWithoutRecovery=True)
    upkeep(after=timedelta(0))
    assert measured(capsys) == []
