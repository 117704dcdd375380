"""The attacker's tour: each attack at promote, resolve and load by itself, past the gates before; and its control."""

from __future__ import annotations

import pytest

from tests.attacks import attacks_on_bytes, attacks_on_promotions, attacks_on_signatures, attacks_on_time
from tests.attacks.tour_gates import APPROVED, STAGES, Case, Gatekeeper, Stage

CASES: tuple[Case, ...] = (
    *attacks_on_bytes.CASES,
    *attacks_on_promotions.CASES,
    *attacks_on_signatures.CASES,
    *attacks_on_time.CASES,
)
WALKS = [
    pytest.param(case, stage, id=f"{case.name}-{stage}") for case in CASES for stage in STAGES if stage in case.rules
]


@pytest.mark.parametrize(("case", "stage"), WALKS)
def test_attack(keeper: Gatekeeper, case: Case, stage: Stage) -> None:
    case.attack(keeper, stage, True)
    if case.rules[stage] == APPROVED:
        keeper.passes(stage)
    else:
        keeper.refuses(stage, case.rules[stage])


@pytest.mark.parametrize(("case", "stage"), WALKS)
def test_control(keeper: Gatekeeper, case: Case, stage: Stage) -> None:
    case.attack(keeper, stage, False)
    keeper.passes(stage)
