"""`trust.policy` and `trust.approvals`: read strictly, and nothing that could not be kept."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from weighbridge.errors import SettingsError
from weighbridge.settings import ApprovalSettings, ApprovalsSettings, PolicySettings, TrustSettings, load_settings
from weighbridge.settings.policy import PrincipalSettings

PROD: dict[str, Any] = yaml.safe_load(
    (Path(__file__).resolve().parents[3] / "environments" / "prod.yaml").read_text(encoding="utf-8")
)
PERSON = "arn:aws:iam::333333333333:role/model-approvers"


def load(folder: Path, *, keys: dict[str, Any] | None = None, **parts: object) -> TrustSettings:
    document = copy.deepcopy(PROD)
    trust = document["trust"]
    for name in ("policy", "approvals"):
        trust.pop(name, None)
    trust["keys"] |= keys or {}
    trust |= {name: part for name, part in parts.items() if part is not None}
    path = folder / "prod.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    found = load_settings(path).trust
    assert found is not None
    return found


def test_without_a_policy_nothing_is_asked(tmp_path: Path) -> None:
    found = load(tmp_path)
    assert (found.policy, found.approvals) == (PolicySettings(), None)


def test_everything_can_be_asked(tmp_path: Path) -> None:
    policy = {
        "base_owners": ["org"], "base_models": ["org/name", "org/other@" + "a" * 40], "licences": ["apache-2.0"],
        "formats": ["safetensors"], "soak_hours": 24, "separation": True, "approvals": {"count": 2, "days": 3},
        "threshold": 2, "principals": [{"key": "awskms:alias/a", "name": "ann"}],
        "required_statements": {"https://cyclonedx.org/bom": "registrar"},
    }  # fmt: skip
    found = load(tmp_path, policy=policy).policy
    assert found == PolicySettings(
        base_owners=("org",), base_models=("org/name", "org/other@" + "a" * 40), licences=("apache-2.0",),
        formats=("safetensors",), soak_hours=24, separation=True, approvals=ApprovalSettings(count=2, days=3),
        threshold=2, principals=(PrincipalSettings(key="awskms:alias/a", name="ann"),),
        required_statements={"https://cyclonedx.org/bom": "registrar"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("policy", "field"),
    [
        ({"soak_hours": -1}, "soak_hours"),
        ({"base_models": ["minilm"]}, "base_models"),
        ({"separation": True}, "separation"),
        ({"separation": "yes"}, "separation"),
        ({"approvals": {"count": 0}}, "approvals.count"),
        ({"approvals": {"days": 400}}, "approvals.days"),
        ({"threshold": 0}, "threshold"),
        ({"principals": [{"key": "ann", "name": "ann"}]}, "key"),
        ({"principals": [{"key": "file:a", "name": "a"}, {"key": "file:a", "name": "b"}]}, "key"),
        ({"required_statements": {"https://x.example/y": "anybody"}}, "required_statements"),
        ({"required_statements": {"x": "registrar"}}, "type"),
        ({"more": 1}, "more"),
    ],
    ids=str,
)
def test_what_cannot_be_kept_is_refused(tmp_path: Path, policy: dict[str, Any], field: str) -> None:
    with pytest.raises(SettingsError, match=rf"trust\.policy.*{field}"):
        load(tmp_path, policy=policy)


def test_approvals_need_somebody_to_sign_them(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"trust\.policy\.approvals: there is no key"):
        load(tmp_path, keys={"approver": None}, policy={"approvals": {}})


def test_the_approvals_function(tmp_path: Path) -> None:
    found = load(tmp_path, approvals={"create_key": True, "approvers": [PERSON]}).approvals
    assert found == ApprovalsSettings(
        secret="weighbridge/prod/artifactory-approver", create_key=True, approvers=(PERSON,)
    )


@pytest.mark.parametrize(
    ("approvals", "keys"),
    [
        ({}, {}),
        ({"approvers": []}, {}),
        ({"approvers": ["arn:aws:sts::333333333333:assumed-role/a/b"]}, {}),
        ({"approvers": [PERSON], "secret": "weighbridge/prod/artifactory-reader"}, {}),
        ({"approvers": [PERSON]}, {"approver": "file:a.pem"}),
        ({"approvers": [PERSON], "create_key": True}, {"approver": "awskms:1234"}),
    ],
    ids=str,
)
def test_approvals_that_cannot_work(tmp_path: Path, approvals: dict[str, Any], keys: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=r"trust\.approvals"):
        load(tmp_path, keys=keys, approvals=approvals)


@pytest.mark.parametrize("role", ["targets", "registrar", "revocations", "snapshot", "inspector"])
@pytest.mark.parametrize("held", ["approver", "image_builder", "breakglass"])
def test_nobodys_key_does_two_jobs(tmp_path: Path, held: str, role: str) -> None:
    taken = PROD["trust"]["keys"][role]
    with pytest.raises(SettingsError, match=r"nobody's key can do two jobs"):
        load(tmp_path, keys={held: [taken, "awskms:alias/x"] if held == "breakglass" else taken})


def test_one_person_breaks_no_glass(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"takes two people"):
        load(tmp_path, keys={"breakglass": ["awskms:alias/x"]})
