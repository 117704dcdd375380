"""What passes is tried again, with pauses that grow; what will not pass, or may not be repeated, is not."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest
import requests
import responses
from registry_world import RECORDS, TOKENS, RotatingToken, World

from local.registry.process import Fault
from weighbridge.errors import (
    RegistryAuthError,
    RegistryError,
    RegistryUnavailableError,
)
from weighbridge.registry import Retries, StaticToken, Timeouts
from weighbridge.registry.http import Http, parse_retry_after

PING = "api/system/ping"
URL = "https://registry.example.com/artifactory"


def make_http(pauses: list[float], *, attempts: int = 4) -> Http:
    return Http(
        url=URL,
        tokens=StaticToken(token="t"),
        timeouts=Timeouts(),
        retries=Retries(attempts=attempts, base=1.0, limit=5.0),
        sleep=pauses.append,
        jitter=lambda: 1.0,
    )


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_a_passing_error_is_tried_again(world: World, status: int) -> None:
    world.registry.add_fault(Fault(kind="status", path=PING, status=status, times=2))
    client = world.client()
    client.ping()
    assert client.requests_made == 3
    assert len(world.pauses) == 2


def test_pauses_double_up_to_their_limit_and_are_spread_by_chance() -> None:
    pauses: list[float] = []
    with responses.RequestsMock() as mock:
        mock.get(f"{URL}/{PING}", status=503)
        with pytest.raises(RegistryUnavailableError, match="503"):
            make_http(pauses, attempts=6).send("GET", PING)
    assert pauses == [1.0, 2.0, 4.0, 5.0, 5.0]
    slow = make_http([])
    spread = Http(
        url=URL,
        tokens=StaticToken(token="t"),
        timeouts=Timeouts(),
        retries=slow.retries,
        jitter=lambda: 0.0,
    )
    assert (slow.pause_after(2), spread.pause_after(2)) == (2.0, 1.0)


def test_the_registry_says_how_long_to_wait(world: World) -> None:
    world.registry.add_fault(Fault(kind="status", path=PING, status=429, retry_after="7", times=1))
    world.client().ping()
    assert world.pauses == [7.0]


def test_nobody_is_made_to_wait_beyond_the_limit(world: World) -> None:
    world.registry.add_fault(Fault(kind="status", path=PING, status=429, retry_after="86400", times=1))
    world.client(limit=3.0).ping()
    assert world.pauses == [3.0]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(None, None), ("0", 0.0), ("12", 12.0), ("soon", None), ("-3", None), ("1e9", None), ("", None)],
)
def test_retry_after_is_read_as_seconds(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value) == seconds


def test_retry_after_is_read_as_a_date() -> None:
    later = parse_retry_after(formatdate(time.time() + 3600, usegmt=True))
    assert later is not None
    assert 3000 < later <= 3600
    assert parse_retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0


def test_the_last_attempts_error_says_what_to_do(world: World) -> None:
    world.registry.add_fault(Fault(kind="status", path=PING, status=503, message="in maintenance"))
    client = world.client(attempts=3)
    with pytest.raises(RegistryUnavailableError, match=r"GET api/system/ping: 503: in maintenance: .*try again later"):
        client.ping()
    assert client.requests_made == 3


@pytest.mark.parametrize("status", [400, 403, 404, 405, 409])
def test_an_error_that_stays_is_not_tried_again(world: World, status: int) -> None:
    world.registry.add_fault(Fault(kind="status", path=PING, status=status))
    client = world.client()
    with pytest.raises(RegistryError) as refused:
        client.ping()
    assert (client.requests_made, world.pauses, refused.value.status) == (1, [], status)


def test_what_may_not_be_repeated_is_sent_once() -> None:
    pauses: list[float] = []
    with responses.RequestsMock() as mock:
        mock.post(f"{URL}/api/once", status=503)
        with pytest.raises(RegistryUnavailableError):
            make_http(pauses).send("POST", "api/once", repeatable=False)
        mock.post(f"{URL}/api/cut", body=requests.ConnectionError("reset"))
        with pytest.raises(RegistryUnavailableError):
            make_http(pauses).send("POST", "api/cut", repeatable=False)
        assert len(mock.calls) == 2
    assert pauses == []


def test_no_answer_is_tried_again_and_then_told(world: World) -> None:
    client = world.client(attempts=3)
    world.registry.stop()
    try:
        with pytest.raises(RegistryUnavailableError, match=r"gave no answer .*check the network"):
            client.ping()
    finally:
        world.registry.start()
    assert client.requests_made == 3
    client.ping()


def test_a_stall_before_the_answer_is_tried_again(world: World) -> None:
    world.registry.add_fault(Fault(kind="stall", path=PING, times=1))
    client = world.client(read=0.3)
    client.ping()
    assert client.requests_made == 2


@pytest.mark.parametrize(("kind", "at"), [("short", 10), ("stall", 10)])
def test_an_answer_that_breaks_off_is_asked_for_again(world: World, kind: str, at: int) -> None:
    path = f"breaks/{kind}"
    world.client().deploy_bytes(repository=RECORDS, path=path, data=b"x" * 100)
    world.registry.add_fault(Fault(kind=kind, path=f"*{path}", methods=("GET",), times=2, at=at))
    client = world.client(read=0.3)
    assert client.info(repository=RECORDS, path=path).size == 100
    assert client.requests_made == 3
    world.registry.add_fault(Fault(kind=kind, path=f"*{path}", methods=("GET",), times=2, at=at))
    assert client.read(repository=RECORDS, path=path, limit=100) == b"x" * 100
    assert client.requests_made == 6


def test_an_answer_that_always_breaks_off_is_an_outage(world: World) -> None:
    world.registry.add_fault(Fault(kind="short", path="api/repositories/*", at=5))
    with pytest.raises(RegistryUnavailableError):
        world.client(attempts=2).repository_type(repository=RECORDS)


def test_a_certificate_that_is_not_trusted_is_told_at_once() -> None:
    pauses: list[float] = []
    with responses.RequestsMock() as mock:
        mock.get(f"{URL}/{PING}", body=requests.exceptions.SSLError("self-signed certificate"))
        with pytest.raises(RegistryUnavailableError, match=r"certificate of registry.example.com is not trusted"):
            make_http(pauses).send("GET", PING)
        assert len(mock.calls) == 1
    assert pauses == []


def test_a_refused_token_is_renewed_once(world: World) -> None:
    tokens = RotatingToken("expired", TOKENS["reader"])
    client = world.client(tokens=tokens)
    client.ping()
    assert (tokens.refreshes, client.requests_made, world.pauses) == (1, 2, [])


def test_a_token_that_stays_refused_is_told(world: World) -> None:
    tokens = RotatingToken("expired", "wrong", TOKENS["reader"])
    client = world.client(tokens=tokens)
    with pytest.raises(RegistryAuthError, match="the token is missing, wrong or expired"):
        client.ping()
    assert (tokens.refreshes, client.requests_made) == (1, 2)


def test_a_refused_write_is_repeated_with_its_body_after_the_token_is_renewed(world: World) -> None:
    client = world.client(tokens=RotatingToken("expired", TOKENS["promoter"]))
    client.deploy_bytes(repository=RECORDS, path="renewed", data=b"body", overwrite=True)
    assert client.read(repository=RECORDS, path="renewed", limit=10) == b"body"
