"""Edit, delete, reorder, fork and cut off: the first bad number is named."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from event_world import NOW, fill, numbered
from securesystemslib.signer import CryptoSigner

from weighbridge.errors import ConflictError, TrustError
from weighbridge.ledger.events import (
    Break,
    Entry,
    FolderSeals,
    Head,
    SqliteEvents,
    StoredEntry,
    Verdict,
    read_seals,
    seal_ledger,
    verify_ledger,
)
from weighbridge.ledger.events.seal import Seal, sign_seal
from weighbridge.names import Digest

NAME = "dev"
Tamper = Callable[[dict[int, bytes]], None]
Benches = Callable[[int], "Bench"]


SEALER = CryptoSigner.generate_ed25519()


class Bench:
    """A ledger of ten entries whose file can be tampered with, and seals of the first `sealed`."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "ledger.sqlite"
        self.ledger = SqliteEvents(path=self.path)
        self.seals = FolderSeals(folder=folder / "seals")
        self.sealer = SEALER

    def fill(self, *, sealed: int) -> None:
        for count in sorted({min(3, sealed), sealed}):
            fill(self.ledger, count)
            self.seal()
        fill(self.ledger, 10)

    def seal(self) -> None:
        seal_ledger(ledger=self.ledger, store=self.seals, signer=self.sealer, name=NAME, now=NOW)

    def tamper(self, change: Tamper) -> None:
        with sqlite3.connect(self.path) as connection:
            rows = dict(connection.execute("SELECT sequence, data FROM events"))
            change(rows)
            connection.execute("DELETE FROM events")
            for sequence, data in rows.items():
                connection.execute("INSERT INTO events VALUES (?, ?, ?)", (sequence, f"{sequence}", data))

    def verify(self) -> Verdict:
        seals = read_seals(store=self.seals, keys=[self.sealer.public_key], ledger=NAME)
        assert seals.problems == ()
        return verify_ledger(ledger=self.ledger, seals=seals)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """Return a folder that is filled once for each count of sealed entries."""
    folders: dict[int, Path] = {}

    def fill_once(sealed: int) -> Path:
        if sealed not in folders:
            folders[sealed] = tmp_path_factory.mktemp("filled")
            Bench(folders[sealed]).fill(sealed=sealed)
        return folders[sealed]

    return fill_once


@pytest.fixture
def bench_of(filled: Callable[[int], Path], tmp_path: Path) -> Benches:
    """Return a bench of one's own, with so many entries sealed."""

    def copied(sealed: int) -> Bench:
        shutil.copytree(filled(sealed), tmp_path, dirs_exist_ok=True)
        return Bench(tmp_path)

    return copied


def edited(number: int) -> Tamper:
    def change(rows: dict[int, bytes]) -> None:
        entry = Entry.parse(rows[number])
        rows[number] = replace(entry, event=replace(entry.event, actor="mallory")).to_bytes()

    return change


def garbled(number: int) -> Tamper:
    def change(rows: dict[int, bytes]) -> None:
        rows[number] = rows[number] + b" "

    return change


def deleted(number: int) -> Tamper:
    return lambda rows: rows.pop(number) and None


def closed_up(number: int) -> Tamper:
    """Delete an entry and move those after it up, as they are."""

    def change(rows: dict[int, bytes]) -> None:
        for sequence in range(number, len(rows)):
            rows[sequence] = rows[sequence + 1]
        del rows[len(rows)]

    return change


def swapped(number: int) -> Tamper:
    def change(rows: dict[int, bytes]) -> None:
        rows[number], rows[number + 1] = rows[number + 1], rows[number]

    return change


def renumbered(number: int) -> Tamper:
    """Swap two entries and let each bear the number of its new place."""

    def change(rows: dict[int, bytes]) -> None:
        one, two = Entry.parse(rows[number]), Entry.parse(rows[number + 1])
        rows[number] = replace(one, event=two.event).to_bytes()
        rows[number + 1] = replace(two, event=one.event).to_bytes()

    return change


def forked(number: int) -> Tamper:
    """Write another history from `number` on, whole in itself."""

    def change(rows: dict[int, bytes]) -> None:
        head = None if number == 1 else Entry.parse(rows[number - 1]).head
        for sequence in range(number, len(rows) + 1):
            entry = Entry.after(head, event=numbered(sequence, details={"history": "another"}))
            rows[sequence], head = entry.to_bytes(), entry.head

    return change


def cut_off(number: int) -> Tamper:
    def change(rows: dict[int, bytes]) -> None:
        for sequence in range(number, len(rows) + 1):
            del rows[sequence]

    return change


@pytest.mark.parametrize("sealed", [0, 3, 7, 10])
def test_an_honest_ledger_holds(bench_of: Benches, sealed: int) -> None:
    bench = bench_of(sealed)
    verdict = bench.verify()
    assert verdict.holds
    assert (verdict.entries, verdict.sealed, verdict.head) == (10, sealed, bench.ledger.head())


@pytest.mark.parametrize("sealed", [0, 7, 10])
@pytest.mark.parametrize("number", [1, 4, 8])
@pytest.mark.parametrize(
    ("tamper", "rule"),
    [
        (edited, "ledger.edited"),
        (garbled, "ledger.edited"),
        (deleted, "ledger.missing"),
        (closed_up, "ledger.reordered"),
        (swapped, "ledger.reordered"),
        (renumbered, "ledger.edited"),
    ],
)
def test_the_first_bad_number_is_named(
    bench_of: Benches, tamper: Callable[[int], Tamper], rule: str, number: int, sealed: int
) -> None:
    bench = bench_of(sealed)
    bench.tamper(tamper(number))
    broken = bench.verify().broken
    assert broken is not None
    assert broken.sequence == number
    assert broken.rule in {rule, "ledger.forked"}


