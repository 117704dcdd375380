"""What goes wrong on the way: recovered from, or one clear error; never an unverified byte at a file's path."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from faulty_server import FaultyServer, certificate, running
from pull_world import MIB, TOKEN, PullWorld, RenewedToken, make_world, noise

from weighbridge.errors import (
    IntegrityError,
    RegistryAuthError,
    RegistryError,
    RegistryForbiddenError,
    RegistryNotFoundError,
    RegistryUnavailableError,
    WeighbridgeError,
)

WEIGHTS = "model.safetensors"
ONE = {WEIGHTS: noise(3 * MIB)}
MANY = {WEIGHTS: noise(2 * MIB), **{f"part/{index}.bin": noise(40_000 + index, seed=index) for index in range(12)}}


@pytest.fixture(params=["http", "https"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[FaultyServer, Path | None]]:
    tls, ca = certificate(tmp_path) if request.param == "https" else (None, None)
    with running(tls=tls) as server:
        yield server, ca


@pytest.fixture(params=["one file", "many files"])
def world(request: pytest.FixtureRequest, place: tuple[FaultyServer, Path | None], tmp_path: Path) -> PullWorld:
    server, ca = place
    return make_world(tmp_path, server, ONE if request.param == "one file" else MANY, ca=ca)


RECOVERABLE = {
    "flipped byte": {"kind": "flip", "at": MIB},
    "cut": {"kind": "cut", "at": MIB + 17},
    "cut before the first byte": {"kind": "cut", "at": 0},
    "cut four times": {"kind": "cut", "at": 1000, "times": 3},
    "short body": {"kind": "short", "at": MIB},
    "long body": {"kind": "long"},
    "endless body": {"kind": "endless", "at": MIB},
    "503": {"kind": "status", "status": 503},
    "429": {"kind": "status", "status": 429, "headers": {"Retry-After": "7"}},
    "no answer": {"kind": "silent-close", "times": 2},
    "another content": {"kind": "changed"},
    "not HTTP": {"kind": "garbage"},
    "encoded body": {"kind": "encoded"},
}


@pytest.mark.parametrize("name", RECOVERABLE)
def test_a_fault_that_passes_is_recovered_from(world: PullWorld, name: str) -> None:
    fault = world.server.fault(path=WEIGHTS, **RECOVERABLE[name])  # type: ignore[arg-type]
    report = world.pull()
    assert fault.struck > 0
    assert world.visible() == world.files
    assert report.faults >= 1
    assert world.everything() == sorted({*world.files, *(["part"] if len(world.files) > 1 else [])})


LASTING = {
    "flipped byte": ({"kind": "flip", "at": MIB}, IntegrityError),
    "short body": ({"kind": "short", "at": MIB}, WeighbridgeError),
    "long body": ({"kind": "long"}, IntegrityError),
    "endless body": ({"kind": "endless", "at": MIB}, IntegrityError),
    "another content": ({"kind": "changed"}, IntegrityError),
    "503": ({"kind": "status", "status": 503}, RegistryUnavailableError),
    "cut": ({"kind": "cut", "at": 0}, RegistryUnavailableError),
    "403": ({"kind": "status", "status": 403}, RegistryForbiddenError),
    "404": ({"kind": "status", "status": 404}, RegistryNotFoundError),
    "401": ({"kind": "status", "status": 401}, RegistryAuthError),
    "not HTTP": ({"kind": "garbage"}, RegistryError),
}


@pytest.mark.parametrize("name", LASTING)
def test_a_fault_that_lasts_ends_in_one_clear_line_and_nothing_at_the_path(world: PullWorld, name: str) -> None:
    details, error = LASTING[name]
    world.server.fault(path=WEIGHTS, times=10_000, **details)  # type: ignore[arg-type]
    with pytest.raises(error) as caught:
        world.pull()
    assert WEIGHTS in str(caught.value)
    assert "\n" not in str(caught.value)
    assert WEIGHTS not in world.visible()
    assert world.visible().items() <= world.files.items()


def test_a_flipped_byte_is_fetched_clean_once_only(server: FaultyServer, tmp_path: Path) -> None:
    world = make_world(tmp_path, server, ONE)
    server.fault("flip", WEIGHTS, at=5, times=10_000)
    with pytest.raises(IntegrityError, match=r"model\.safetensors") as caught:
        world.pull()
    assert caught.value.rule == "refused.integrity"
    assert len(server.requests_for(WEIGHTS)) == 2
    assert world.everything() == []


def test_after_a_cut_the_rest_is_asked_for_at_the_exact_offset(server: FaultyServer, tmp_path: Path) -> None:
    world = make_world(tmp_path, server, ONE)
    server.fault("cut", WEIGHTS, at=MIB + 17)
    world.pull()
    first, second = server.requests_for(WEIGHTS)
    assert first.first in (None, 0)
    assert second.first == MIB + 17
    assert second.headers["if-range"] == '"one"'
    assert world.visible() == world.files


def test_a_file_that_changed_between_two_parts_is_never_mixed(server: FaultyServer, tmp_path: Path) -> None:
    world = make_world(tmp_path, server, ONE)
    server.fault("cut", WEIGHTS, at=MIB)
    server.fault("changed", WEIGHTS)
    report = world.pull()
    assert world.visible() == world.files
    assert report.faults >= 2


@pytest.mark.parametrize("kind", ["wrong-range", "other-total"])
def test_a_wrong_content_range_is_not_believed(server: FaultyServer, tmp_path: Path, kind: str) -> None:
    world = make_world(tmp_path, server, ONE)
    server.fault("cut", WEIGHTS, at=MIB)
    server.fault(kind, WEIGHTS, ranged=True)  # type: ignore[arg-type]
    world.pull()
    assert world.visible() == world.files


def test_a_server_without_ranges_is_read_from_the_start(server: FaultyServer, tmp_path: Path) -> None:
    world = make_world(tmp_path, server, ONE)
    server.fault("cut", WEIGHTS, at=MIB)
    server.fault("no-ranges", WEIGHTS, times=100)
    world.pull()
    assert world.visible() == world.files


@pytest.mark.parametrize("kind", ["stall", "drip"])
def test_silence_ends_with_the_timeout_of_one_read(server: FaultyServer, tmp_path: Path, kind: str) -> None:
    world = make_world(tmp_path, server, ONE)
    server.fault(kind, WEIGHTS, at=MIB)  # type: ignore[arg-type]
    world.pull(client=world.client(read_timeout=0.3))
    assert world.visible() == world.files
    assert len(server.requests_for(WEIGHTS)) == 2


def test_a_server_that_stays_silent_ends_in_one_error(server: FaultyServer, tmp_path: Path) -> None:
    world = make_world(tmp_path, server, ONE)
    server.fault("stall", WEIGHTS, at=0, times=10_000)
    with pytest.raises(RegistryUnavailableError, match="stalled"):
        world.pull(client=world.client(read_timeout=0.1, attempts=2))
    assert world.visible() == {}


def test_an_expired_token_is_renewed_in_the_middle(server: FaultyServer, tmp_path: Path) -> None:
    world = make_world(tmp_path, server, ONE)
    tokens = RenewedToken(TOKEN, "second-token")
    server.fault("cut", WEIGHTS, at=MIB)

    def expire(_: int) -> None:
        server.tokens = {"second-token"}

    world.pull(client=world.client(tokens=tokens), progress=expire)
    assert world.visible() == world.files
    assert tokens.refreshes == 1


def test_retry_after_is_honoured(server: FaultyServer, tmp_path: Path) -> None:
    world = make_world(tmp_path, server, ONE)
    server.fault("status", WEIGHTS, status=429, headers={"Retry-After": "7"})
    world.pull()
    assert sum(world.pauses) == pytest.approx(7)


def test_the_token_never_reaches_another_host(server: FaultyServer, other: FaultyServer, tmp_path: Path) -> None:
    world = make_world(tmp_path, server, ONE)
    other.files["/storage/blob"] = ONE[WEIGHTS]
    server.fault("redirect", WEIGHTS, location=f"{other.origin}/storage/blob?signature=x", times=100)
    world.pull()
    assert world.visible() == world.files
    assert len(other.seen) >= 1
    assert all("authorization" not in seen.headers for seen in other.seen)


def test_an_expired_signed_url_is_asked_for_anew(server: FaultyServer, other: FaultyServer, tmp_path: Path) -> None:
    world = make_world(tmp_path, server, ONE)
    other.files["/storage/blob"] = ONE[WEIGHTS]
    server.fault("redirect", WEIGHTS, location=f"{other.origin}/storage/blob?signature=x", times=100)
    other.fault("cut", "blob", at=MIB)
    other.fault("status", "blob", status=403, skip=0)
    world.pull()
    assert world.visible() == world.files
    assert len(server.requests_for(WEIGHTS)) >= 2


def test_a_redirect_in_a_circle_ends(server: FaultyServer, tmp_path: Path) -> None:
    world = make_world(tmp_path, server, ONE)
    server.fault("redirect", WEIGHTS, location=f"{server.origin}/artifactory/elsewhere/{WEIGHTS}", times=10_000)
    with pytest.raises(RegistryError, match="redirected"):
        world.pull()


def test_one_file_that_fails_stops_the_others(server: FaultyServer, tmp_path: Path) -> None:
    files = {f"{index:03}.bin": noise(30_000, seed=index) for index in range(200)}
    world = make_world(tmp_path, server, {"a-large-one.bin": noise(MIB), **files})
    server.fault("status", "a-large-one.bin", status=404, times=10_000)
    with pytest.raises(RegistryNotFoundError, match=r"a-large-one\.bin"):
        world.pull(workers=2)
    assert len(server.seen) < 150
    assert world.visible().items() <= world.files.items()
