"""The registrar: every byte read back, one release per version, and any death followed by completion."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner

from tests.unit.registration.memory_registry import INCOMING, MODELS, RECORDS, KilledError, MemoryFrogml, MemoryRegistry
from weighbridge.errors import IntegrityError, RegistryConflictError, RegistryNotFoundError, TrustError
from weighbridge.layout import ChannelLayout
from weighbridge.names import Digest
from weighbridge.registration import JobEvidence, JobRecord, Registration, find_release, register, upload
from weighbridge.release import BaseModel, Runtime, parse_chunks, parse_release
from weighbridge.trust import Policy, verify_bundle
from weighbridge.trust.provenance import PREDICATE_TYPE
from weighbridge.verification import parse_record

LAYOUT = ChannelLayout(channel="dev", models_repository=MODELS, records_repository=RECORDS)
IMAGE = "registry.example.com/docker/inference@sha256:" + "a" * 64
ARN = "arn:aws:sagemaker:eu-central-1:111111111111:training-job/one"
FOLDER = "models/minilm/1.0.0"
RECORD = JobRecord(
    base_model=BaseModel(repository="org/base", revision="a" * 40),
    parameters={"learning_rate": "0.0002"},
    metrics={"accuracy": "0.91"},
    training_job=ARN,
)


@pytest.fixture(scope="module")
def signer() -> CryptoSigner:
    return CryptoSigner.generate_ecdsa()


def uploaded(folder: Path, *, record: JobRecord = RECORD, code: bytes | None = b"zip") -> MemoryRegistry:
    registry = MemoryRegistry()
    (folder / "1_Pooling").mkdir(parents=True, exist_ok=True)
    (folder / "model.safetensors").write_bytes(b"w" * 5000)
    (folder / "1_Pooling" / "config.json").write_bytes(b"{}")
    upload(
        folder=folder, name="minilm", version="1.0.0", repository=INCOMING, record=record, token="secret",
        client=registry, storage=MemoryFrogml(registry, code=code),  # type: ignore[arg-type]
    )  # fmt: skip
    return registry


def run(
    registry: MemoryRegistry, signer: CryptoSigner, *, lock: str = "b", evidence: JobEvidence | None = None
) -> Registration:
    return register(
        client=registry,  # type: ignore[arg-type]
        name="minilm",
        version="1.0.0",
        incoming=INCOMING,
        layout=LAYOUT,
        runtime=Runtime(image=IMAGE, lock=Digest(lock * 64)),
        signer=signer,
        builder="urn:weighbridge:registrar",
        evidence=evidence,
    )


def policy(signer: CryptoSigner) -> Policy:
    key = signer.public_key
    return Policy(
        channel="dev", keys={key.keyid: key}, roles={"registrar": (key.keyid,)},
        required_statements={PREDICATE_TYPE: ("registrar",)},
    )  # fmt: skip


def test_a_release_binds_what_was_read_back(tmp_path: Path, signer: CryptoSigner) -> None:
    registry = uploaded(tmp_path)
    done = run(registry, signer)
    release = done.release
    assert {item.path: item.role for item in release.components} == {
        "1_Pooling/config.json": "load",
        "code/code.zip": "code",
        "model-manifest.json": "code",
        "model.safetensors": "load",
        "weighbridge-job.json": "record",
    }
    for item in release.components:
        stored = registry.files[MODELS, f"{FOLDER}/{item.path}"]
        assert (len(stored), Digest.of(stored)) == (item.size, item.digest)
    folder = LAYOUT.release_folder(name="minilm", release=release.digest)
    parse_chunks(registry.files[RECORDS, f"{folder}/chunks.json"], release=release)
    bom = registry.files[RECORDS, f"{folder}/bom.cdx.json"]
    assert release.bom is not None
    assert (len(bom), Digest.of(bom)) == (release.bom.size, release.bom.digest)
    written, statements = parse_record(registry.files[RECORDS, f"{folder}/records/{done.statements.hex}.json"])
    assert parse_release(written, expected=done.digest) == release
    assert registry.files[RECORDS, f"{folder}/release.json"] == written
    assert registry.files[RECORDS, f"{folder}/statements.json"] == statements
    (statement,) = verify_bundle(
        data=statements, expected=done.statements, release=done.digest, name="minilm", version="1.0.0",
        policy=policy(signer),
    )  # fmt: skip
    assert statement.predicate_type == PREDICATE_TYPE
    assert registry.writes[-1].endswith(f"/records/{done.statements.hex}.json")
    assert str(done.reference) == f"registry.example.com/{MODELS}/minilm:1.0.0@{done.digest}"
    found = find_release(client=registry, layout=LAYOUT, name="minilm", version="1.0.0")  # type: ignore[arg-type]
    assert found == done.digest


def deaths(folder: Path, signer: CryptoSigner) -> int:
    registry = uploaded(folder)
    run(registry, signer)
    return len(registry.writes)


@pytest.mark.parametrize("when", ["die_before", "die_after"])
def test_killed_at_any_write_a_repeated_call_completes(tmp_path: Path, signer: CryptoSigner, when: str) -> None:
    total = deaths(tmp_path, signer)
    assert total == 11
    for at in range(total):
        registry = uploaded(tmp_path)
        setattr(registry, when, at if when == "die_before" else at + 1)
        with pytest.raises(KilledError):
            run(registry, signer)
        registry.die_before = registry.die_after = None
        left = dict(registry.files)
        done = run(registry, signer)
        assert len(registry.writes) == total
        assert left.items() <= registry.files.items()
        place = LAYOUT.record_path(name="minilm", release=done.digest, statements=done.statements)
        _, statements = parse_record(registry.files[RECORDS, place])
        assert registry.files[RECORDS, LAYOUT.statements_path(name="minilm", release=done.digest)] == statements


def test_repeating_changes_nothing(tmp_path: Path, signer: CryptoSigner) -> None:
    registry = uploaded(tmp_path)
    first = run(registry, signer)
    before = dict(registry.files)
    again = run(registry, signer)
    assert (again.digest, again.statements, registry.files) == (first.digest, first.statements, before)


def test_two_releases_under_one_version_are_a_conflict(tmp_path: Path, signer: CryptoSigner) -> None:
    registry = uploaded(tmp_path)
    run(registry, signer)
    before = dict(registry.files)
    with pytest.raises(RegistryConflictError, match="under another version"):
        run(registry, signer, lock="c")
    assert registry.files == before


def test_statements_of_another_key_are_refused(tmp_path: Path, signer: CryptoSigner) -> None:
    registry = uploaded(tmp_path)
    run(registry, signer)
    with pytest.raises(TrustError, match="not this registrar's"):
        run(registry, CryptoSigner.generate_ecdsa())


def test_nothing_uploaded_is_said_so(signer: CryptoSigner) -> None:
    with pytest.raises(RegistryNotFoundError, match="weighbridge upload"):
        run(MemoryRegistry(), signer)


def _lose(registry: MemoryRegistry) -> None:
    del registry.files[INCOMING, f"{FOLDER}/model.safetensors"]


def _replace(registry: MemoryRegistry) -> None:
    registry.files[INCOMING, f"{FOLDER}/model.safetensors"] = b"v" * 5000


def _flip_on_the_way(registry: MemoryRegistry) -> None:
    registry.arriving[INCOMING, f"{FOLDER}/1_Pooling/config.json"] = b"[]"


def _slip_in(registry: MemoryRegistry) -> None:
    registry.files[INCOMING, f"{FOLDER}/payload.pkl"] = b"cos\nsystem"


def _lose_code(registry: MemoryRegistry) -> None:
    del registry.files[INCOMING, f"{FOLDER}/code/code.zip"]


@pytest.mark.parametrize(
    ("attack", "said"),
    [
        (_lose, "model.safetensors"),
        (_replace, "model.safetensors"),
        (_flip_on_the_way, "config.json"),
        (_slip_in, "payload.pkl"),
        (_lose_code, "code.zip"),
    ],
)
def test_what_is_not_as_logged_is_refused_and_nothing_is_written(
    tmp_path: Path, signer: CryptoSigner, attack: Callable[[MemoryRegistry], None], said: str
) -> None:
    registry = uploaded(tmp_path)
    attack(registry)
    with pytest.raises(IntegrityError, match=said):
        run(registry, signer)
    assert registry.writes == []


def test_a_target_that_holds_other_weights_is_a_conflict(tmp_path: Path, signer: CryptoSigner) -> None:
    registry = uploaded(tmp_path)
    registry.files[MODELS, f"{FOLDER}/model.safetensors"] = b"older"
    with pytest.raises(RegistryConflictError, match=r"model\.safetensors"):
        run(registry, signer)
    assert not any("/records/" in path for path in registry.writes)


def test_a_version_without_a_job_record_has_no_claims(tmp_path: Path, signer: CryptoSigner) -> None:
    registry = uploaded(tmp_path)
    manifest = registry.manifests[INCOMING, "minilm", "1.0.0"]
    manifest["model_artifacts"] = [
        item
        for item in manifest["model_artifacts"]  # type: ignore[union-attr]
        if item["artifact_path"] != "weighbridge-job.json"  # type: ignore[index,call-overload]
    ]
    del registry.files[INCOMING, f"{FOLDER}/weighbridge-job.json"]
    lineage = run(registry, signer).release.lineage
    assert (lineage.claimed, lineage.base_model, lineage.training_job) == ((), None, None)


def test_properties_are_for_people_and_cost_nothing(tmp_path: Path, signer: CryptoSigner) -> None:
    registry = uploaded(tmp_path)
    done = run(registry, signer)
    assert registry.props[MODELS, FOLDER] == {"weighbridge.release": done.digest.hex}
    registry.refuse_properties = True
    again = run(registry, signer)
    assert len(again.warnings) == 1
    assert again.digest == done.digest


def test_evidence_goes_into_the_signed_provenance(tmp_path: Path, signer: CryptoSigner) -> None:
    registry = uploaded(tmp_path)
    evidence = JobEvidence(
        training_job=ARN,
        image="111111111111.dkr.ecr.eu-central-1.amazonaws.com/train@sha256:" + "d" * 64,
        role="arn:aws:iam::111111111111:role/train",
        parameters={"learning_rate": "2e-4", "epochs": "3"},
        inputs={"train": "s3://bucket/train/"},
        source_commit="c" * 40,
    )
    done = run(registry, signer, evidence=evidence)
    lineage = done.release.lineage
    assert lineage.claimed == ("base_model", "metrics")
    assert lineage.parameters == {"learning_rate": "2e-4", "epochs": "3"}
    assert (lineage.source_commit, lineage.training_job) == ("c" * 40, ARN)
    data = registry.files[RECORDS, LAYOUT.statements_path(name="minilm", release=done.digest)]
    (statement,) = verify_bundle(
        data=data, expected=done.statements, release=done.digest, name="minilm", version="1.0.0",
        policy=policy(signer),
    )  # fmt: skip
    definition = statement.predicate["buildDefinition"]
    assert isinstance(definition, dict)
    assert {"name": "input channel train", "uri": "s3://bucket/train/"} in definition["resolvedDependencies"]  # type: ignore[operator]
    assert any(
        item["name"] == "training image" and item["digest"] == {"sha256": "d" * 64}  # type: ignore[index,call-overload]
        for item in definition["resolvedDependencies"]  # type: ignore[union-attr]
    )
    assert definition["internalParameters"]["role"] == "arn:aws:iam::111111111111:role/train"  # type: ignore[index,call-overload]
