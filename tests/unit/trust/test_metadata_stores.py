"""Stores of metadata, and the metadata that a reader keeps."""

from __future__ import annotations

from pathlib import Path

import pytest
from trust_world import MODEL, NOW, World

from weighbridge.errors import (
    ConflictError,
    InputError,
    RegistryConflictError,
    RegistryNotFoundError,
    RegistryUnavailableError,
    TrustError,
)
from weighbridge.trust import (
    ChannelReader,
    ChannelSigners,
    FolderStore,
    MetadataStore,
    RegistrySource,
    RegistryStore,
    RoleKeys,
    export_kept,
    import_kept,
    init_channel,
)


class MemoryRegistry:
    """The two calls of the registry client that a store needs."""

    def __init__(self) -> None:
        self.files: dict[tuple[str, str], bytes] = {}

    def read(self, *, repository: str, path: str, limit: int) -> bytes:
        try:
            data = self.files[repository, path]
        except KeyError:
            raise RegistryNotFoundError(path, status=404) from None
        assert len(data) <= limit
        return data

    def deploy_bytes(self, *, repository: str, path: str, data: bytes, overwrite: bool = False) -> None:
        if not overwrite and self.files.get((repository, path), data) != data:
            raise RegistryConflictError(path, status=409)
        self.files[repository, path] = data


@pytest.fixture(params=["folder", "registry"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> MetadataStore:
    if request.param == "folder":
        return FolderStore(folder=tmp_path / "tuf")
    return RegistryStore(client=MemoryRegistry(), repository="dev-records")


def test_written_once_is_written_once(store: MetadataStore) -> None:
    store.write_once("a/1.json", b"one")
    store.write_once("a/1.json", b"one")
    with pytest.raises(ConflictError, match=r"a/1\.json"):
        store.write_once("a/1.json", b"two")
    assert store.fetch("a/1.json", 10) == b"one"


def test_overwritten_is_replaced(store: MetadataStore) -> None:
    store.overwrite("timestamp.json", b"one")
    store.overwrite("timestamp.json", b"two")
    assert store.fetch("timestamp.json", 10) == b"two"


def test_what_is_missing_is_not_found(store: MetadataStore) -> None:
    with pytest.raises(RegistryNotFoundError):
        store.fetch("gone.json", 10)


def test_folder_caps_sizes_and_leaves_no_temporary_file(tmp_path: Path) -> None:
    store = FolderStore(folder=tmp_path)
    store.write_once("a.json", b"x" * 11)
    with pytest.raises(RegistryUnavailableError, match="limit"):
        store.fetch("a.json", 10)
    with pytest.raises(ConflictError):
        store.write_once("a.json", b"y")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_channel_lies_below_tuf_in_the_records_repository(world: World) -> None:
    registry = MemoryRegistry()
    store = RegistryStore(client=registry, repository="dev-records")
    signers: ChannelSigners = world.signers
    models = {MODEL: RoleKeys.of(world.promoters)}
    root = init_channel(store=store, channel="dev", signers=signers, policy=world.policy, models=models, now=NOW)
    promotion = world.channel(store=store, root=root).publish_promotion(
        request=world.request(), signers=world.promoters, now=NOW
    )
    paths = {path for _, path in registry.files}
    assert all(path.startswith("tuf/") for path in paths)
    assert registry.files["dev-records", f"tuf/targets/promotions/minilm/{promotion.digest.hex}.1.json"] == (
        promotion.to_bytes()
    )
    source = RegistrySource(client=registry, repository="dev-records")
    assert world.reader(source=source, root=root).refresh(MODEL).head(MODEL) == promotion


def kept_reader(world: World, folder: Path) -> ChannelReader:
    return ChannelReader(source=world.source, root=world.root, folder=folder, now=NOW)


def test_exported_metadata_is_memory_in_another_folder(world: World, tmp_path: Path) -> None:
    world.promote()
    old = world.store.fetch("timestamp.json", 10**6)
    world.promote(version="2.0.0")
    kept_reader(world, tmp_path / "one").refresh(MODEL)
    files = export_kept(tmp_path / "one")
    assert set(files) == {
        "root_history/1.root.json",
        "timestamp.json",
        "snapshot.json",
        "targets.json",
        "minilm.json",
        "revocations.json",
    }
    import_kept(tmp_path / "two", files)
    world.source.fetched.clear()
    assert kept_reader(world, tmp_path / "two").refresh(MODEL).head(MODEL).version == "2.0.0"
    assert world.source.fetched == ["2.root.json", "timestamp.json"]
    world.store.overwrite("timestamp.json", old)
    import_kept(tmp_path / "three", files)
    with pytest.raises(TrustError) as refusal:
        kept_reader(world, tmp_path / "three").refresh(MODEL)
    assert refusal.value.rule == "refused.rollback"


def test_nothing_kept_exports_nothing(tmp_path: Path) -> None:
    assert export_kept(tmp_path / "new") == {}


@pytest.mark.parametrize("name", ["../x.json", "/x.json", "root.json", "a/b.json", "x", "root_history/x.root.json", ""])
def test_other_paths_are_not_imported(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError):
        import_kept(tmp_path, {name: b"{}"})
