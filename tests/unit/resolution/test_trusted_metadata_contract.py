"""One contract for every store of trusted metadata: it never goes back, whoever writes it when."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from aws_memory import BUCKET, AwsMemory
from botocore.stub import Stubber
from channel_world import RegistryWorld
from trust_world import MODEL

from weighbridge.errors import CloudError, ConflictError, InputError, TrustError
from weighbridge.names import Digest
from weighbridge.resolution import FolderMetadata, S3Metadata, TrustedMetadataStore
from weighbridge.trust import export_kept, import_kept

ROOT = Digest.of(b"root")


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> TrustedMetadataStore:
    if request.param == "folder":
        return FolderMetadata(folder=tmp_path / "kept")
    aws: AwsMemory = request.getfixturevalue("aws")
    return S3Metadata(client=aws.s3, bucket=BUCKET)


def metadata(version: int, *, text: str = "") -> bytes:
    return json.dumps({"signed": {"version": version, "text": text}, "signatures": []}).encode()


def save(store: TrustedMetadataStore, *, channel: str = "dev", root: Digest = ROOT, **versions: int) -> None:
    """Save files; `root=N` stands for `root_history/N.root.json`."""
    top = versions.pop("root_version", 1)
    files = {f"root_history/{number}.root.json": metadata(number) for number in range(1, top + 1)}
    store.save(
        channel=channel,
        root=root,
        files={**files, **{f"{name}.json": metadata(version) for name, version in versions.items()}},
    )


def versions(store: TrustedMetadataStore, *, channel: str = "dev", root: Digest = ROOT) -> dict[str, int]:
    files = store.load(channel=channel, root=root)
    return {path: json.loads(data)["signed"]["version"] for path, data in files.items()}


def test_nothing_is_kept_at_first(store: TrustedMetadataStore) -> None:
    assert store.load(channel="dev", root=ROOT) == {}


def test_what_is_saved_comes_back_byte_for_byte(store: TrustedMetadataStore) -> None:
    files = {"timestamp.json": metadata(3, text="ä\u2028\n"), "root_history/1.root.json": metadata(1)}
    store.save(channel="dev", root=ROOT, files=files)
    assert store.load(channel="dev", root=ROOT) == files


def test_an_older_view_takes_nothing_back(store: TrustedMetadataStore) -> None:
    save(store, timestamp=5, snapshot=5)
    save(store, timestamp=4, snapshot=4, targets=2)
    assert versions(store) == {
        "root_history/1.root.json": 1,
        "timestamp.json": 5,
        "snapshot.json": 5,
        "targets.json": 2,
    }


def test_models_of_one_channel_keep_their_roles_side_by_side(store: TrustedMetadataStore) -> None:
    save(store, timestamp=5, minilm=2)
    save(store, timestamp=6, other=1)
    assert versions(store) == {"root_history/1.root.json": 1, "timestamp.json": 6, "minilm.json": 2, "other.json": 1}


def test_of_equal_versions_the_stored_one_stays(store: TrustedMetadataStore) -> None:
    first = {"timestamp.json": metadata(5, text="first")}
    store.save(channel="dev", root=ROOT, files=first)
    store.save(channel="dev", root=ROOT, files={"timestamp.json": metadata(5, text="second")})
    assert store.load(channel="dev", root=ROOT) == first


def test_root_rotation_ends_what_a_stolen_key_said(store: TrustedMetadataStore) -> None:
    save(store, timestamp=2**40, root_version=1)
    save(store, timestamp=7, root_version=2)
    assert versions(store)["timestamp.json"] == 7
    save(store, timestamp=2**41, root_version=1)
    assert versions(store)["timestamp.json"] == 7, "a view under the old root comes too late"


def test_channels_and_pins_are_independent(store: TrustedMetadataStore) -> None:
    save(store, timestamp=5)
    assert store.load(channel="prod", root=ROOT) == {}
    assert store.load(channel="dev", root=Digest.of(b"other")) == {}


def test_many_writers_end_with_the_newest(store: TrustedMetadataStore) -> None:
    errors: list[Exception] = []

    def write(version: int) -> None:
        try:
            save(store, timestamp=version, **{f"model{version}": version})
        except Exception as error:  # the assertion below shows it
            errors.append(error)

    threads = [threading.Thread(target=write, args=(version,)) for version in (4, 1, 3, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert versions(store) == {
        "root_history/1.root.json": 1,
        "timestamp.json": 4,
        **{f"model{version}.json": version for version in (1, 2, 3, 4)},
    }


def test_a_reader_goes_on_from_what_is_kept(store: TrustedMetadataStore, served: RegistryWorld, tmp_path: Path) -> None:
    served.publish(served.release("1.0.0"))
    world = served.world
    world.reader(folder=tmp_path / "one").refresh(MODEL)
    store.save(channel="dev", root=world.root, files=export_kept(tmp_path / "one"))
    import_kept(tmp_path / "two", store.load(channel="dev", root=world.root))
    world.source.fetched.clear()
    world.reader(folder=tmp_path / "two").refresh(MODEL)
    assert "1.root.json" not in world.source.fetched
    assert len(world.source.fetched) <= 3, "snapshot and roles are known already"


@pytest.mark.parametrize("data", [b"{}", b"no json", b'{"signed": {"version": "1"}}', b'{"signed": {}}', b"[]"])
def test_what_is_no_metadata_is_not_kept(store: TrustedMetadataStore, data: bytes) -> None:
    with pytest.raises(TrustError) as refusal:
        store.save(channel="dev", root=ROOT, files={"timestamp.json": data})
    assert refusal.value.rule == "refused.kept"
    assert store.load(channel="dev", root=ROOT) == {}


@pytest.mark.parametrize("data", [b"half a rec", b"{}", b'{"schema":"weighbridge.kept-metadata/v1","files":{"a":{}}}'])
def test_an_unreadable_record_is_no_memory_and_is_replaced(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "dev" / f"{ROOT.hex}.json"
    path.parent.mkdir()
    path.write_bytes(data)
    store = FolderMetadata(folder=tmp_path)
    assert store.load(channel="dev", root=ROOT) == {}
    save(store, timestamp=1)
    assert versions(store)["timestamp.json"] == 1


def test_s3_takes_in_what_was_written_in_between(aws: AwsMemory) -> None:
    class Racing:
        """S3 where somebody else writes after each of the first two reads."""

        def __init__(self) -> None:
            self.others = [7, 8]

        def __getattr__(self, name: str) -> Any:
            return getattr(aws.s3, name)

        def get_object(self, **options: str) -> Any:
            try:
                return aws.s3.get_object(**options)
            finally:
                if self.others:
                    save(S3Metadata(client=aws.s3, bucket=BUCKET), timestamp=self.others.pop(0), other=1)

    store = S3Metadata(client=Racing(), bucket=BUCKET)  # type: ignore[arg-type]
    save(store, timestamp=6, minilm=2)
    assert versions(store) == {"root_history/1.root.json": 1, "timestamp.json": 8, "minilm.json": 2, "other.json": 1}


def test_s3_gives_up_when_others_write_every_time(aws: AwsMemory) -> None:
    stubber = Stubber(aws.s3)
    for _ in range(10):
        stubber.add_client_error("get_object", "NoSuchKey", http_status_code=404)
        stubber.add_client_error("put_object", "PreconditionFailed", http_status_code=412)
    with stubber, pytest.raises(ConflictError, match="run the deployment again"):
        save(S3Metadata(client=aws.s3, bucket=BUCKET), timestamp=1)


def test_s3_says_which_call_failed(aws: AwsMemory) -> None:
    store = S3Metadata(client=aws.s3, bucket="missing")
    with pytest.raises(CloudError, match="s3:GetObject on s3://missing/dev/"):
        store.load(channel="dev", root=ROOT)
    stubber = Stubber(aws.s3)
    stubber.add_client_error("get_object", "NoSuchKey", http_status_code=404)
    stubber.add_client_error("put_object", "AccessDenied", http_status_code=403)
    with stubber, pytest.raises(CloudError, match="s3:PutObject"):
        save(S3Metadata(client=aws.s3, bucket=BUCKET), timestamp=1)


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "dev").write_text("a file where the folder should be")
    with pytest.raises(InputError, match=r"kept metadata .*cannot be"):
        save(FolderMetadata(folder=tmp_path), timestamp=1)
