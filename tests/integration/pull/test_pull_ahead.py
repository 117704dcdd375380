"""Small files are asked for ahead: many requests in flight from one worker, and every fault still met one file at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from faulty_server import Fault, FaultyServer, Seen, certificate, running
from pull_world import PullWorld, RenewedToken, make_world, noise

from weighbridge.errors import IntegrityError

FILES = {f"part/{index:02}.bin": noise(20_000 + index, seed=index) for index in range(40)}
TOGETHER = 16


@pytest.fixture(params=["http", "https"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PullWorld]:
    tls, ca = certificate(tmp_path) if request.param == "https" else (None, None)
    with running(tls=tls) as server:
        yield make_world(tmp_path, server, FILES, ca=ca)


def held_until(server: FaultyServer, count: int) -> None:
    """Let nobody have an answer before `count` requests have come."""
    noted, gate, seen = server.note, threading.Event(), []

    def note(request: Seen) -> Fault | None:
        seen.append(request)
        if len(seen) >= count:
            gate.set()
        assert gate.wait(10), f"{len(seen)} requests in flight, {count} expected"
        return noted(request)

    server.note = note  # type: ignore[method-assign]


def test_one_worker_has_many_requests_in_flight(world: PullWorld) -> None:
    held_until(world.server, TOGETHER)
    report = world.pull()
    assert report.workers == 1
    assert report.faults == 0
    assert report.requests == len(FILES)
    assert world.visible() == FILES
    assert world.server.connections <= TOGETHER


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "flip", "at": 100},
        {"kind": "cut", "at": 0},
        {"kind": "cut", "at": 5000},
        {"kind": "short", "at": 5000},
        {"kind": "long"},
        {"kind": "changed"},
        {"kind": "garbage"},
        {"kind": "encoded"},
        {"kind": "silent-close"},
        {"kind": "status", "status": 503},
        {"kind": "status", "status": 429, "headers": {"Retry-After": "7"}},
    ],
    ids=lambda fault: " ".join(str(value) for value in fault.values()),
)
def test_faults_of_answers_that_were_asked_for_ahead(world: PullWorld, fault: dict[str, object]) -> None:
    struck = [world.server.fault(path=path, **fault) for path in list(FILES)[3:40:4]]  # type: ignore[arg-type]
    world.pull()
    assert all(one.struck >= 1 for one in struck)
    assert world.visible() == FILES


def test_a_token_that_ends_in_the_middle_is_renewed_once_for_all_that_were_asked(world: PullWorld) -> None:
    world.server.tokens = {"second-token"}
    tokens = RenewedToken("first-token", "second-token")
    world.pull(client=world.client(tokens=tokens))
    assert tokens.refreshes == 1
    assert world.visible() == FILES


def test_a_file_that_stays_wrong_ends_the_pull_and_leaves_nothing_of_it(world: PullWorld) -> None:
    world.server.fault("flip", "part/20.bin", at=7, times=99)
    with pytest.raises(IntegrityError, match=r"part/20\.bin"):
        world.pull()
    found = world.visible()
    assert "part/20.bin" not in found
    assert all(FILES[path] == data for path, data in found.items())


@pytest.mark.parametrize("world", ["http"], indirect=True)
def test_signed_urls_are_asked_for_by_the_registry_alone(world: PullWorld) -> None:
    with running() as storage:
        for path, data in world.server.files.items():
            if path.endswith(".bin"):
                storage.files[path] = data
                world.server.fault("redirect", path, location=f"{storage.origin}{path}?signature=1", times=1)
        world.pull()
        assert world.visible() == FILES
        assert len(storage.seen) == len(FILES)
        assert not any("authorization" in seen.headers for seen in storage.seen)
