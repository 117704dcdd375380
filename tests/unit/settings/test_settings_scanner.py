"""The inspector's scanner and room, the policy's demand for a scanner, and the key of exceptions."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.settings.test_settings_trust import GOOD, load
from weighbridge.errors import SettingsError
from weighbridge.settings import TrustSettings, load_settings


def load_trust(folder: Path, **sections: Any) -> TrustSettings:
    document = copy.deepcopy(GOOD)
    document["trust"] |= sections
    path = folder / "prod.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    found = load_settings(path).trust
    assert found is not None
    return found


def test_a_scanner_looks_unless_it_is_turned_off(tmp_path: Path) -> None:
    found = load_trust(tmp_path).inspector
    assert found is not None
    assert (found.scanner, found.memory_mib, found.storage_mib) == ("hayward", 3008, 3072)
    asked = {"scanner": "none", "memory_mib": 10_240, "storage_mib": 512}
    found = load_trust(tmp_path, inspector=asked).inspector
    assert found is not None
    assert (found.scanner, found.memory_mib, found.storage_mib) == ("none", 10_240, 512)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("scanner", "clamav"),
        ("memory_mib", 2047),
        ("memory_mib", 10_241),
        ("storage_mib", 511),
        ("storage_mib", 10_241),
    ],
)
def test_what_lambda_does_not_have_is_refused(tmp_path: Path, key: str, value: Any) -> None:
    with pytest.raises(SettingsError, match=rf"trust\.inspector\.{key}"):
        load_trust(tmp_path, inspector={key: value})


def test_a_policy_asks_for_a_known_scanner(tmp_path: Path) -> None:
    assert load_trust(tmp_path, policy={"scanner": "hayward"}).policy.scanner == "hayward"
    with pytest.raises(SettingsError, match=r"trust\.policy\.scanner"):
        load_trust(tmp_path, policy={"scanner": "none"})


def test_the_key_of_exceptions_is_nobody_elses(tmp_path: Path) -> None:
    assert load(tmp_path, exceptions="awskms:alias/exceptions").keys.exceptions == "awskms:alias/exceptions"
    with pytest.raises(SettingsError, match=r"trust\.keys\.exceptions: is trust\.keys\.inspector"):
        load(tmp_path, inspector="awskms:alias/a", exceptions="awskms:alias/a")
