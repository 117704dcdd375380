"""The section `governance`: nothing without it; with it, keys that the other account can hold, and somebody for each."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from weighbridge.errors import SettingsError
from weighbridge.settings import EnvironmentSettings, load_environments, load_settings
from weighbridge.settings.roles import named_roles, signing_roles

ROOT = Path(__file__).resolve().parents[3]
GOOD: dict[str, Any] = yaml.safe_load((ROOT / "environments" / "prod.yaml").read_text(encoding="utf-8"))
ROLE = "arn:aws:iam::333333333333:role/people"
HELD = "awskms:arn:aws:kms:eu-central-1:999999999999:alias/prod-"
GOVERNANCE: dict[str, Any] = {"account": "999999999999", "owners": [ROLE], "promoters": [ROLE], "security": [ROLE]}


def document(**governance: Any) -> dict[str, Any]:
    found = copy.deepcopy(GOOD)
    keys = found["trust"]["keys"]
    for name in ("targets", "revocations", "approver", "sealer"):
        keys[name] = f"{HELD}{name}"
    keys |= {"snapshot": f"{HELD}online", "timestamp": f"{HELD}online", "promoters": [f"{HELD}promoter"]}
    del keys["breakglass"], found["trust"]["approvals"]["create_key"], found["trust"]["policy"]
    found["governance"] = {**GOVERNANCE, **governance}
    return found


def load(folder: Path, values: dict[str, Any]) -> EnvironmentSettings:
    path = folder / "prod.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return load_settings(path)


def test_without_it_roles_have_no_names(tmp_path: Path) -> None:
    found = load(tmp_path, GOOD)
    assert found.governance is None
    assert signing_roles(found) == {}
    assert named_roles(found) == {}


def test_another_account_holds_keys(tmp_path: Path) -> None:
    found = load(tmp_path, document(readers=[ROLE], external_id="sixteen-letters-"))
    assert found.governance is not None
    assert found.governance.account == "999999999999"
    assert found.governance.region == found.region == "eu-central-1"
    assert found.governance.external_id == "sixteen-letters-"
    assert named_roles(found)["keeper"] == "weighbridge-prod-keeper"


@pytest.mark.parametrize(
    ("governance", "refusal"),
    [
        ({"account": "333333333333"}, "governance.account: is this environment's own account"),
        ({"account": "888888888888"}, r"trust\.keys\.targets: .* is no alias in the governance account"),
        ({"owners": []}, "governance.owners: holds 0 entries: give at least 1"),
        ({"owners": ["arn:aws:iam::333333333333:role/*"]}, r"governance.owners\[0\]: .* a role's ARN"),
        ({"breakglass": [ROLE]}, "governance.breakglass: holds 1 roles: give one for each of trust.keys.breakglass"),
        ({"readers": [ROLE]}, "governance.external_id: is missing"),
        ({"external_id": "short"}, "governance.external_id: .* at least 16"),
        ({"keys": {}}, "governance.keys: unknown key"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, governance: dict[str, Any], refusal: str) -> None:
    with pytest.raises(SettingsError, match=refusal):
        load(tmp_path, document(**governance))


def test_keys_lie_in_the_environments_region(tmp_path: Path) -> None:
    values = document()
    values["trust"]["keys"]["snapshot"] = HELD.replace("eu-central-1", "eu-west-1") + "snapshot"
    with pytest.raises(
        SettingsError, match=r"trust\.keys\.snapshot: .*give awskms:arn:aws:kms:eu-central-1:9{12}:alias"
    ):
        load(tmp_path, values)


def test_there_has_to_be_a_ledger_to_copy(tmp_path: Path) -> None:
    values = document()
    del values["trust"]["keys"]["sealer"]
    with pytest.raises(SettingsError, match=r"trust\.keys\.sealer: there is no ledger to copy"):
        load(tmp_path, values)


def test_the_governance_account_alone_creates_keys(tmp_path: Path) -> None:
    values = document()
    values["trust"]["keys"]["approver"] = "awskms:alias/approver"
    values["trust"]["approvals"]["create_key"] = True
    with pytest.raises(SettingsError, match=r"trust\.approvals\.create_key: the governance account creates the key"):
        load(tmp_path, values)
    del values["trust"]
    with pytest.raises(SettingsError, match=r"governance\.account: there are no keys to hold"):
        load(tmp_path, values)


def test_no_environment_takes_its_name(tmp_path: Path) -> None:
    values = document()
    values["channel"]["promote_from"] = None
    load(tmp_path, values)
    other = {**copy.deepcopy(GOOD), "environment": "governance"}
    other["channel"] = {**other["channel"], "promote_from": None}
    (tmp_path / "governance.yaml").write_text(yaml.safe_dump(other), encoding="utf-8")
    with pytest.raises(SettingsError, match="environment: 'governance' is the governance account's name"):
        load_environments(tmp_path)