@pytest.mark.parametrize("number", [1, 3, 4, 6])
def test_a_history_that_was_written_anew_is_not_the_sealed_one(bench_of: Benches, number: int) -> None:
    bench = bench_of(7)
    bench.tamper(forked(number))
    broken = bench.verify().broken
    assert broken is not None
    assert (broken.sequence, broken.rule) == (number, "ledger.forked")


@pytest.mark.parametrize("number", [1, 4, 7])
def test_a_tail_cut_off_is_seen_against_the_last_seal(bench_of: Benches, number: int) -> None:
    bench = bench_of(7)
    bench.tamper(cut_off(number))
    broken = bench.verify().broken
    assert broken is not None
    assert (broken.sequence, broken.rule) == (number, "ledger.cut-off")
    assert f"ends with number {number - 1}, 7 are sealed" in broken.message


def test_what_came_after_the_last_seal_may_be_cut_off_unseen(bench_of: Benches) -> None:
    bench = bench_of(7)
    bench.tamper(cut_off(8))
    assert bench.verify() == Verdict(entries=7, head=bench.ledger.head(), sealed=7, broken=None)


def test_a_broken_ledger_is_not_sealed(bench_of: Benches) -> None:
    bench = bench_of(7)
    bench.tamper(edited(8))
    with pytest.raises(TrustError, match="not sealed: number 8") as refused:
        bench.seal()
    assert refused.value.rule == "ledger.edited"


def test_nothing_new_is_nothing_to_seal(bench_of: Benches) -> None:
    bench = bench_of(10)
    assert seal_ledger(ledger=bench.ledger, store=bench.seals, signer=bench.sealer, name=NAME, now=NOW) is None


def test_two_sealers_at_once_leave_one_seal(bench_of: Benches) -> None:
    bench = bench_of(7)
    bench.seal()
    with pytest.raises(ConflictError, match="begins with number 8"):
        bench.seals.put(first=8, data=b"{}")


def test_seals_of_strangers_and_junk_are_told_and_decide_nothing(bench_of: Benches, tmp_path: Path) -> None:
    bench = bench_of(7)
    stranger = CryptoSigner.generate_ed25519()
    (tmp_path / "seals" / "000000000000099.json").write_bytes(b"junk")
    fake = FolderSeals(folder=tmp_path / "fake")
    seal_ledger(ledger=bench.ledger, store=fake, signer=stranger, name=NAME, now=NOW)
    (tmp_path / "seals" / "000000000000100.json").write_bytes(next(data for _, data in fake.all()))
    found = read_seals(store=bench.seals, keys=[bench.sealer.public_key], ledger=NAME)
    assert [seal.head.sequence for seal in found.valid] == [3, 7]
    assert len(found.problems) == 2
    assert "99" in found.problems[0]
    assert "not the sealer's" in found.problems[1]


def test_a_seal_that_was_taken_away_or_moved_is_told(bench_of: Benches, tmp_path: Path) -> None:
    bench = bench_of(7)
    (tmp_path / "seals" / "000000000000001.json").unlink()
    found = read_seals(store=bench.seals, keys=[bench.sealer.public_key], ledger=NAME)
    assert [seal.first for seal in found.valid] == [4]
    assert "missing" in found.problems[0]
    (tmp_path / "seals" / "000000000000004.json").rename(tmp_path / "seals" / "000000000000001.json")
    moved = read_seals(store=bench.seals, keys=[bench.sealer.public_key], ledger=NAME)
    assert moved.valid == ()
    assert "moved" in moved.problems[0]


def test_a_replaced_sealers_seals_stand_and_it_seals_nothing_any_more(bench_of: Benches) -> None:
    bench = bench_of(7)
    successor = CryptoSigner.generate_ed25519()
    old, new = bench.sealer.public_key, successor.public_key
    done = seal_ledger(ledger=bench.ledger, store=bench.seals, signer=successor, name=NAME, now=NOW, former=[old])
    assert done is not None
    assert done.first == 8
    found = read_seals(store=bench.seals, keys=[new, old], ledger=NAME)
    assert ([seal.first for seal in found.valid], found.problems) == ([1, 4, 8], ())
    fill(bench.ledger, 12)
    stolen = sign_seal(
        seal=Seal(ledger=NAME, first=11, digests=(Digest.of(b"11"), Digest.of(b"12")), sealed_at=NOW),
        signer=bench.sealer,
    )
    bench.seals.put(first=11, data=stolen)
    found = read_seals(store=bench.seals, keys=[new, old], ledger=NAME)
    assert [seal.first for seal in found.valid] == [1, 4, 8]
    (problem,) = found.problems
    assert "seal 11: was sealed by a key that had been replaced" in problem


def test_a_sealer_that_nobody_names_any_more_is_a_stranger(bench_of: Benches) -> None:
    bench = bench_of(7)
    found = read_seals(store=bench.seals, keys=[CryptoSigner.generate_ed25519().public_key], ledger=NAME)
    assert (found.valid, len(found.problems)) == ((), 2)


def test_another_ledgers_seal_is_refused(bench_of: Benches) -> None:
    bench = bench_of(7)
    found = read_seals(store=bench.seals, keys=[bench.sealer.public_key], ledger="prod")
    assert found.valid == ()
    assert "not of 'prod'" in found.problems[0]


def test_numbers_start_at_one() -> None:
    entry = Entry.after(Head(sequence=1, digest=Entry.after(None, event=numbered(1)).digest), event=numbered(2))
    from weighbridge.ledger.events import verify_chain

    found = verify_chain(stored=[StoredEntry(sequence=2, data=entry.to_bytes())])
    assert found.broken == Break(1, "ledger.missing", "number 1 is missing: number 2 follows")
