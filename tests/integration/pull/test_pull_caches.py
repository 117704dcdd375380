"""The two caches: what they save, and that nothing in them is believed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from faulty_server import FaultyServer
from loopback_s3 import BUCKET, LoopbackS3, running_s3
from pull_world import MIB, MODELS, RECORDS, TOKEN, PullWorld, make_world, noise

from weighbridge.errors import InputError, RegistryError
from weighbridge.names import Digest
from weighbridge.pull import LocalCache, PullReport, RegionalCache, pull
from weighbridge.registry import ArtifactoryClient, StaticToken

WEIGHTS = "model.safetensors"
LARGE = noise(MIB) * 18
FILES = {WEIGHTS: LARGE, "second.safetensors": noise(9 * MIB, seed=3), "config.json": b"{}", "empty.txt": b""}


@pytest.fixture
def s3() -> Iterator[LoopbackS3]:
    with running_s3() as found:
        yield found


@pytest.fixture
def world(server: FaultyServer, tmp_path: Path) -> PullWorld:
    return make_world(tmp_path, server, FILES)


def regional(s3: LoopbackS3, **more: object) -> RegionalCache:
    return RegionalCache(client=s3.client(), bucket=BUCKET, **more)  # type: ignore[arg-type]


def key_of(data: bytes) -> str:
    return f"sha256/{Digest.of(data).hex}"


def fetch(world: PullWorld, name: str, cache: RegionalCache | None, **more: object) -> PullReport:
    client = ArtifactoryClient(url=f"{world.server.origin}/artifactory", tokens=StaticToken(token=TOKEN))
    return pull(
        client=client,
        release=world.built.release,
        repository=MODELS,
        destination=world.folder / name,
        records_repository=RECORDS,
        regional_cache=cache,
        **more,  # type: ignore[arg-type]
    )


def held(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_one_instance_fetched_the_next_one_has_without_the_registry(world: PullWorld, s3: LoopbackS3) -> None:
    first = fetch(world, "first", regional(s3))
    assert first.bytes_registry == first.bytes
    assert {key for key in s3.objects if key.startswith("sha256/")} == {
        *(key_of(data) for data in FILES.values() if data),
        f"sha256/{world.built.release.chunks.digest.hex}",
    }
    world.server.close()
    second = fetch(world, "second", regional(s3))
    assert held(world.folder / "second") == FILES
    assert (second.bytes_regional, second.bytes_registry, second.faults) == (second.bytes, 0, 0)


def test_the_registrys_token_is_not_shown_to_the_cache(world: PullWorld, s3: LoopbackS3) -> None:
    fetch(world, "first", regional(s3))
    fetch(world, "second", regional(s3))
    assert all(TOKEN not in str(headers) for _, _, headers in s3.seen)


@pytest.mark.parametrize("damage", ["flipped byte", "short", "long", "empty"])
def test_a_wrong_object_is_not_believed_and_replaced(world: PullWorld, s3: LoopbackS3, damage: str) -> None:
    fetch(world, "first", regional(s3))
    wrong = {
        "flipped byte": LARGE[:-1] + bytes([LARGE[-1] ^ 1]),
        "short": LARGE[:-1],
        "long": LARGE + b"?",
        "empty": b"",
    }[damage]
    s3.objects[key_of(LARGE)] = wrong
    report = fetch(world, "second", regional(s3))
    assert held(world.folder / "second") == FILES
    assert report.faults >= 1
    assert report.bytes_registry >= 1
    assert s3.objects[key_of(LARGE)] == LARGE


def test_a_wrong_sidecar_in_the_cache_is_not_believed(world: PullWorld, s3: LoopbackS3) -> None:
    s3.objects[f"sha256/{world.built.release.chunks.digest.hex}"] = b"{}"
    fetch(world, "first", regional(s3))
    assert held(world.folder / "first") == FILES


@pytest.mark.parametrize("fault", ["down", "read_only"])
def test_a_cache_that_fails_costs_nothing_but_time(world: PullWorld, s3: LoopbackS3, fault: str) -> None:
    setattr(s3, fault, True)
    report = pull(
        client=world.client(),
        release=world.built.release,
        repository=MODELS,
        destination=world.destination,
        records_repository=RECORDS,
        regional_cache=regional(s3),
    )
    assert world.visible() == FILES
    assert report.bytes_registry == report.bytes


def test_a_reader_of_the_cache_never_writes_it(world: PullWorld, s3: LoopbackS3) -> None:
    fetch(world, "first", regional(s3, writes=False))
    assert s3.objects == {}
    assert {method for method, _, _ in s3.seen} == {"GET"}


def test_what_neither_has_is_the_registrys_error(world: PullWorld, s3: LoopbackS3) -> None:
    world.server.fault("status", WEIGHTS, status=404, times=1000)
    with pytest.raises(RegistryError, match=f"{MODELS}/models/minilm/1.0.0/{WEIGHTS}: 404"):
        fetch(world, "first", regional(s3))


def test_in_a_stampede_the_registry_gives_each_large_file_once(world: PullWorld, s3: LoopbackS3) -> None:
    barrier = threading.Barrier(8)

    def start(number: int) -> PullReport:
        cache = regional(s3, poll_seconds=0.05, clock=lambda: 1000.0)
        barrier.wait(timeout=30)
        return fetch(world, f"instance-{number}", cache, workers=2)

    with ThreadPoolExecutor(8) as pool:
        reports = list(pool.map(start, range(8)))
    for number in range(8):
        assert held(world.folder / f"instance-{number}") == FILES
    sent = sum(report.bytes_registry for report in reports)
    large = len(LARGE) + len(FILES["second.safetensors"])
    assert large <= sent <= large + 8 * len(FILES["config.json"])
    assert len(world.server.requests_for("second.safetensors")) == 1


def test_an_instance_that_dies_with_the_lease_holds_nobody_up_for_ever(world: PullWorld, s3: LoopbackS3) -> None:
    now = [1000.0]
    cache = regional(s3, poll_seconds=0.01, clock=lambda: now[0])
    for data in FILES.values():
        assert cache.claim(Digest.of(data), size=len(data))
    asked = threading.Event()

    def tick(key: str) -> None:
        if s3.gets(key) > 2:
            now[0] = 1060.0
            asked.set()

    waiting = regional(s3, poll_seconds=0.01, clock=lambda: (tick(key_of(LARGE)), now[0])[1])
    fetch(world, "second", waiting)
    assert asked.is_set()
    assert held(world.folder / "second") == FILES


def test_containers_of_one_host_share_the_files(world: PullWorld) -> None:
    cache = LocalCache(folder=world.folder / "cache")
    first = fetch(world, "first", None, local_cache=cache)
    world.server.close()
    second = fetch_offline(world, "second", cache)
    assert held(world.folder / "second") == FILES
    assert (first.bytes_local, second.bytes_local) == (0, second.bytes)
    inodes = {(world.folder / name / WEIGHTS).stat().st_ino for name in ("first", "second")}
    assert len(inodes) == 1
    assert not (world.folder / "second" / WEIGHTS).stat().st_mode & 0o222


def fetch_offline(world: PullWorld, name: str, cache: LocalCache) -> PullReport:
    """Without chunk digests no request is made at all when the cache holds everything."""
    return pull(
        client=world.client(),
        release=world.built.release,
        repository=MODELS,
        destination=world.folder / name,
        local_cache=cache,
    )


def test_a_file_that_was_changed_in_the_local_cache_is_replaced(world: PullWorld) -> None:
    cache = LocalCache(folder=world.folder / "cache")
    fetch(world, "first", None, local_cache=cache)
    path = world.folder / "cache" / "sha256" / Digest.of(LARGE).hex[:2] / Digest.of(LARGE).hex
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.write(bytes([LARGE[0] ^ 1]))
    report = fetch(world, "second", None, local_cache=cache)
    assert held(world.folder / "second") == FILES
    assert report.faults == 1
    assert path.read_bytes() == LARGE


def test_containers_that_start_together_pull_once(world: PullWorld) -> None:
    barrier = threading.Barrier(4)

    def start(number: int) -> PullReport:
        barrier.wait(timeout=30)
        return fetch(world, f"container-{number}", None, local_cache=LocalCache(folder=world.folder / "cache"))

    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(start, range(4)))
    assert sorted(report.bytes_registry for report in reports) == [0, 0, 0, reports[0].bytes]
    assert len(world.server.requests_for("second.safetensors")) == 1


def test_a_local_cache_that_cannot_be_written_is_one_clear_line(world: PullWorld) -> None:
    (world.folder / "cache").write_bytes(b"a file")
    with pytest.raises(InputError, match="cache"):
        fetch(world, "first", None, local_cache=LocalCache(folder=world.folder / "cache"))


def test_pruning_spares_what_is_in_use(world: PullWorld) -> None:
    cache = LocalCache(folder=world.folder / "cache")
    fetch(world, "first", None, local_cache=cache)
    assert cache.prune(limit=0) == 0
    (world.folder / "first" / WEIGHTS).unlink()
    assert cache.prune(limit=0) == len(LARGE)
    fetch(world, "second", None, local_cache=cache)
    assert held(world.folder / "second") == FILES
