"""Whoever controls the registry, but not the keys, gets nothing past a reader."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner, Signer
from trust_world import MODEL, NOW, World, make_world
from tuf.api.metadata import Metadata, Snapshot, Targets, Timestamp

from weighbridge.canonical import parse_object
from weighbridge.errors import (
    RegistryAuthError,
    RegistryError,
    RegistryForbiddenError,
    RegistryNotFoundError,
    RegistryUnavailableError,
    TrustError,
)
from weighbridge.names import Digest
from weighbridge.trust import Floor
from weighbridge.trust.publisher import meta_file
from weighbridge.trust.targets import make_target


def refused(world: World, rule: str, **reader: object) -> str:
    with pytest.raises(TrustError) as refusal:
        world.reader(**reader).refresh(MODEL)
    assert refusal.value.rule == rule, str(refusal.value)
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


def forge(world: World, role_signers: list[Signer], edit: Callable[[Targets], None]) -> None:
    """Publish version 2 of the model's role, edited and signed by `role_signers`, with honest online keys."""
    version = 2
    metadata = Metadata[Targets].from_bytes(world.store.fetch("1.minilm.json", 10**6))
    metadata.signed.version = version
    edit(metadata.signed)
    metadata.signatures.clear()
    for signer in role_signers:
        metadata.sign(signer, append=True)
    data = metadata.to_bytes()
    world.store.overwrite(f"{version}.minilm.json", data)
    snapshot = Metadata[Snapshot].from_bytes(world.store.fetch("2.snapshot.json", 10**6))
    snapshot.signed.version = 3
    snapshot.signed.meta["minilm.json"] = meta_file(version, data)
    snapshot.sign(world.signers.online.snapshot)
    world.store.overwrite("3.snapshot.json", snapshot.to_bytes())
    timestamp = Metadata[Timestamp].from_bytes(world.store.fetch("timestamp.json", 10**6))
    timestamp.signed.version = 3
    timestamp.signed.snapshot_meta = meta_file(3, snapshot.to_bytes())
    timestamp.sign(world.signers.online.timestamp)
    world.store.overwrite("timestamp.json", timestamp.to_bytes())


def test_forged_metadata_of_the_right_promoter_is_read(world: World) -> None:
    world.promote()
    forge(world, world.promoters, lambda targets: None)
    assert world.reader().refresh(MODEL).versions.versions["minilm"] == 2


def test_rollback_of_the_whole_repository_is_seen_by_who_kept_metadata(world: World) -> None:
    world.promote()
    old = world.store.fetch("timestamp.json", 10**6)
    world.promote(version="2.0.0", release=Digest.of(b"release 2"))
    folder = world.folder / "kept"
    world.reader(folder=folder).refresh(MODEL)
    world.store.overwrite("timestamp.json", old)
    refused(world, "refused.rollback", folder=folder)


def test_rollback_is_seen_by_a_fresh_reader_with_a_floor(world: World) -> None:
    world.promote()
    old = world.store.fetch("timestamp.json", 10**6)
    world.promote(version="2.0.0", release=Digest.of(b"release 2"))
    floor = world.reader().refresh(MODEL).versions
    world.store.overwrite("timestamp.json", old)
    message = refused(world, "refused.rollback", floor=floor)
    assert "timestamp" in message
    assert "minilm" in message


def test_a_model_left_out_of_the_snapshot_is_seen_with_a_floor(world: World) -> None:
    refused(world, "refused.rollback", floor=Floor({MODEL: 1}))


@pytest.mark.parametrize("days", [7, 8, 4000])
def test_frozen_metadata_expires(world: World, days: int) -> None:
    world.promote()
    message = refused(world, "refused.expired", now=NOW + timedelta(days=days))
    assert "weighbridge channel refresh" in message


def test_frozen_metadata_expires_for_who_kept_it(world: World) -> None:
    world.promote()
    folder = world.folder / "kept"
    world.reader(folder=folder).refresh(MODEL)
    refused(world, "refused.expired", folder=folder, now=NOW + timedelta(days=7))


def test_metadata_is_good_until_the_second_before(world: World) -> None:
    world.promote()
    world.reader(now=NOW + timedelta(days=7, seconds=-1)).refresh(MODEL)


