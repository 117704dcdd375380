"""Where tokens come from, and that each is read when it is needed."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import responses
from registry_world import TOKENS, RotatingToken, World

from weighbridge.errors import InputError, RegistryAuthError
from weighbridge.registry import ArtifactoryClient, EnvironmentToken, SecretsManagerToken, StaticToken
from weighbridge.registry.credentials import SecretValue

URL = "https://registry.example.com/artifactory"


class Secrets:
    """Secrets Manager with one secret; `reads` counts."""

    def __init__(self, *values: str | Exception) -> None:
        self._values = list(values)
        self.reads = 0

    def get_secret_value(self, *, SecretId: str) -> SecretValue:  # noqa: N803
        value = self._values[min(self.reads, len(self._values) - 1)]
        self.reads += 1
        if isinstance(value, Exception):
            raise value
        return {"SecretString": value}


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_variable_is_read_when_the_token_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JF_ACCESS_TOKEN", "first")
    source = EnvironmentToken()
    assert source.token() == "first"
    monkeypatch.setenv("JF_ACCESS_TOKEN", "second")
    assert (source.token(), source.refresh()) == ("second", "second")
    monkeypatch.delenv("JF_ACCESS_TOKEN")
    with pytest.raises(InputError, match="JF_ACCESS_TOKEN: not set: export"):
        source.token()


@pytest.mark.parametrize(
    ("secret", "token"),
    [("bare", "bare"), ("  padded\n", "padded"), ('{"token": "in-json"}', "in-json"), ('\n{"token": "x"}', "x")],
)
def test_a_secret_is_the_bare_token_or_json(secret: str, token: str) -> None:
    assert SecretsManagerToken(client=Secrets(secret), secret_id="id").token() == token


@pytest.mark.parametrize(
    "secret", ["", "  ", "{}", '{"token": 5}', '{"token": ""}', '{"broken', '{"other": "secret-text"}']
)
def test_a_secret_without_a_token_is_told_without_its_text(secret: str) -> None:
    with pytest.raises(RegistryAuthError, match="secret 'id' holds no token: store the bare token") as refused:
        SecretsManagerToken(client=Secrets(secret), secret_id="id").token()
    assert "secret-text" not in str(refused.value)


def test_a_secret_that_cannot_be_read_names_the_cause() -> None:
    with pytest.raises(RegistryAuthError, match=r"secret 'id' \(PermissionError\): check that it exists"):
        SecretsManagerToken(client=Secrets(PermissionError("no")), secret_id="id").token()


def test_a_secret_is_kept_for_its_age_and_then_read_anew() -> None:
    secrets, clock = Secrets("first", "second"), Clock()
    source = SecretsManagerToken(client=secrets, secret_id="id", max_age=300.0, clock=clock)
    assert [source.token(), source.token()] == ["first", "first"]
    clock.now += 300.0
    assert source.token() == "first"
    clock.now += 0.1
    assert [source.token(), source.token()] == ["second", "second"]
    assert secrets.reads == 2


def test_a_rotated_secret_is_picked_up_after_a_refusal(world: World) -> None:
    secrets = Secrets("rotated-away", TOKENS["reader"])
    client = world.client(tokens=SecretsManagerToken(client=secrets, secret_id="id"))
    client.ping()
    client.ping()
    assert secrets.reads == 2


def test_a_source_shows_no_token() -> None:
    source = SecretsManagerToken(client=Secrets("hidden"), secret_id="id")
    source.token()
    assert "hidden" not in repr(source) + repr(StaticToken(token="hidden"))


def test_threads_that_are_refused_with_one_token_renew_it_once(world: World) -> None:
    tokens = RotatingToken("expired", "fresh")
    http = world.client(tokens=tokens).http
    threads = [threading.Thread(target=http.renew_token, kwargs={"refused": "expired"}) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tokens.refreshes == 1


def test_the_machines_netrc_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine registry.example.com login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with responses.RequestsMock() as mock:
        mock.get(f"{URL}/api/system/ping", body=b"OK")
        ArtifactoryClient(url=URL, tokens=StaticToken(token="ours")).ping()
        assert mock.calls[0].request.headers["Authorization"] == "Bearer ours"
