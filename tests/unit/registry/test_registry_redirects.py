"""A download may lead to another host; the token never goes there. A write is never redirected."""

from __future__ import annotations

import pytest
import responses
from registry_world import RECORDS, World

from local.registry.process import Fault
from weighbridge.errors import RegistryError
from weighbridge.registry import ArtifactoryClient, StaticToken

DATA = b"content" * 100
URL = "https://registry.example.com/artifactory"


@pytest.fixture
def path(world: World) -> str:
    world.client().deploy_bytes(repository=RECORDS, path="redirected", data=DATA)
    return "redirected"


def test_another_host_gets_no_token(world: World, path: str) -> None:
    world.registry.add_fault(Fault(kind="redirect", path=f"{RECORDS}/{path}", methods=("GET",)))
    before = world.registry.last_request()
    client = world.client()
    assert client.read(repository=RECORDS, path=path, limit=1000) == DATA
    assert client.requests_made == 2
    seen = [(entry.origin, entry.status, entry.authorization) for entry in world.registry.requests(since=before)]
    assert seen == [("registry", 302, True), ("storage", 200, False)]


def test_a_range_goes_along(world: World, path: str) -> None:
    world.registry.add_fault(Fault(kind="redirect", path=f"{RECORDS}/{path}", methods=("GET",)))
    with world.client().stream(repository=RECORDS, path=path, start=100, end=199) as download:
        assert (download.status, download.start, download.size) == (206, 100, len(DATA))
        assert b"".join(download.chunks()) == DATA[100:200]


def test_the_same_host_gets_the_token(world: World, path: str) -> None:
    other = f"{world.registry.url}/{RECORDS}/{path}"
    world.registry.add_fault(Fault(kind="redirect", path=f"{RECORDS}/moved", location=other))
    assert world.client().read(repository=RECORDS, path="moved", limit=1000) == DATA


def test_another_port_of_the_host_is_another_host(world: World, path: str) -> None:
    port = world.registry.storage_url.rpartition(":")[2]
    location = f"http://127.0.0.1:{port}/signed/x"
    world.registry.add_fault(Fault(kind="redirect", path=f"{RECORDS}/{path}", location=location))
    before = world.registry.last_request()
    with pytest.raises(RegistryError):
        world.client().read(repository=RECORDS, path=path, limit=1000)
    assert [entry.authorization for entry in world.registry.requests(since=before)] == [True, False]


def test_going_round_in_circles_ends(world: World, path: str) -> None:
    circle = f"{world.registry.url}/{RECORDS}/{path}"
    world.registry.add_fault(Fault(kind="redirect", path=f"{RECORDS}/{path}", location=circle))
    client = world.client()
    with pytest.raises(RegistryError, match="redirected more than 5 times"):
        client.read(repository=RECORDS, path=path, limit=1000)
    assert client.requests_made == 6


@pytest.mark.parametrize("location", ["http://storage.example.com/x", "ftp://127.0.0.1/x", "file:///etc/passwd"])
def test_a_redirect_that_is_not_encrypted_is_refused(world: World, path: str, location: str) -> None:
    world.registry.add_fault(Fault(kind="redirect", path=f"{RECORDS}/{path}", location=location))
    with pytest.raises(RegistryError, match="not encrypted: refused"):
        world.client().read(repository=RECORDS, path=path, limit=1000)


def test_an_https_registry_does_not_lead_to_plain_http_on_this_machine() -> None:
    client = ArtifactoryClient(url=URL, tokens=StaticToken(token="t"))
    with responses.RequestsMock() as mock:
        mock.get(f"{URL}/{RECORDS}/x", status=302, headers={"Location": "http://127.0.0.1:1/x"})
        with pytest.raises(RegistryError, match="not encrypted: refused"):
            client.read(repository=RECORDS, path="x", limit=10)


@pytest.mark.parametrize("location", ["http://[::1", "http://host:port/x"])
def test_a_redirect_to_what_is_no_url_is_refused(location: str) -> None:
    client = ArtifactoryClient(url=URL, tokens=StaticToken(token="t"))
    with responses.RequestsMock() as mock:
        mock.get(f"{URL}/{RECORDS}/x", status=302, headers={"Location": location})
        with pytest.raises(RegistryError, match="redirected to what is no URL"):
            client.read(repository=RECORDS, path="x", limit=10)


def test_a_cookie_of_the_registry_goes_nowhere() -> None:
    client = ArtifactoryClient(url=URL, tokens=StaticToken(token="t"))
    other = "https://registry.example.com:8443/x"
    with responses.RequestsMock() as mock:
        mock.get(f"{URL}/{RECORDS}/x", status=302, headers={"Location": other, "Set-Cookie": "ACCESSTOKEN=t; Path=/"})
        mock.get(other, body=b"content")
        assert client.read(repository=RECORDS, path="x", limit=10) == b"content"
        assert ["Cookie" in call.request.headers for call in mock.calls] == [False, False]


def test_a_redirected_write_is_refused_and_its_body_goes_nowhere(world: World) -> None:
    world.registry.add_fault(Fault(kind="redirect", path=f"{RECORDS}/written", methods=("PUT",)))
    before = world.registry.last_request()
    with pytest.raises(RegistryError, match="which a write never is"):
        world.client().deploy_bytes(repository=RECORDS, path="written", data=b"x")
    assert {entry.origin for entry in world.registry.requests(since=before)} == {"registry"}


@pytest.mark.parametrize(
    "url", ["http://registry.example.com/artifactory/x", "https://registry.example.com:8443/x", "https://other.com/x"]
)
def test_the_token_is_for_one_scheme_host_and_port(url: str) -> None:
    client = ArtifactoryClient(url=URL, tokens=StaticToken(token="held"))
    assert client.http.token_for(f"{URL}/{RECORDS}/x") == "held"
    assert client.http.token_for(url) is None


@responses.activate
def test_a_redirect_cannot_choose_who_we_are() -> None:
    """A user in the target's URL is no identity of ours: requests would send it as Basic authentication."""
    location = "https://somebody:password@storage.example.com/x"
    responses.get(f"{URL}/{RECORDS}/x", status=302, headers={"Location": location})
    responses.get("https://storage.example.com/x", body=DATA)
    responses.get(location, body=DATA)
    client = ArtifactoryClient(url=URL, tokens=StaticToken(token="held"))
    assert client.read(repository=RECORDS, path="x", limit=1000) == DATA
    sent = [call.request.headers.get("Authorization") for call in responses.calls]
    assert sent == ["Bearer held", None]
