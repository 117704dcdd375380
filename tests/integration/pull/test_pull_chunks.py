"""Files larger than a chunk: fetched in parallel runs, verified chunk by chunk, resumed from what a killed pull left."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from faulty_server import FaultyServer
from pull_world import MIB, RECORDS, PullWorld, make_world, noise

from weighbridge.errors import IntegrityError, RegistryUnavailableError
from weighbridge.pull import pull

CHUNK = 16 * MIB
WEIGHTS = "model.safetensors"
DATA = noise(2 * MIB) * 17 + b"the rest"


@pytest.fixture
def world(server: FaultyServer, tmp_path: Path) -> PullWorld:
    """34 MiB and a bit in three chunks, and a small file."""
    return make_world(tmp_path, server, {WEIGHTS: DATA, "config.json": b"{}"})


def fetch(world: PullWorld, **more: object) -> object:
    return world.pull(records_repository=RECORDS, **more)  # type: ignore[arg-type]


def weights_bytes_sent(world: PullWorld) -> list[int | None]:
    return [seen.first for seen in world.server.requests_for(WEIGHTS)]


def test_one_large_file_is_fetched_by_several_workers(world: PullWorld) -> None:
    report = fetch(world)
    assert world.visible() == world.files
    assert sorted(weights_bytes_sent(world)) == [at * CHUNK for at in range(3)]
    assert report.faults == 0
    assert world.server.connections > 2


def test_without_the_sidecar_it_is_one_piece(world: PullWorld) -> None:
    for path in [path for path in world.server.files if path.endswith("chunks.json")]:
        del world.server.files[path]
    fetch(world)
    assert world.visible() == world.files
    assert weights_bytes_sent(world) == [None]


def test_a_sidecar_that_was_changed_is_refused(world: PullWorld) -> None:
    (path,) = [path for path in world.server.files if path.endswith("chunks.json")]
    world.server.files[path] = world.server.files[path].replace(b"a", b"b", 1)
    with pytest.raises(IntegrityError, match=r"chunks\.json"):
        fetch(world)
    assert world.everything() == []
    assert world.visible() == {}


def test_a_flipped_byte_costs_its_chunk_alone(world: PullWorld) -> None:
    world.server.fault("flip", WEIGHTS, at=CHUNK + 5, times=1, ranged=True, skip=1)
    counts: list[int] = []
    report = fetch(world, workers=1, progress=counts.append)
    assert world.visible() == world.files
    assert sum(counts) == len(DATA) + 2
    assert report.faults == 1
    assert weights_bytes_sent(world) == [0, CHUNK, CHUNK, 2 * CHUNK]


def test_a_byte_that_stays_flipped_is_named_with_its_chunk(world: PullWorld) -> None:
    world.server.fault("flip", WEIGHTS, at=CHUNK + 5, times=1000)
    with pytest.raises(IntegrityError, match=rf"{WEIGHTS}: bytes {CHUNK}-{2 * CHUNK - 1} hash to"):
        fetch(world)
    assert WEIGHTS not in world.visible()
    assert not any(WEIGHTS in path or path.startswith(".") for path in world.everything())


def test_a_server_without_ranges_still_gives_the_file(world: PullWorld) -> None:
    world.server.fault("no-ranges", WEIGHTS, times=1000)
    world.server.fault("cut", WEIGHTS, at=5 * MIB)
    counts: list[int] = []
    fetch(world, progress=counts.append)
    assert world.visible() == world.files
    assert sum(counts) == len(DATA) + 2


@pytest.mark.parametrize("kind", ["wrong-range", "other-total"])
def test_a_server_that_mistakes_every_range_still_gives_the_file(world: PullWorld, kind: str) -> None:
    world.server.fault(kind, WEIGHTS, times=1000, ranged=True)  # type: ignore[arg-type]
    report = fetch(world)
    assert world.visible() == world.files
    assert report.faults >= 2
    assert None in weights_bytes_sent(world)


def test_cuts_in_every_run_are_resumed_where_they_happened(world: PullWorld) -> None:
    for at in range(3):
        world.server.fault("cut", WEIGHTS, at=at * CHUNK + MIB + at, ranged=True)
    fetch(world, workers=1)
    assert world.visible() == world.files


def test_one_signed_url_serves_all_runs_until_it_expires(
    world: PullWorld, server: FaultyServer, other: FaultyServer
) -> None:
    other.files["/blob"] = DATA
    server.fault("redirect", WEIGHTS, location=f"{other.origin}/blob?signature=x", times=1000)
    other.fault("status", "/blob", status=403, skip=2)
    fetch(world, workers=1)
    assert world.visible() == world.files
    assert len(server.requests_for(WEIGHTS)) == 2
    assert len(other.seen) == 4
    assert all("authorization" not in seen.headers for seen in other.seen)


def test_an_error_removes_what_is_unfinished_unless_it_is_to_be_kept(world: PullWorld) -> None:
    fault = world.server.fault("stall", WEIGHTS, at=2 * CHUNK, times=1000)
    client = world.client(read_timeout=0.2, attempts=2)
    with pytest.raises(RegistryUnavailableError):
        fetch(world, client=client, workers=1)
    assert world.everything() == []
    with pytest.raises(RegistryUnavailableError):
        fetch(world, client=client, workers=1, keep_partial=True)
    assert WEIGHTS not in world.visible()
    fault.times = 0
    before = len(world.server.requests_for(WEIGHTS))
    report = fetch(world, workers=1)
    assert world.visible() == world.files
    assert report.bytes_resumed == 2 * CHUNK
    assert weights_bytes_sent(world)[before:] == [2 * CHUNK]
    assert sorted(world.everything()) == ["config.json", WEIGHTS]


_KILLED = """
import os, signal, sys
sys.path[:0] = {path!r}
from pathlib import Path
from faulty_server import FaultyServer
from pull_world import RECORDS, make_world
from test_pull_chunks import DATA, WEIGHTS, CHUNK
server = FaultyServer()
world = make_world(Path({folder!r}), server, {{WEIGHTS: DATA, "config.json": b"{{}}"}})
server.fault("stall", WEIGHTS, at=2 * CHUNK + 1_000_000)
arrived = 0
def progress(count):
    global arrived
    arrived += count
    if arrived >= 2 * CHUNK + 1000:
        os.kill(os.getpid(), signal.SIGKILL)