def test_an_expired_model_role_is_refused_by_name(world: World) -> None:
    world.promote()
    later = NOW + timedelta(days=365)
    world.channel().renew(role="targets", signers=world.signers.targets, now=later)
    world.channel().renew(role="revocations", signers=world.signers.revocations, now=later)
    with pytest.raises(TrustError, match="root"):
        world.reader(now=later).refresh(MODEL)


def test_mixed_snapshot_and_role_are_refused(world: World) -> None:
    world.promote()
    first = world.store.fetch("1.minilm.json", 10**6)
    world.promote(version="2.0.0", release=Digest.of(b"release 2"))
    world.store.overwrite("2.minilm.json", first)
    refused(world, "refused.metadata")


def test_another_snapshot_than_the_timestamp_names_is_refused(world: World) -> None:
    world.promote()
    first = world.store.fetch("2.snapshot.json", 10**6)
    world.promote(version="2.0.0", release=Digest.of(b"release 2"))
    world.store.overwrite("3.snapshot.json", first)
    refused(world, "refused.metadata")


def test_a_promotion_signed_by_a_stranger_is_refused(world: World) -> None:
    world.promote()
    forge(world, [CryptoSigner.generate_ed25519()], lambda targets: None)
    refused(world, "refused.signature")


def test_a_promotion_signed_by_the_targets_owner_is_refused(world: World) -> None:
    world.promote()
    forge(world, list(world.signers.targets), lambda targets: None)
    refused(world, "refused.signature")


def test_one_promoter_of_two_is_not_enough(tmp_path: Path) -> None:
    world = make_world(tmp_path, promoters=3, threshold=2)
    world.promote()
    world.reader().refresh(MODEL)
    forge(world, world.promoters[:1], lambda targets: None)
    refused(world, "refused.signature")


def test_a_tampered_signature_is_refused(world: World) -> None:
    world.promote()
    document = json.loads(world.store.fetch("timestamp.json", 10**6))
    document["signed"]["version"] = 9
    world.store.overwrite("timestamp.json", json.dumps(document).encode())
    refused(world, "refused.signature")


def test_garbage_is_refused(world: World) -> None:
    world.promote()
    world.store.overwrite("timestamp.json", b"<html>Sign in</html>")
    refused(world, "refused.metadata")


def test_a_root_signed_by_a_stranger_is_refused(world: World) -> None:
    world.promote()
    metadata = Metadata.from_bytes(world.store.fetch("1.root.json", 10**6))
    metadata.signed.version = 2
    metadata.signatures.clear()
    metadata.sign(CryptoSigner.generate_ed25519())
    world.store.overwrite("2.root.json", metadata.to_bytes())
    refused(world, "refused.root")


def test_an_inline_record_other_than_the_hashed_one_is_refused(world: World) -> None:
    world.promote()

    def edit(targets: Targets) -> None:
        custom = targets.targets["promotions/minilm/1.json"].unrecognized_fields["custom"]
        custom["release"] = str(Digest.of(b"evil"))

    forge(world, world.promoters, edit)
    assert "not the signed one" in refused(world, "refused.promotion")


@pytest.mark.parametrize(
    "changes", [{"name": "other"}, {"channel": "prod"}, {"sequence": 2}], ids=["name", "channel", "sequence"]
)
def test_a_record_under_another_path_than_its_own_is_refused(world: World, changes: dict[str, str | int]) -> None:
    promotion = world.promote()
    record = {**parse_object(promotion.to_bytes(), what="promotion"), **changes}
    data = json.dumps(record, sort_keys=True, separators=(",", ":")).encode()

    def edit(targets: Targets) -> None:
        targets.targets[promotion.target_path] = make_target(path=promotion.target_path, data=data)

    forge(world, world.promoters, edit)
    refused(world, "refused.promotion")


@pytest.mark.parametrize(
    "path",
    ["promotions/minilm/01.json", "promotions/minilm/0.json", "promotions/other/1.json", "policy.json", "x"],
)
def test_a_model_role_holds_its_own_promotions_alone(world: World, path: str) -> None:
    promotion = world.promote()

    def edit(targets: Targets) -> None:
        targets.targets[path] = make_target(path=path, data=promotion.to_bytes())

    forge(world, world.promoters, edit)
    refused(world, "refused.promotion")


