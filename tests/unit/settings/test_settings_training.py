"""The section `training`: what it needs beside it, and that no two identities share a secret or a key."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from weighbridge.errors import SettingsError
from weighbridge.names import Digest
from weighbridge.settings import EnvironmentSettings, load_settings

ROOT = Path(__file__).resolve().parents[3]
GOOD: dict[str, Any] = yaml.safe_load((ROOT / "environments" / "dev.yaml").read_text(encoding="utf-8"))
KEYS: dict[str, Any] = {
    "root": ["file:/root.pem"], "targets": "awskms:targets", "revocations": "awskms:revocations",
    "promoters": ["awskms:promoter", "awskms:another"], "registrar": "awskms:registrar",
    "snapshot": "awskms:online", "timestamp": "awskms:online",
}  # fmt: skip


def load(folder: Path, document: dict[str, Any]) -> EnvironmentSettings:
    path = folder / "dev.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return load_settings(path)


def changed(*, keys: dict[str, Any] | None = None, registry: dict[str, Any] | None = None, **training: Any) -> Any:
    document = copy.deepcopy(GOOD)
    document["training"] |= training
    document["registry"] |= registry or {}
    if keys is not None:
        document["trust"] = {"keys": KEYS | keys}
    return document


def test_the_section_is_read(tmp_path: Path) -> None:
    found = load(tmp_path, changed(keys={})).training
    assert found is not None
    assert found.runtime_image == GOOD["training"]["runtime_image"]
    assert found.runtime_lock == Digest.parse(GOOD["training"]["runtime_lock"])


def test_an_environment_may_train_nothing(tmp_path: Path) -> None:
    document = copy.deepcopy(GOOD)
    del document["training"]
    assert load(tmp_path, document).training is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"registry": {"incoming_repository": None}}, "training: needs registry.incoming_repository"),
        ({"registry": {"hub_repository": None}}, "training: needs registry.hub_repository"),
        ({"runtime_image": "inference:latest"}, "training.runtime_image: 'inference:latest' is not an image by digest"),
        ({"runtime_lock": "abc"}, "training.runtime_lock: 'abc' is not a digest"),
        ({"training_secret": "a b"}, "training.training_secret: 'a b' is not a secret's name"),
        ({"registrar_secret": None}, "training.registrar_secret: is missing"),
        ({"role": "x"}, "training.role: unknown key"),
        (
            {"registrar_secret": GOOD["training"]["training_secret"]},
            "training.registrar_secret: 'weighbridge/dev/artifactory-training' is training.training_secret too",
        ),
        (
            {"training_secret": GOOD["registry"]["credentials"]["secret_id"]},
            "training.training_secret: 'weighbridge/dev/artifactory-reader' is registry.credentials.secret_id too",
        ),
        ({"keys": {"registrar": "awskms:promoter"}}, "are one key: nobody's key can do two jobs"),
        ({"keys": {"timestamp": "awskms:promoter"}}, "the online key is trust.keys.promoters[0] too"),
        ({"keys": {"snapshot": "awskms:registrar"}}, "the online key is trust.keys.registrar too"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, changed(**changes))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
