"""One contract for every sequence ledger."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from tests.atomic_calls import atomic
from tests.ledger_table import create_ledger_table
from weighbridge.errors import CloudError, ConflictError, InputError
from weighbridge.ledger import DynamoDbLedger, SequenceLedger, SqliteLedger
from weighbridge.names import Digest

ONE, TWO = Digest.of(b"one"), Digest.of(b"two")


@pytest.fixture(params=["sqlite", "dynamodb"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SequenceLedger]:
    if request.param == "sqlite":
        yield SqliteLedger(path=tmp_path / "folder" / "ledger.sqlite")
        return
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        client = atomic(boto3.client("dynamodb", region_name="eu-central-1"))
        create_ledger_table(client, name="claims")
        yield DynamoDbLedger(client=client, table="claims")


def test_a_claim_is_remembered(ledger: SequenceLedger) -> None:
    assert ledger.claimed(scope="dev/minilm", sequence=1) is None
    ledger.claim(scope="dev/minilm", sequence=1, digest=ONE)
    assert ledger.claimed(scope="dev/minilm", sequence=1) == ONE


def test_the_same_claim_again_is_success(ledger: SequenceLedger) -> None:
    for _ in range(3):
        ledger.claim(scope="dev/minilm", sequence=1, digest=ONE)


def test_other_bytes_are_a_conflict_and_change_nothing(ledger: SequenceLedger) -> None:
    ledger.claim(scope="dev/minilm", sequence=1, digest=ONE)
    with pytest.raises(ConflictError, match="retry") as conflict:
        ledger.claim(scope="dev/minilm", sequence=1, digest=TWO)
    assert str(ONE) in str(conflict.value)
    assert ledger.claimed(scope="dev/minilm", sequence=1) == ONE


def test_scopes_and_numbers_are_independent(ledger: SequenceLedger) -> None:
    ledger.claim(scope="dev/minilm", sequence=1, digest=ONE)
    ledger.claim(scope="dev/minilm", sequence=2, digest=TWO)
    ledger.claim(scope="prod/minilm", sequence=1, digest=TWO)
    assert ledger.claimed(scope="dev/minilm", sequence=1) == ONE
    assert ledger.claimed(scope="prod/minilm", sequence=1) == TWO


@pytest.mark.parametrize("sequence", [0, -1, 10**15])
def test_numbers_out_of_range_are_refused(ledger: SequenceLedger, sequence: int) -> None:
    with pytest.raises(InputError):
        ledger.claim(scope="dev/minilm", sequence=sequence, digest=ONE)


@pytest.mark.parametrize("scope", ["", "a\nb", "x" * 257])
def test_bad_scopes_are_refused(ledger: SequenceLedger, scope: str) -> None:
    with pytest.raises(InputError):
        ledger.claimed(scope=scope, sequence=1)


def test_large_numbers_are_kept_exactly(ledger: SequenceLedger) -> None:
    ledger.claim(scope="dev/minilm", sequence=10**15 - 1, digest=ONE)
    assert ledger.claimed(scope="dev/minilm", sequence=10**15 - 1) == ONE
    assert ledger.claimed(scope="dev/minilm", sequence=10**15 - 2) is None


def test_one_of_many_threads_wins(ledger: SequenceLedger) -> None:
    won: list[Digest] = []
    lost: list[Digest] = []

    def claim(digest: Digest) -> None:
        try:
            ledger.claim(scope="dev/minilm", sequence=1, digest=digest)
            won.append(digest)
        except ConflictError:
            lost.append(digest)

    threads = [threading.Thread(target=claim, args=(Digest.of(b"%d" % number),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert len(lost) == 3
    assert ledger.claimed(scope="dev/minilm", sequence=1) == won[0]


def test_sqlite_claims_outlive_the_process_that_made_them(tmp_path: Path) -> None:
    SqliteLedger(path=tmp_path / "ledger.sqlite").claim(scope="s", sequence=1, digest=ONE)
    assert SqliteLedger(path=tmp_path / "ledger.sqlite").claimed(scope="s", sequence=1) == ONE


def test_sqlite_says_when_its_file_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").write_bytes(b"not a database, but something that is long enough to be looked at")
    with pytest.raises(InputError, match=r"ledger\.sqlite"):
        SqliteLedger(path=tmp_path / "ledger.sqlite")


def test_dynamodb_says_which_table_it_could_not_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        ledger = DynamoDbLedger(client=boto3.client("dynamodb", region_name="eu-central-1"), table="missing")
        with pytest.raises(CloudError, match="PutItem on table missing"):
            ledger.claim(scope="s", sequence=1, digest=ONE)
        with pytest.raises(CloudError, match="GetItem on table missing"):
            ledger.claimed(scope="s", sequence=1)