world.pull(progress=progress, workers=1, records_repository=RECORDS)
"""


@pytest.mark.parametrize("damage", ["none", "flipped byte", "cut off"])
def test_a_killed_pull_is_resumed_from_verified_chunks(world: PullWorld, damage: str) -> None:
    path = [str(Path(__file__).parent), *sys.path]
    done = subprocess.run(
        [sys.executable, "-c", _KILLED.format(path=path, folder=str(world.folder))],
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert world.visible().items() <= {"config.json": b"{}"}.items()
    (draft,) = (path for path in (world.destination / ".weighbridge-pull").iterdir() if path.stat().st_size > 1000)
    if damage == "flipped byte":
        with draft.open("r+b") as file:
            file.seek(CHUNK + 7)
            file.write(bytes([DATA[CHUNK + 7] ^ 1]))
    elif damage == "cut off":
        with draft.open("r+b") as file:
            file.truncate(CHUNK)
    report = fetch(world)
    assert world.visible() == world.files
    assert report.bytes_resumed == {"none": 2, "flipped byte": 1, "cut off": 0}[damage] * CHUNK
    assert not (world.destination / ".weighbridge-pull").exists()


def test_drafts_of_another_release_are_cleared_away(world: PullWorld) -> None:
    drafts = world.destination / ".weighbridge-pull"
    drafts.mkdir(parents=True)
    (drafts / f"{'0' * 64}.0").write_bytes(b"left over")
    fetch(world)
    assert sorted(world.everything()) == ["config.json", WEIGHTS]


def test_a_large_file_that_is_there_is_verified_by_its_chunks(world: PullWorld) -> None:
    fetch(world)
    before = len(world.server.seen)
    assert fetch(world).bytes_kept == len(DATA) + 2
    assert [seen.path.rsplit("/")[-1] for seen in world.server.seen[before:]] == ["chunks.json"]
    (world.destination / WEIGHTS).chmod(0o600)
    with (world.destination / WEIGHTS).open("r+b") as file:
        file.seek(2 * CHUNK)
        file.write(b"?")
    with pytest.raises(IntegrityError, match="other bytes"):
        fetch(world)


def test_two_files_with_the_same_bytes_both_arrive(server: FaultyServer, tmp_path: Path) -> None:
    world = make_world(tmp_path, server, {"a.bin": b"same", "b.bin": b"same", "c/a.bin": DATA, "d/a.bin": DATA})
    fetch(world)
    assert world.visible() == world.files


def test_a_second_pull_into_the_same_folder_is_refused(world: PullWorld) -> None:
    refusals: list[Exception] = []

    def second(_: int) -> None:
        if not refusals:
            try:
                pull(
                    client=world.client(),
                    release=world.built.release,
                    repository="dev-models",
                    destination=world.destination,
                )
            except Exception as error:
                refusals.append(error)

    fetch(world, progress=second)
    assert world.visible() == world.files
    assert "another pull is writing here" in str(refusals[0])