def test_a_record_with_an_unknown_field_is_refused(world: World) -> None:
    promotion = world.promote()
    record = {**parse_object(promotion.to_bytes(), what="promotion"), "approved": True}
    data = json.dumps(record, sort_keys=True, separators=(",", ":")).encode()

    def edit(targets: Targets) -> None:
        targets.targets[promotion.target_path] = make_target(path=promotion.target_path, data=data)

    forge(world, world.promoters, edit)
    refused(world, "refused.promotion")


def test_a_model_cannot_send_its_readers_on_to_other_roles(world: World) -> None:
    world.promote()

    def edit(targets: Targets) -> None:
        owner = Metadata[Targets].from_bytes(world.store.fetch("1.targets.json", 10**6)).signed
        targets.delegations = owner.delegations

    forge(world, world.promoters, edit)
    world.reader().refresh(MODEL)
    assert len(world.source.fetched) == 7


@pytest.mark.parametrize(
    "error",
    [
        RegistryForbiddenError("403", status=403),
        RegistryAuthError("401", status=401),
        RegistryUnavailableError("no answer"),
    ],
)
@pytest.mark.parametrize(
    "path", ["1.root.json", "2.root.json", "timestamp.json", "2.snapshot.json", "1.minilm.json", "1.revocations.json"]
)
def test_the_registrys_own_errors_reach_the_caller(world: World, path: str, error: RegistryError) -> None:
    world.promote()
    world.source.failures[path] = error
    with pytest.raises(RegistryError) as raised:
        world.reader().refresh(MODEL)
    assert raised.value is error


def test_a_missing_timestamp_is_not_found(world: World) -> None:
    (world.folder / "tuf" / "timestamp.json").unlink()
    with pytest.raises(RegistryNotFoundError, match=r"timestamp\.json"):
        world.reader().refresh(MODEL)


def test_kept_metadata_is_read_without_the_registry_only_when_asked(world: World) -> None:
    promotion = world.promote()
    folder = world.folder / "kept"
    world.reader(folder=folder).refresh(MODEL)
    shutil.rmtree(world.folder / "tuf")
    with pytest.raises(RegistryError):
        world.reader(folder=folder).refresh(MODEL)
    world.source.fetched.clear()
    state = world.reader(folder=folder).read_kept(MODEL)
    assert state.head(MODEL) == promotion
    assert state.kept
    assert world.source.fetched == []


def test_kept_metadata_expires_and_is_verified(world: World) -> None:
    world.promote()
    folder = world.folder / "kept"
    world.reader(folder=folder).refresh(MODEL)
    with pytest.raises(TrustError) as expired:
        world.reader(folder=folder, now=NOW + timedelta(days=7)).read_kept(MODEL)
    assert expired.value.rule == "refused.expired"
    with pytest.raises(TrustError) as below:
        world.reader(folder=folder, floor=Floor({"timestamp": 3})).read_kept(MODEL)
    assert below.value.rule == "refused.rollback"
    role = folder / "minilm.json"
    role.write_bytes(role.read_bytes().replace(b"1.0.0", b"6.6.6"))
    with pytest.raises(TrustError):
        world.reader(folder=folder).read_kept(MODEL)


def test_an_empty_kept_folder_needs_the_registry(world: World) -> None:
    with pytest.raises(RegistryUnavailableError, match="kept"):
        world.reader(root_bytes=world.store.fetch("1.root.json", 10**6)).read_kept(MODEL)
    with pytest.raises(RegistryUnavailableError, match="kept"):
        world.reader().read_kept(MODEL)


def test_tampered_kept_metadata_is_fetched_anew(world: World) -> None:
    promotion = world.promote()
    folder = world.folder / "kept"
    world.reader(folder=folder).refresh(MODEL)
    for path in folder.glob("*.json"):
        if not path.is_symlink():
            path.write_bytes(b"{}")
    assert world.reader(folder=folder).refresh(MODEL).head(MODEL) == promotion
