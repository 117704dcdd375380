"""A registered release is inspected where it lies, and the signed verdict decides what may be promoted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from safetensors.numpy import save
from securesystemslib.signer import CryptoSigner

from tests.unit.promotion.promotion_world import MODEL, NOW, PromotionWorld, make_promotion_world
from tests.unit.promotion.test_bundled_statements import demand, types
from tests.unit.registration.memory_registry import MemoryDownload
from weighbridge.errors import IntegrityError, RegistryNotFoundError, RegistryUnavailableError, TrustError
from weighbridge.inspection import PREDICATE_TYPE
from weighbridge.inspection.released import Inspection, inspect_registered
from weighbridge.registration import Registration
from weighbridge.trust.provenance import PREDICATE_TYPE as PROVENANCE

WEIGHTS = save({})
SECRET = f"models/{MODEL}/1.0.0/model.safetensors"


@pytest.fixture
def world(tmp_path: Path) -> PromotionWorld:
    return make_promotion_world(tmp_path)


@pytest.fixture
def inspector() -> CryptoSigner:
    return CryptoSigner.generate_ecdsa()


def register(world: PromotionWorld, weights: bytes = WEIGHTS, *, version: str = "1.0.0") -> Registration:
    return world.register(version, weights=weights)


def run(world: PromotionWorld, signer: CryptoSigner, *, later: int = 0) -> Inspection:
    return inspect_registered(
        client=world.registry,  # type: ignore[arg-type]
        layout=world.channels["dev"].layout,
        name=MODEL,
        version="1.0.0",
        signer=signer,
        now=NOW + timedelta(seconds=later),
    )


def test_register_inspect_promote(world: PromotionWorld, inspector: CryptoSigner) -> None:
    done = register(world)
    demand(world, inspector, "dev", "prod")
    with pytest.raises(TrustError, match="signed by inspector"):
        world.promote("1.0.0", to="dev")
    found = run(world, inspector)
    assert found.answer() == {
        "outcome": "clean", "model": MODEL, "version": "1.0.0", "release": str(done.digest),
        "detail": "every file is clean",
    }  # fmt: skip
    assert found.statement.startswith(f"{MODEL}/releases/{done.digest.hex}/statements/inspector.")
    world.promote("1.0.0", to="dev")
    world.promote("1.0.0", to="prod")
    assert types(world, "prod") == [PROVENANCE, PREDICATE_TYPE]


def test_every_file_that_is_not_code_is_judged(world: PromotionWorld, inspector: CryptoSigner) -> None:
    done = register(world)
    report = run(world, inspector).report
    assert report is not None
    judged = {file.path: (file.size, file.digest) for file in report.files}
    wanted = {item.path: (item.size, item.digest) for item in done.release.components if item.role != "code"}
    assert judged == wanted


def test_a_blocked_release_is_stated_and_goes_nowhere(world: PromotionWorld, inspector: CryptoSigner) -> None:
    register(world, b"\x80\x04cos\nsystem\n.")
    demand(world, inspector, "dev")
    found = run(world, inspector)
    assert found.verdict == "blocked"
    assert found.answer()["detail"] == "1 files are blocked: model.safetensors: inspect.format.pickle"
    with pytest.raises(TrustError, match=r"inspect\.format\.pickle") as refusal:
        world.promote("1.0.0", to="dev")
    assert refusal.value.rule == "refused.inspection"


def test_repeating_reads_no_weights_and_states_nothing_new(world: PromotionWorld, inspector: CryptoSigner) -> None:
    register(world)
    first = run(world, inspector)
    writes = list(world.registry.writes)
    world.registry.arriving["dev-models", SECRET] = b"must not be read"
    again = run(world, inspector, later=60)
    assert (again.statement, again.report, again.verdict) == (first.statement, None, "clean")
    assert world.registry.writes == writes


def test_a_clean_word_of_another_key_or_of_other_validators_is_no_repetition(
    world: PromotionWorld, inspector: CryptoSigner, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(world)
    run(world, CryptoSigner.generate_ecdsa())
    assert run(world, inspector).report is not None
    monkeypatch.setattr("weighbridge.inspection.statement.VALIDATORS", {"json": 999})
    assert run(world, inspector, later=60).report is not None


@pytest.mark.parametrize("change", [b"", WEIGHTS + b"\0", WEIGHTS[:-1], WEIGHTS[:-1] + b"x"])
def test_other_bytes_than_the_releases_are_stated_by_nobody(
    world: PromotionWorld, inspector: CryptoSigner, change: bytes
) -> None:
    register(world)
    world.registry.files["dev-models", SECRET] = change
    before = list(world.registry.writes)
    with pytest.raises(IntegrityError):
        run(world, inspector)
    assert world.registry.writes == before


def test_nothing_registered_is_said_so(world: PromotionWorld, inspector: CryptoSigner) -> None:
    with pytest.raises(RegistryNotFoundError, match="weighbridge register"):
        run(world, inspector)


def test_a_body_that_breaks_off_is_taken_up_again(
    world: PromotionWorld, inspector: CryptoSigner, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = json.dumps({"a": {"dtype": "U8", "shape": [300_000], "data_offsets": [0, 300_000]}}).encode()
    weights = len(header).to_bytes(8, "little") + header + bytes(range(256)) * 1171 + b"\1" * 224
    done = register(world, weights)
    starts: list[int] = []

    class Broken(MemoryDownload):
        def chunks(self) -> Iterator[bytes]:
            yield self.data[:70_000]
            if len(self.data) > 50_000:
                raise RegistryUnavailableError("cut")

    @contextmanager
    def stream(*, repository: str, path: str, start: int = 0, **_: object) -> Iterator[MemoryDownload]:
        data = world.registry.files[repository, path]
        kind = Broken if path.endswith(".safetensors") else MemoryDownload
        starts.append(start)
        found = kind(data=data[start:], size=len(data))
        found.start = start
        yield found

    monkeypatch.setattr(world.registry, "stream", stream)
    report = run(world, inspector).report
    assert report is not None
    assert report.verdict == "clean"
    assert {file.digest for file in report.files} == {c.digest for c in done.release.components if c.role != "code"}
    assert [start for start in starts if start] == [70_000, 140_000, 210_000, 280_000]
