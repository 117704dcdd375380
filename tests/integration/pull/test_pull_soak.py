"""A soak: random faults over many pulls. Each pull ends verified or with one clear line; no unverified byte has a name."""

from __future__ import annotations

import random
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from faulty_server import Fault, FaultyServer, certificate, running
from pull_world import RECORDS, TOKEN, PullWorld, RenewedToken, make_world, noise

from weighbridge.errors import WeighbridgeError

KINDS = (
    "flip", "cut", "short", "endless", "long", "wrong-range", "other-total", "no-ranges", "changed", "status", "redirect",
    "garbage", "encoded", "silent-close",
)  # fmt: skip
FILES = {
    f"part-{index}.bin": noise(size, seed=index) for index, size in enumerate((0, 1, 700_000, 300_000, 5_000, 90_000))
}
LARGE = {
    f"part-{index}.bin": noise(size, seed=index) for index, size in enumerate((0, 70_000, 1_300_000, 700_000, 300_001))
}
CHUNK = 64 * 1024
FAULTS = 200


@pytest.fixture(params=["http", "https"])
def origin(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[FaultyServer, Path | None]]:
    tls: ssl.SSLContext | None = None
    ca: Path | None = None
    if request.param == "https":
        tls, ca = certificate(tmp_path)
    with running(tls=tls) as server:
        yield server, ca


def random_fault(world: PullWorld, chance: random.Random, *, ranged: tuple[bool | None, ...]) -> Fault:
    kind = chance.choice(KINDS)
    server, path = world.server, chance.choice([name for name in world.files if world.files[name]])
    return server.fault(
        kind, path, at=chance.randrange(len(world.files[path])), ranged=chance.choice(ranged), times=chance.choice((1, 1, 1, 2, 50)),
        skip=chance.choice((0, 0, 1)), status=chance.choice((401, 403, 404, 429, 500, 503)),
        location=f"{server.origin}/elsewhere/{path}",
    )  # fmt: skip


def test_two_hundred_random_faults_leave_no_unverified_byte(
    origin: tuple[FaultyServer, Path | None], tmp_path: Path
) -> None:
    server, ca = origin
    soak(make_world(tmp_path, server, FILES, ca=ca), ranged=(None,))


def test_two_hundred_random_faults_over_ranged_segments_leave_no_unverified_byte(
    origin: tuple[FaultyServer, Path | None], tmp_path: Path
) -> None:
    server, ca = origin
    world = make_world(tmp_path, server, LARGE, ca=ca, chunk_size=CHUNK)
    soak(world, ranged=(True, True, None), records_repository=RECORDS)
    segments = [seen.first for seen in server.seen if seen.path.endswith("part-2.bin") and seen.first is not None]
    assert len({first for first in segments if first % CHUNK == 0}) > 4


def soak(world: PullWorld, *, ranged: tuple[bool | None, ...], records_repository: str | None = None) -> None:
    """Pull until two hundred faults have struck, and look at the folder after each pull."""
    files = world.files
    chance = random.Random(4711)
    struck = pulls = failed = 0
    while struck < FAULTS:
        faults = [random_fault(world, chance, ranged=ranged) for _ in range(chance.randrange(1, 4))]
        client = world.client(tokens=RenewedToken(TOKEN), read_timeout=1.0)
        refusal = ""
        try:
            world.pull(
                client=client, workers=chance.choice((1, 3, None)), records_repository=records_repository,
                keep_partial=chance.random() < 0.5,
            )  # fmt: skip
        except WeighbridgeError as error:
            failed += 1
            refusal = str(error)
        assert "\n" not in refusal
        assert world.visible().items() <= files.items() if refusal else world.visible() == files
        drafts = [name for name in world.everything() if name.startswith(".")]
        assert not drafts or (refusal and records_repository)
        struck += sum(fault.struck > fault.skip for fault in faults)
        for fault in faults:
            fault.times = fault.skip = 0
        if chance.random() < 0.7:
            for name in world.visible():
                (world.destination / name).unlink()
        pulls += 1
    assert 0 < failed < pulls
