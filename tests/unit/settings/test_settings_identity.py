"""Whose token comes from where: roles that are exchanged, secrets that are rotated, images from the registry."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from weighbridge.errors import SettingsError
from weighbridge.settings import EnvironmentSettings, ImageSettings, RotationSettings, load_settings
from weighbridge.settings.roles import exchanged_roles

ROOT = Path(__file__).resolve().parents[3]
GOOD: dict[str, Any] = yaml.safe_load((ROOT / "environments" / "dev.yaml").read_text(encoding="utf-8"))
KEYS: dict[str, Any] = {
    "root": ["file:/root.pem"], "targets": "awskms:targets", "revocations": "awskms:revocations",
    "promoters": ["awskms:promoter"], "registrar": "awskms:registrar", "inspector": "awskms:inspector",
    "snapshot": "awskms:online", "timestamp": "awskms:online",
}  # fmt: skip
IMAGES = {"repository": "ml-docker", "username": "svc-images"}
SECRETS = ("training_secret", "registrar_secret")


def load(folder: Path, document: dict[str, Any]) -> EnvironmentSettings:
    path = folder / "dev.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return load_settings(path)


def with_registry(**registry: Any) -> dict[str, Any]:
    document = copy.deepcopy(GOOD)
    document["registry"] |= registry
    document["trust"] = {"keys": KEYS}
    if "images" in registry:
        document["training"]["runtime_image"] = f"registry.example.com/ml-docker/inference@sha256:{'a' * 64}"
        document["training"].pop("job", None)
    return document


def exchanging(**registry: Any) -> dict[str, Any]:
    document = with_registry(credentials={"iam": {}}, **registry)
    for key in SECRETS:
        del document["training"][key]
    return document


def test_with_an_exchange_no_identity_needs_a_secret(tmp_path: Path) -> None:
    found = load(tmp_path, exchanging(images=IMAGES))
    assert found.training is not None
    assert found.trust is not None
    assert found.trust.keeper is not None
    assert found.trust.inspector is not None
    assert found.registry.images is not None
    secrets = (
        found.training.training_secret, found.training.registrar_secret, found.trust.keeper.secret,
        found.trust.inspector.secret, found.registry.images.secret, found.registry.reader_secret,
    )  # fmt: skip
    assert secrets == (None,) * 6


def test_every_exchanged_role_has_a_name_and_a_user_of_its_own(tmp_path: Path) -> None:
    roles = exchanged_roles(load(tmp_path, exchanging(images=IMAGES)))
    assert {role.part: role.identity for role in roles} == {
        "minilm/resolver": "reader", "minilm/endpoint": "reader", "reconciler": "reader", "images": "images",
        "keeper": "keeper", "training": "scientist", "registrar": "registrar", "inspector": "inspector",
    }  # fmt: skip
    assert len({role.user for role in roles}) == len(roles)
    (resolver,) = [role for role in roles if role.part == "minilm/resolver"]
    assert resolver.arn == "arn:aws:iam::111111111111:role/weighbridge-dev-minilm-resolver"
    assert resolver.user == "weighbridge-dev-minilm-resolver"


def test_long_model_names_keep_roles_apart_and_within_the_limit(tmp_path: Path) -> None:
    document = exchanging()
    document["models"] = [{**copy.deepcopy(GOOD["models"][0]), "name": f"{'m' * 58}_{letter}"} for letter in "ab"]
    names = [role.name for role in exchanged_roles(load(tmp_path, document))]
    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= 64


def test_a_secret_that_is_named_is_kept_beside_an_exchange(tmp_path: Path) -> None:
    document = exchanging()
    document["training"]["registrar_secret"] = "weighbridge/dev/registrar"
    found = load(tmp_path, document)
    assert found.training is not None
    assert found.training.registrar_secret == "weighbridge/dev/registrar"
    assert "registrar" not in {role.part for role in exchanged_roles(found)}


def test_without_an_exchange_there_are_no_roles_and_secrets_have_names(tmp_path: Path) -> None:
    found = load(tmp_path, with_registry(images=IMAGES))
    assert exchanged_roles(found) == ()
    assert found.registry.images == ImageSettings("ml-docker", "svc-images", "weighbridge/dev/artifactory-images")


@pytest.mark.parametrize(
    ("rotation", "expected"),
    [
        (None, None),
        ({}, RotationSettings(days=30, grace_hours=24)),
        ({"days": 1}, RotationSettings(days=1, grace_hours=23)),
        ({"days": 90, "grace_hours": 48}, RotationSettings(days=90, grace_hours=48)),
    ],
)
def test_rotation_is_off_until_it_is_asked_for(tmp_path: Path, rotation: Any, expected: Any) -> None:
    assert load(tmp_path, with_registry(rotation=rotation)).registry.rotation == expected


def test_images_in_ecr_are_refused_where_the_registry_is_asked(tmp_path: Path) -> None:
    for key, words in (
        ("runtime_image", r"training\.runtime_image: .*weighbridge-inference is in ECR, but registry\.images"),
        ("job", r"training\.job\.image: .*weighbridge-training is in ECR, but registry\.images"),
    ):
        document = with_registry(images=IMAGES)
        document["training"][key] = copy.deepcopy(GOOD["training"][key])
        with pytest.raises(SettingsError, match=words):
            load(tmp_path, document)


@pytest.mark.parametrize(
    ("registry", "message"),
    [
        ({"rotation": {"days": 151}}, "registry.rotation.days: 151 is out of range"),
        ({"rotation": {"days": 2, "grace_hours": 48}}, "registry.rotation.grace_hours: 48 hours last until the next"),
        ({"rotation": {"hours": 2}}, "registry.rotation.hours: unknown key"),
        ({"images": {"repository": "ml-docker"}}, "registry.images.username: is missing"),
        ({"images": {**IMAGES, "repository": "a/b"}}, "registry.images.repository: 'a/b' is not a repository key"),
        (
            {"images": {**IMAGES, "secret": GOOD["registry"]["credentials"]["secret_id"]}},
            "registry.images.secret: 'weighbridge/dev/artifactory-reader' is registry.credentials.secret_id too",
        ),
        (
            {"images": {**IMAGES, "secret": GOOD["training"]["training_secret"]}},
            "training.training_secret: 'weighbridge/dev/artifactory-training' is registry.images.secret too",
        ),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, registry: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load(tmp_path, with_registry(**registry))
    assert message in str(refused.value)
