"""A soak: random faults over many pulls. Each pull ends verified or with one clear line; no unverified byte has a name."""

from __future__ import annotations

import random
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from faulty_server import Fault, FaultyServer, certificate, running
from pull_world import TOKEN, PullWorld, RenewedToken, make_world, noise

from weighbridge.errors import WeighbridgeError

KINDS = (
    "flip", "cut", "short", "endless", "long", "wrong-range", "other-total", "no-ranges", "changed", "status", "redirect",
    "garbage", "encoded", "silent-close",
)  # fmt: skip
FILES = {
    f"part-{index}.bin": noise(size, seed=index) for index, size in enumerate((0, 1, 700_000, 300_000, 5_000, 90_000))
}
FAULTS = 200


@pytest.fixture(params=["http", "https"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PullWorld]:
    tls: ssl.SSLContext | None = None
    ca: Path | None = None
    if request.param == "https":
        tls, ca = certificate(tmp_path)
    with running(tls=tls) as server:
        yield make_world(tmp_path, server, FILES, ca=ca)


def random_fault(server: FaultyServer, chance: random.Random) -> Fault:
    kind = chance.choice(KINDS)
    path = chance.choice([name for name in FILES if FILES[name]])
    return server.fault(
        kind, path, at=chance.randrange(len(FILES[path])), times=chance.choice((1, 1, 1, 2, 50)),
        skip=chance.choice((0, 0, 1)), status=chance.choice((401, 403, 404, 429, 500, 503)),
        location=f"{server.origin}/elsewhere/{path}",
    )  # fmt: skip


def test_two_hundred_random_faults_leave_no_unverified_byte(world: PullWorld) -> None:
    chance = random.Random(4711)
    struck = pulls = failed = 0
    while struck < FAULTS:
        faults = [random_fault(world.server, chance) for _ in range(chance.randrange(1, 4))]
        client = world.client(tokens=RenewedToken(TOKEN), read_timeout=1.0)
        refusal = ""
        try:
            world.pull(client=client, workers=chance.choice((1, 3, None)))
        except WeighbridgeError as error:
            failed += 1
            refusal = str(error)
        assert "\n" not in refusal
        assert world.visible().items() <= FILES.items() if refusal else world.visible() == FILES
        assert not any(name.startswith(".") for name in world.everything())
        struck += sum(fault.struck > fault.skip for fault in faults)
        for fault in faults:
            fault.times = fault.skip = 0
        if chance.random() < 0.7:
            for path in world.destination.iterdir():
                path.unlink()
        pulls += 1
    assert 0 < failed < pulls
