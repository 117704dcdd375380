"""The container's variables: each missing or malformed one is named in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.serving.serving_fakes import environ_for, make_release
from weighbridge.errors import InputError
from weighbridge.release import Release
from weighbridge.serving import ContainerEnvironment

REQUIRED = (
    "WEIGHBRIDGE_RELEASE", "WEIGHBRIDGE_PROMOTION", "WEIGHBRIDGE_ROOT", "WEIGHBRIDGE_FLOOR", "WEIGHBRIDGE_CHANNEL",
    "WEIGHBRIDGE_REGISTRY_URL", "WEIGHBRIDGE_MODELS_REPOSITORY", "WEIGHBRIDGE_RECORDS_REPOSITORY",
    "WEIGHBRIDGE_TOKEN_SECRET_ID",
)  # fmt: skip


@pytest.fixture
def release(tmp_path: Path) -> Release:
    return make_release(tmp_path / "source")


def test_everything_is_read(release: Release, tmp_path: Path) -> None:
    found = ContainerEnvironment.read(environ_for(release, ml_root=tmp_path))
    assert found.reference.digest == release.digest
    assert found.promotion.sequence == 3
    assert found.floor.versions["minilm"] == 3
    assert found.layout.records_repository == "prod-records"
    assert found.model_folder == tmp_path / "model"
    assert (found.port, found.bind_host, found.server_command, found.server_user) == (8080, "0.0.0.0", None, None)


def test_sagemakers_defaults_and_own_settings(release: Release, tmp_path: Path) -> None:
    environ = environ_for(
        release, ml_root=tmp_path, WEIGHBRIDGE_ML_ROOT=None, SAGEMAKER_BIND_TO_PORT="9000",
        WEIGHBRIDGE_SERVER_COMMAND='["vllm", "serve", "{model}"]', WEIGHBRIDGE_SERVER_USER="10001",
    )  # fmt: skip
    found = ContainerEnvironment.read(environ)
    assert found.model_folder == Path("/opt/ml/model")
    assert (found.port, found.server_command, found.server_user) == (9000, ("vllm", "serve", "{model}"), 10001)


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_or_empty_variable_is_named(release: Release, tmp_path: Path, name: str) -> None:
    for value in (None, "", " padded "):
        with pytest.raises(InputError, match=name) as caught:
            ContainerEnvironment.read(environ_for(release, ml_root=tmp_path, **{name: value}))
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WEIGHBRIDGE_RELEASE", "registry.example.com/prod-models/minilm:1.0.0"),
        ("WEIGHBRIDGE_RELEASE", "other.example.com/prod-models/minilm:1.0.0@sha256:" + "a" * 64),
        ("WEIGHBRIDGE_RELEASE", "registry.example.com/dev-models/minilm:1.0.0@sha256:" + "a" * 64),
        ("WEIGHBRIDGE_PROMOTION", "latest"),
        ("WEIGHBRIDGE_PROMOTION", "0@sha256:" + "a" * 64),
        ("WEIGHBRIDGE_ROOT", "a" * 64),
        ("WEIGHBRIDGE_FLOOR", "root=1,root=2"),
        ("WEIGHBRIDGE_CHANNEL", "../prod"),
        ("WEIGHBRIDGE_MODELS_REPOSITORY", "a/b"),
        ("WEIGHBRIDGE_REGISTRY_URL", "http://registry.example.com/artifactory"),
        ("WEIGHBRIDGE_REGISTRY_URL", "https://user:password@registry.example.com/artifactory"),
        ("WEIGHBRIDGE_REGISTRY_URL", "https://registry.example.com/artifactory/api"),
        ("WEIGHBRIDGE_REGISTRY_URL", "https://registry.example.com/artifactory?x=1"),
        ("WEIGHBRIDGE_ML_ROOT", "relative"),
        ("SAGEMAKER_BIND_TO_PORT", "80a"),
        ("SAGEMAKER_BIND_TO_PORT", "70000"),
        ("WEIGHBRIDGE_SERVER_COMMAND", "vllm serve"),
        ("WEIGHBRIDGE_SERVER_COMMAND", "[]"),
        ("WEIGHBRIDGE_SERVER_COMMAND", '["vllm", 1]'),
        ("WEIGHBRIDGE_SERVER_USER", "0"),
        ("WEIGHBRIDGE_SERVER_USER", "nobody"),
    ],
)
def test_a_malformed_variable_is_named(release: Release, tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(InputError, match=name) as caught:
        ContainerEnvironment.read(environ_for(release, ml_root=tmp_path, **{name: value}))
    assert "password" not in str(caught.value)


def test_plain_http_is_taken_from_this_machine_only(release: Release, tmp_path: Path) -> None:
    reference = str(release.reference(host="127.0.0.1:8081", repository="prod-models"))
    found = ContainerEnvironment.read(
        environ_for(
            release,
            ml_root=tmp_path,
            WEIGHBRIDGE_RELEASE=reference,
            WEIGHBRIDGE_REGISTRY_URL="http://127.0.0.1:8081/artifactory",
        )
    )
    assert found.registry_url.startswith("http://127.0.0.1")
