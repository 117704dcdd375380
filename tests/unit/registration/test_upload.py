"""Uploading: what frogml lost or changed is found, odd values cost nothing, and a repeated call completes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.registration.memory_registry import INCOMING, MemoryFrogml, MemoryRegistry
from weighbridge.errors import InputError, IntegrityError, RegistryConflictError, RegistryNotFoundError
from weighbridge.names import Digest
from weighbridge.registration import JOB_RECORD_PATH, JobRecord, UploadReport, parse_job_record, upload
from weighbridge.registration.properties import frogml_properties
from weighbridge.release import BaseModel, Dataset

FOLDER = "models/minilm/1.0.0"
RECORD = JobRecord(
    base_model=BaseModel(repository="org/base", revision="a" * 40),
    datasets=(Dataset(name="data", digest=Digest.of(b"data")),),
    parameters={"learning_rate": "0.0002", "optimizer": "AdamW (fused)", "seed": "-1"},
    metrics={"accuracy": "0.91", "empty": "", "digest": "f" * 64, "curve": "[0.1, 0.2]"},
    training_job="arn:aws:sagemaker:eu-central-1:111111111111:training-job/one",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "model"
    (place / "1_Pooling").mkdir(parents=True)
    (place / "model.safetensors").write_bytes(b"w" * 5000)
    (place / "1_Pooling" / "config.json").write_bytes(b"{}")
    (place / "empty.txt").write_bytes(b"")
    return place


@pytest.fixture
def registry() -> MemoryRegistry:
    return MemoryRegistry()


def run(registry: MemoryRegistry, folder: Path, storage: MemoryFrogml, *, record: JobRecord = RECORD) -> UploadReport:
    return upload(
        folder=folder,
        name="minilm",
        version="1.0.0",
        repository=INCOMING,
        record=record,
        client=registry,  # type: ignore[arg-type]
        token="secret",
        storage=storage,
    )


def test_all_files_and_the_record_are_logged_and_read_back(registry: MemoryRegistry, folder: Path) -> None:
    read: list[int] = []
    storage = MemoryFrogml(registry, code=b"zip")
    report = upload(
        folder=folder, name="minilm", version="1.0.0", repository=INCOMING, record=RECORD, token="secret",
        client=registry, storage=storage, progress=read.append,  # type: ignore[arg-type]
    )  # fmt: skip
    assert (report.files, report.already_there) == (4, False)
    assert sum(read) == report.bytes == 5002 + len(RECORD.to_bytes())
    assert parse_job_record(registry.files[INCOMING, f"{FOLDER}/{JOB_RECORD_PATH}"]) == RECORD
    assert not (folder / JOB_RECORD_PATH).exists()


def test_values_that_frogml_refuses_stay_in_the_record_alone(registry: MemoryRegistry, folder: Path) -> None:
    storage = MemoryFrogml(registry)
    report = run(registry, folder, storage)
    assert report.unfitting == ("digest", "empty", "optimizer")
    assert storage.properties == {
        "learning_rate": "0.0002", "seed": "-1", "accuracy": "0.91", "curve": "[0.1, 0.2]",
        "base_model": "org/base", "base_revision": "a" * 40,
    }  # fmt: skip
    kept = parse_job_record(registry.files[INCOMING, f"{FOLDER}/{JOB_RECORD_PATH}"])
    assert kept.parameters["optimizer"] == "AdamW (fused)"


@pytest.mark.parametrize("value", ["x" * 61, "a b", "a:b", "a\n", "", "v1+cpu", "é", "[1]\n", "a//b"])
def test_the_value_rule_is_frogmls(value: str) -> None:
    assert frogml_properties(JobRecord(metrics={"key": value})) == ({}, ("key",))


@pytest.mark.parametrize("lost", ["model.safetensors", "1_Pooling/config.json", JOB_RECORD_PATH])
def test_a_file_that_frogml_lost_fails_the_upload_and_repeating_completes_it(
    registry: MemoryRegistry, folder: Path, lost: str
) -> None:
    storage = MemoryFrogml(registry, lost=(lost,))
    with pytest.raises(IntegrityError, match=lost):
        run(registry, folder, storage)
    report = run(registry, folder, storage)
    assert report.already_there
    assert storage.calls == 1
    assert (INCOMING, f"{FOLDER}/{lost}") in registry.files


def test_stored_bytes_that_differ_fail_the_upload(registry: MemoryRegistry, folder: Path) -> None:
    storage = MemoryFrogml(registry, changed={"model.safetensors": b"v" * 5000})
    with pytest.raises(IntegrityError, match=r"model\.safetensors"):
        run(registry, folder, storage)


def test_bytes_that_arrive_otherwise_than_the_registry_claims_fail_the_upload(
    registry: MemoryRegistry, folder: Path
) -> None:
    registry.arriving[INCOMING, f"{FOLDER}/model.safetensors"] = b"w" * 4999 + b"v"
    with pytest.raises(IntegrityError, match=r"model\.safetensors: 5000 bytes were read back"):
        run(registry, folder, MemoryFrogml(registry))


def test_the_same_version_again_is_success_and_another_content_a_conflict(
    registry: MemoryRegistry, folder: Path
) -> None:
    storage = MemoryFrogml(registry)
    run(registry, folder, storage)
    before = dict(registry.files)
    assert run(registry, folder, storage).already_there
    (folder / "model.safetensors").write_bytes(b"other")
    with pytest.raises(RegistryConflictError, match="exists with other bytes"):
        run(registry, folder, storage)
    with pytest.raises(RegistryConflictError, match="exists with other bytes"):
        run(registry, folder, storage, record=JobRecord())
    assert registry.files == before
    assert storage.calls == 1


@pytest.mark.parametrize(
    ("name", "version"), [("a/b", "1.0.0"), ("minilm", "1.0.0+cpu"), ("minilm", ""), ("x" * 61, "1")]
)
def test_a_bad_name_is_refused_before_anything_is_written(
    registry: MemoryRegistry, folder: Path, name: str, version: str
) -> None:
    storage = MemoryFrogml(registry)
    with pytest.raises(InputError):
        upload(
            folder=folder, name=name, version=version, repository=INCOMING, record=RECORD, token="secret",
            client=registry, storage=storage,  # type: ignore[arg-type]
        )  # fmt: skip
    assert (storage.calls, registry.files) == (0, {})


def test_links_odd_paths_and_empty_folders_are_refused(registry: MemoryRegistry, folder: Path, tmp_path: Path) -> None:
    storage = MemoryFrogml(registry)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no file"):
        run(registry, tmp_path / "empty", storage)
    with pytest.raises(InputError, match="not a folder"):
        run(registry, tmp_path / "missing", storage)
    (folder / "50%.txt").write_bytes(b"")
    with pytest.raises(InputError, match="quote"):
        run(registry, folder, storage)
    (folder / "50%.txt").unlink()
    (folder / "link").symlink_to("/etc/passwd")
    with pytest.raises(InputError, match="link"):
        run(registry, folder, storage)
    assert (storage.calls, registry.files) == (0, {})


def test_what_version_control_leaves_behind_is_reported_and_not_logged(registry: MemoryRegistry, folder: Path) -> None:
    (folder / ".gitattributes").write_bytes(b"*.safetensors lfs")
    (folder / ".git").mkdir()
    (folder / ".git" / "HEAD").write_bytes(b"ref")
    report = run(registry, folder, MemoryFrogml(registry))
    assert report.ignored == (".git/HEAD", ".gitattributes")
    assert report.files == 4


def test_a_file_that_vanished_between_listing_and_reading_is_not_success(
    registry: MemoryRegistry, folder: Path
) -> None:
    class Vanishing(MemoryRegistry):
        def stream(self, *, repository: str, path: str, **more: object):  # type: ignore[no-untyped-def,override]
            raise RegistryNotFoundError(f"{path}: gone", status=404)

    gone = Vanishing()
    with pytest.raises(RegistryNotFoundError, match="gone"):
        run(gone, folder, MemoryFrogml(gone))


def test_a_version_that_was_uploaded_with_fewer_files_is_a_conflict_and_stays_as_it_is(
    registry: MemoryRegistry, folder: Path
) -> None:
    storage = MemoryFrogml(registry)
    run(registry, folder, storage)
    before = dict(registry.files)
    (folder / "more.txt").write_bytes(b"more")
    with pytest.raises(RegistryConflictError, match=r"more\.txt"):
        run(registry, folder, storage)
    assert registry.files == before


def test_a_record_that_lies_in_the_folder_is_never_replaced_in_silence(registry: MemoryRegistry, folder: Path) -> None:
    (folder / JOB_RECORD_PATH).write_bytes(JobRecord(metrics={"accuracy": "0.1"}).to_bytes())
    storage = MemoryFrogml(registry)
    with pytest.raises(InputError, match="another job record"):
        run(registry, folder, storage)
    assert (storage.calls, registry.files) == (0, {})
    (folder / JOB_RECORD_PATH).write_bytes(RECORD.to_bytes())
    assert run(registry, folder, storage).files == 4
