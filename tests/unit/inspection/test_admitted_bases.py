"""Base models are admitted once, at one revision, under the inspector's key; nothing else can be pulled or built upon."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner

from tests.unit.promotion.promotion_world import NOW
from tests.unit.registration.memory_registry import MemoryRegistry
from weighbridge.bases import AdmittedHub, BaseRepository, admit, admitted_card, refuse_unadmitted
from weighbridge.errors import IntegrityError, TrustError
from weighbridge.inspection import inspect_folder
from weighbridge.release import BaseModel
from weighbridge.training.hub import pull_base_model

BASE = BaseModel(repository="org/tiny", revision="a" * 40)
INSPECTOR = CryptoSigner.generate_ecdsa()
KEYS = [INSPECTOR.public_key]
FILES = {"config.json": b'{"hidden_size": 8}', "sub/vocab.txt": b"a\nb\n"}


@pytest.fixture
def bases() -> BaseRepository:
    return BaseRepository(client=MemoryRegistry(), repository="bases")  # type: ignore[arg-type]


def run(
    bases: BaseRepository, folder: Path, *, signer: CryptoSigner = INSPECTOR, later: int = 0, base: BaseModel = BASE,
    **files: bytes,
) -> str:  # fmt: skip
    for path, data in {**FILES, **files}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return admit(
        bases=bases, base=base, folder=folder, report=inspect_folder(folder), signer=signer,
        now=NOW + timedelta(seconds=later),
    )  # fmt: skip


def refused(bases: BaseRepository, base: BaseModel = BASE) -> str:
    with pytest.raises(TrustError) as refusal:
        refuse_unadmitted(bases=bases, base=base, keys=KEYS)
    assert refusal.value.rule == "refused.base-not-admitted"
    return str(refusal.value)


def test_what_was_admitted_is_pulled_byte_for_byte(bases: BaseRepository, tmp_path: Path) -> None:
    run(bases, tmp_path / "in")
    refuse_unadmitted(bases=bases, base=BASE, keys=KEYS)
    refuse_unadmitted(bases=bases, base=None, keys=KEYS)
    for keys in (KEYS, None):
        folder = tmp_path / f"out-{keys is None}"
        pull_base_model(hub=AdmittedHub(bases=bases, keys=keys), base=BASE, folder=folder)
        assert {path: (folder / path).read_bytes() for path in FILES} == FILES


def test_nothing_else_is_admitted(bases: BaseRepository, tmp_path: Path) -> None:
    run(bases, tmp_path)
    other = BaseModel(repository="org/tiny", revision="b" * 40)
    assert "weighbridge admit org/tiny@" in refused(bases, other)
    with pytest.raises(TrustError, match="never admitted"):
        pull_base_model(hub=AdmittedHub(bases=bases), base=other, folder=tmp_path / "out")


def test_a_blocked_base_model_is_stated_and_its_files_stay_out(bases: BaseRepository, tmp_path: Path) -> None:
    run(bases, tmp_path, **{"model.bin": b"\x80\x04cos\nsystem\n."})
    assert "says 'blocked'" in refused(bases)
    assert isinstance(bases.client, MemoryRegistry)
    assert [path for _, path in bases.client.files if "/files/" in path] == []


def test_the_newest_word_counts(bases: BaseRepository, tmp_path: Path) -> None:
    run(bases, tmp_path / "clean")
    run(bases, tmp_path / "blocked", later=60, **{"model.bin": b"\x80\x04cos\nsystem\n."})
    assert "says 'blocked'" in refused(bases)
    run(bases, tmp_path / "again", later=120)
    refuse_unadmitted(bases=bases, base=BASE, keys=KEYS)


def test_only_the_inspectors_word_counts_and_junk_stops_nobody(bases: BaseRepository, tmp_path: Path) -> None:
    stranger = run(bases, tmp_path, signer=CryptoSigner.generate_ecdsa())
    assert "never admitted" in refused(bases)
    folder = stranger.rpartition("/")[0]
    for name, junk in enumerate(
        (b"", b"{", b'{"envelopes":[]}', b'{"envelopes":[{}]}', b'{"envelopes":[{"payload":"e30="}]}')
    ):
        bases.client.deploy_bytes(repository="bases", path=f"{folder}/{name}.json", data=junk)
    run(bases, tmp_path)
    refuse_unadmitted(bases=bases, base=BASE, keys=KEYS)


def test_a_statement_does_not_admit_another_model(bases: BaseRepository, tmp_path: Path) -> None:
    path = run(bases, tmp_path)
    other = BaseModel(repository="org/other", revision="a" * 40)
    data = bases.client.read(repository="bases", path=path, limit=1 << 20)
    bases.client.deploy_bytes(repository="bases", path=path.replace("org/tiny", "org/other"), data=data)
    assert "never admitted" in refused(bases, other)


def test_bytes_that_changed_after_the_admission_are_not_pulled(bases: BaseRepository, tmp_path: Path) -> None:
    run(bases, tmp_path / "in")
    assert isinstance(bases.client, MemoryRegistry)
    bases.client.files["bases", bases.file_path(BASE, "config.json")] = b'{"hidden_size": 9}'
    with pytest.raises(IntegrityError, match=r"config\.json"):
        pull_base_model(hub=AdmittedHub(bases=bases, keys=KEYS), base=BASE, folder=tmp_path / "out")


def test_an_admitted_card_is_read_by_its_digest(bases: BaseRepository, tmp_path: Path) -> None:
    card = b"---\nlicense: mit\n---\n# Tiny\n"
    run(bases, tmp_path / "without")
    assert admitted_card(bases=bases, base=BASE, keys=KEYS) is None
    assert admitted_card(bases=bases, base=None, keys=KEYS) is None
    run(bases, tmp_path / "with", later=60, **{"README.md": card})
    assert admitted_card(bases=bases, base=BASE, keys=KEYS) == card
    assert isinstance(bases.client, MemoryRegistry)
    bases.client.files["bases", bases.file_path(BASE, "README.md")] = card.replace(b"mit", b"gpl")
    with pytest.raises(IntegrityError, match="somebody replaced it"):
        admitted_card(bases=bases, base=BASE, keys=KEYS)
    with pytest.raises(TrustError):
        admitted_card(bases=bases, base=BaseModel(repository="org/tiny", revision="b" * 40), keys=KEYS)
