"""The section `trust`: when there is a keeper, and that it holds nobody else's key or secret."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from weighbridge.errors import SettingsError
from weighbridge.settings import InspectorSettings, KeeperSettings, TrustSettings, load_settings

ROOT = Path(__file__).resolve().parents[3]
GOOD: dict[str, Any] = yaml.safe_load((ROOT / "environments" / "prod.yaml").read_text(encoding="utf-8"))
ONLINE = GOOD["trust"]["keys"]["timestamp"]


def load(folder: Path, *, keeper: dict[str, Any] | None = None, **keys: Any) -> TrustSettings:
    document = copy.deepcopy(GOOD)
    document["trust"]["keys"] |= keys
    if keeper is not None:
        document["trust"]["keeper"] = keeper
    path = folder / "prod.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    found = load_settings(path).trust
    assert found is not None
    return found


def test_keys_in_kms_have_a_keeper(tmp_path: Path) -> None:
    assert load(tmp_path).keeper == KeeperSettings(secret="weighbridge/prod/artifactory-keeper", hours=12)


def test_secret_and_schedule_can_be_chosen(tmp_path: Path) -> None:
    found = load(tmp_path, keeper={"secret": "mine", "hours": 3}).keeper
    assert found == KeeperSettings(secret="mine", hours=3)


@pytest.mark.parametrize("role", ["snapshot", "timestamp"])
def test_a_key_file_has_none(tmp_path: Path, role: str) -> None:
    assert load(tmp_path, **{role: "file:/online.pem"}).keeper is None
    with pytest.raises(SettingsError, match=r"trust\.keeper: a function can sign with keys in KMS alone"):
        load(tmp_path, keeper={"hours": 6}, **{role: "file:/online.pem"})


@pytest.mark.parametrize(
    ("keys", "owner"),
    [
        ({"root": [ONLINE]}, "root[0]"),
        ({"targets": ONLINE}, "targets"),
        ({"promoters": ["awskms:one", ONLINE]}, "promoters[1]"),
        ({"registrar": ONLINE}, "registrar"),
        ({"revocations": ONLINE}, "revocations"),
    ],
)
def test_the_keeper_gets_nobody_elses_key(tmp_path: Path, keys: dict[str, Any], owner: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, **keys)
    assert f"trust.keys: the online key is trust.keys.{owner} too" in str(caught.value)


@pytest.mark.parametrize(
    ("keeper", "message"),
    [
        ({"hours": 24}, "trust.keeper.hours: 24 is out of range: give 1 to 12"),
        ({"hour": 1}, "trust.keeper.hour: unknown key"),
        ({"secret": "weighbridge/prod/artifactory-reader"}, "is registry.credentials.secret_id too"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(tmp_path: Path, keeper: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, keeper=keeper)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_inspectors_key_brings_an_identity(tmp_path: Path) -> None:
    assert load(tmp_path, inspector=None).inspector is None
    found = load(tmp_path, inspector="awskms:alias/inspector")
    assert found.keys.inspector == "awskms:alias/inspector"
    assert found.inspector == InspectorSettings(secret="weighbridge/prod/artifactory-inspector")


@pytest.mark.parametrize("role", ["root", "targets", "promoters", "registrar", "revocations", "timestamp"])
def test_the_inspectors_key_is_nobody_elses(tmp_path: Path, role: str) -> None:
    taken = GOOD["trust"]["keys"][role]
    with pytest.raises(SettingsError, match=r"trust\.keys\.inspector: is trust\.keys\."):
        load(tmp_path, inspector=taken[0] if isinstance(taken, list) else taken)


def test_an_inspector_without_a_key_is_refused(tmp_path: Path) -> None:
    document = copy.deepcopy(GOOD)
    document["trust"]["inspector"] = {"secret": "mine"}
    del document["trust"]["keys"]["inspector"]
    path = tmp_path / "prod.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    with pytest.raises(SettingsError, match=r"trust\.inspector: there is no key"):
        load_settings(path)


def test_the_ledger_of_events_and_its_seals_can_be_named(tmp_path: Path) -> None:
    document = copy.deepcopy(GOOD)
    document["trust"] |= {"events": "dynamodb:weighbridge-prod-events", "seals": "s3:weighbridge-prod-seals"}
    document["trust"]["keys"]["sealer"] = "awskms:alias/weighbridge-prod-sealer"
    (tmp_path / "prod.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    found = load_settings(tmp_path / "prod.yaml").trust
    assert found is not None
    assert (found.events, found.seals) == ("dynamodb:weighbridge-prod-events", "s3:weighbridge-prod-seals")
    assert found.keys.sealer == "awskms:alias/weighbridge-prod-sealer"


@pytest.mark.parametrize(
    ("key", "value"), [("events", "events"), ("events", "s3:bucket"), ("seals", "s3:No"), ("seals", "x")]
)
def test_a_malformed_place_of_the_ledger_is_refused(tmp_path: Path, key: str, value: str) -> None:
    document = copy.deepcopy(GOOD)
    document["trust"][key] = value
    (tmp_path / "prod.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    with pytest.raises(SettingsError, match=rf"trust\.{key}"):
        load_settings(tmp_path / "prod.yaml")


@pytest.mark.parametrize("role", ["targets", "registrar", "revocations", "snapshot"])
def test_the_sealer_gets_nobody_elses_key(tmp_path: Path, role: str) -> None:
    with pytest.raises(SettingsError, match=rf"keys\.sealer: is trust\.keys\.{role} too"):
        load(tmp_path, sealer=GOOD["trust"]["keys"][role])


def test_the_sealer_and_the_inspector_are_two(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"trust\.keys\.inspector: is trust\.keys\.sealer too"):
        load(tmp_path, sealer="awskms:alias/both", inspector="awskms:alias/both")


def test_former_sealers_are_read_newest_first(tmp_path: Path) -> None:
    before = [
        "awskms:arn:aws:kms:eu-central-1:111111111111:key/2",
        "awskms:arn:aws:kms:eu-central-1:111111111111:key/1",
    ]
    found = load(tmp_path, sealer="awskms:alias/weighbridge-prod-sealer", former_sealers=before)
    assert found.keys.former_sealers == tuple(before)


@pytest.mark.parametrize(
    ("sealer", "before", "problem"),
    [
        (None, "file:old.pem", "leave no sealer"),
        ("file:old.pem", "file:old.pem", "leave no sealer"),
        ("awskms:alias/sealer", "public:old.pem.pub", "in KMS alone"),
        ("file:new.pem", "old.pem", "signer URI"),
    ],
)
def test_former_sealers_beside_no_other_sealer_are_refused(
    tmp_path: Path, sealer: str | None, before: str, problem: str
) -> None:
    with pytest.raises(SettingsError, match=rf"former_sealers.*{problem}"):
        load(tmp_path, former_sealers=[before], **({} if sealer is None else {"sealer": sealer}))
