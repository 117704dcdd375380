"""Two promoters at once, and a registry that accepts whatever is written: the ledger knows one winner, readers follow it alone."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.attacks.tour_gates import Gatekeeper, Stage
from tests.attacks.tour_world import ANN, BOB, MODEL, NEW, MemoryLedger, Tour
from weighbridge.errors import ConflictError
from weighbridge.names import Digest
from weighbridge.trust import Promotion
from weighbridge.trust.promotion import parse_promotion

SCOPE, NUMBER = f"prod/{MODEL}", 2


class Photograph(MemoryLedger):
    """Both promoters reach the line before one of them crosses it."""

    line = threading.Barrier(2, timeout=30)

    def claim(self, *, scope: str, sequence: int, digest: Digest) -> None:
        if (scope, sequence) == (SCOPE, NUMBER):
            self.line.wait()
        super().claim(scope=scope, sequence=sequence, digest=digest)


def race(tour: Tour) -> tuple[Promotion, Promotion]:
    """Let two people promote at once; return the winner's promotion, and the loser's, which lies in the registry too."""
    tour.registry.accepts_all = True
    tour.ledger = Photograph(tour.ledger.claims)

    def promote(who: str) -> Promotion | ConflictError:
        try:
            return tour.promote(NEW, by=who).promotion
        except ConflictError as error:
            return error

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(promote, (ANN, BOB)))
    [winner] = [item for item in found if isinstance(item, Promotion)]
    [refused] = [item for item in found if isinstance(item, ConflictError)]
    assert refused.rule == "conflict"
    written = [
        parse_promotion(data)
        for (repository, path), data in tour.registry.files.items()
        if repository == "prod-records"
        and path.startswith(f"tuf/targets/promotions/{MODEL}/")
        and path.endswith(f".{NUMBER}.json")
    ]
    assert len(written) == 2
    [loser] = [item for item in written if item != winner]
    return winner, loser


@pytest.mark.parametrize("stage", ["resolve", "load"])
def test_readers_follow_the_winner(keeper: Gatekeeper, stage: Stage) -> None:
    winner, _ = race(keeper.tour)
    assert keeper.tour.ledger.claimed(scope=SCOPE, sequence=NUMBER) == winner.digest
    assert keeper.tour.state("prod").promotions(MODEL)[1:] == (winner,)
    keeper.tour.ask_for(winner)
    keeper.passes(stage)


@pytest.mark.parametrize("stage", ["resolve", "load"])
def test_readers_never_follow_the_loser(keeper: Gatekeeper, stage: Stage) -> None:
    winner, loser = race(keeper.tour)
    files = keeper.tour.registry.files
    folder = f"tuf/targets/promotions/{MODEL}"
    files["prod-records", f"{folder}/{winner.digest.hex}.{NUMBER}.json"] = loser.to_bytes()
    keeper.tour.ask_for(loser)
    keeper.refuses(stage, "refused.promotion")
    assert keeper.tour.state("prod").head(MODEL) == winner


def test_the_loser_may_try_again_and_finds_the_winner(keeper: Gatekeeper) -> None:
    winner, loser = race(keeper.tour)
    again = keeper.tour.promote(NEW, by=loser.promoted_by)
    assert (again.promotion, again.changed) == (winner, False), "the release is the head already"
