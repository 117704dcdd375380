"""A pull, and every other request to the registry, under a private authority and through a proxy that opens tunnels alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from connect_proxy import ConnectProxy, proxying
from faulty_server import FaultyServer, running
from private_authority import PrivateAuthority
from pull_world import MODELS, TOKEN, PullWorld, make_world, noise

from weighbridge.doctor.probe import HttpProbe
from weighbridge.errors import IntegrityError, RegistryError
from weighbridge.pull import pull
from weighbridge.registry import ArtifactoryClient, Retries, StaticToken, Timeouts
from weighbridge.registry.iam_exchange import IamExchangeToken
from weighbridge.tokenrotation.access import AccessApi

HOST = "registry.weighbridge.test"
STORAGE = "storage.weighbridge.test"
URL = f"https://{HOST}/artifactory"
FILES = {"config.json": b'{"a": 1}', "model.safetensors": noise(300_000), "part/other.bin": noise(70_000, seed=2)}


@dataclass
class Way:
    """The registry and its storage under a private authority, reached by names that resolve nowhere but in the proxy."""

    authority: PrivateAuthority
    proxy: ConnectProxy
    registry: FaultyServer
    storage: FaultyServer
    world: PullWorld

    def client(self) -> ArtifactoryClient:
        return ArtifactoryClient(
            url=URL,
            tokens=StaticToken(token=TOKEN),
            timeouts=Timeouts(connect=5, read=5),
            retries=Retries(attempts=2, base=0.001),
            sleep=lambda _: None,
        )

    def pull(self) -> None:
        pull(
            client=self.client(),
            release=self.world.built.release,
            repository=MODELS,
            destination=self.world.destination,
            workers=2,
        )


def port_of(server: FaultyServer) -> int:
    return int(server.origin.rpartition(":")[2])


@pytest.fixture
def way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Way]:
    authority = PrivateAuthority(tmp_path)
    with (
        running(tls=authority.server_context(HOST)) as registry,
        running(tls=authority.server_context(STORAGE)) as storage,
        proxying({f"{HOST}:443": port_of(registry), f"{STORAGE}:443": port_of(storage)}) as proxy,
    ):
        for name in ("https_proxy", "no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.path))
        yield Way(authority, proxy, registry, storage, make_world(tmp_path, registry, FILES))


def test_a_pull_is_verified_through_the_proxy(way: Way) -> None:
    way.pull()
    assert way.world.visible() == FILES
    assert set(way.proxy.opened) == {f"{HOST}:443"}


def test_the_proxy_learns_a_host_and_no_token(way: Way) -> None:
    way.pull()
    with pytest.raises(RegistryError):
        way.client().read(repository="dev-records", path="missing", limit=10)
    assert way.proxy.heads
    for head in way.proxy.heads:
        assert head.startswith(f"CONNECT {HOST}:443 HTTP/1.".encode())
        assert b"authorization" not in head.lower()
    assert TOKEN.encode() not in bytes(way.proxy.sent)
    assert b"config.json" not in bytes(way.proxy.sent)
    assert all(seen.headers["authorization"] == f"Bearer {TOKEN}" for seen in way.registry.seen)


def test_a_flipped_byte_is_refused_through_the_proxy_too(way: Way) -> None:
    way.registry.fault("flip", "model.safetensors", at=1000, times=100)
    with pytest.raises(IntegrityError):
        way.pull()
    assert "model.safetensors" not in way.world.visible()


def test_storage_that_is_redirected_to_is_reached_through_the_proxy_without_the_token(way: Way) -> None:
    path = f"/artifactory/{MODELS}/models/minilm/1.0.0/model.safetensors"
    way.storage.files["/signed"] = FILES["model.safetensors"]
    way.registry.fault("redirect", path, location=f"https://{STORAGE}/signed", times=100)
    way.pull()
    assert way.world.visible() == FILES
    assert f"{STORAGE}:443" in way.proxy.opened
    assert way.storage.seen
    assert all("authorization" not in seen.headers for seen in way.storage.seen)


def test_what_no_proxy_names_is_asked_directly(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "weighbridge.test")
    with pytest.raises(RegistryError):
        way.pull()
    assert way.proxy.heads == []


def test_an_authority_that_was_not_named_is_not_trusted(
    way: Way, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = PrivateAuthority(tmp_path, name="another authority")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other.path))
    with pytest.raises(RegistryError, match="trusted"):
        way.client().ping()
    with pytest.raises(RegistryError, match="trusted"):
        way.pull()
    assert way.registry.seen == []
    assert way.world.visible() == {}


def test_a_certificate_of_another_host_is_not_trusted(way: Way) -> None:
    way.proxy.hosts = {f"{HOST}:443": port_of(way.storage)}
    with pytest.raises(RegistryError, match="trusted"):
        way.pull()
    assert way.storage.seen == []


def test_a_proxy_that_refuses_is_named_with_its_status(way: Way) -> None:
    way.proxy.refuse_with = 407
    with pytest.raises(RegistryError, match=r"proxy 127\.0\.0\.1:\d+ answered 407"):
        way.pull()
    with pytest.raises(RegistryError, match=rf"the proxy answered 407: it opens no way to {HOST}"):
        way.client().ping()
    assert way.registry.seen == []


def test_a_password_goes_to_the_proxy_and_nowhere_else(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", way.proxy.url.replace("//", "//user:pa%20ss@"))
    way.pull()
    assert all(b"Proxy-Authorization: Basic dXNlcjpwYSBzcw==\r\n" in head for head in way.proxy.heads)
    assert all("proxy-authorization" not in seen.headers for seen in way.registry.seen)


def test_the_exchange_of_a_role_the_rotation_and_the_doctor_take_the_same_way(way: Way) -> None:
    exchange = IamExchangeToken(url=URL, credentials=_Credentials, sleep=lambda _: None)
    with pytest.raises(RegistryError):
        exchange.token()
    with pytest.raises(RegistryError):
        AccessApi(url=URL).subject(token=TOKEN)
    HttpProbe(url=URL, tokens=StaticToken(token=TOKEN)).send("GET", "api/system/ping")
    assert way.proxy.opened == [f"{HOST}:443"] * 3
    assert all(b"authorization" not in head.lower() for head in way.proxy.heads)


class _Credentials:
    access_key = "AKIAEXAMPLE"
    secret_key = "example"
    token = None
