"""What differs between two bills."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.bom.bills import CARD, CONFIG, CONTENTS, LOCK, document
from weighbridge.bom import Change, compare_boms
from weighbridge.names import Digest
from weighbridge.release import Dataset, Runtime


def test_nothing_differs_from_itself() -> None:
    assert compare_boms(document(), document()) == ()


def test_every_kind_of_difference_is_told_once() -> None:
    lock = LOCK.replace(b"tzdata==2026.1", b"tzdata==2026.2").replace(b"2" * 64, b"4" * 64) + (
        b"attrs==1 --hash=sha256:" + b"5" * 64 + b"\n"
    )
    other = document(
        version="2.0.0",
        runtime=Runtime(image=CONTENTS.runtime.image, lock=Digest.of(lock)),
        lock=lock,
        lineage=replace(
            CONTENTS.lineage, datasets=(Dataset(name="train", digest=Digest("9" * 64)),), metrics={"accuracy": "0.8"}
        ),
        texts={"README.md": CARD.replace(b"apache-2.0", b"mit"), "config.json": CONFIG},
    )
    found = compare_boms(document(), other)
    train, digest = Digest.of(b"train"), "sha256:" + "1" * 64
    assert found == (
        Change("model", "version", "1.0.0", "2.0.0"),
        Change("runtime", "lock file", str(Digest.of(LOCK)), str(Digest.of(lock))),
        Change("dependencies", "attrs", None, f"1 (sha256:{'5' * 64})"),
        Change("dependencies", "numpy", f"2.0.0 ({digest} sha256:{'2' * 64})", f"2.0.0 ({digest} sha256:{'4' * 64})"),
        Change("dependencies", "tzdata", f"2026.1 (sha256:{'3' * 64})", f"2026.2 (sha256:{'3' * 64})"),
        Change("datasets", "dataset train", str(train), "sha256:" + "9" * 64),
        Change("licences", "model", "apache-2.0", "mit"),
        Change("metrics", "metric accuracy", "0.9", "0.8"),
        Change("metrics", "metric loss", "0.1", None),
    )
    assert {(item.part, item.before, item.after) for item in compare_boms(other, document())} == {
        (item.part, item.after, item.before) for item in found
    }
