"""The section `guard`: on by default, never looser than 15 minutes, and strict."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from weighbridge.errors import SettingsError
from weighbridge.names import Digest
from weighbridge.settings import GuardSettings, QueueSettings, ReconcilerSettings, load_settings

ROOT = Path(__file__).resolve().parents[3]
GOOD: dict[str, Any] = yaml.safe_load((ROOT / "environments" / "prod.yaml").read_text(encoding="utf-8"))


def load(folder: Path, guard: Any) -> GuardSettings:
    document = copy.deepcopy(GOOD)
    document["guard"] = guard
    path = folder / "prod.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return load_settings(path).guard


@pytest.mark.parametrize("guard", [None, {}, {"reconciler": {}}])
def test_there_is_a_hook_that_warns_and_a_reconciler(tmp_path: Path, guard: Any) -> None:
    found = load(tmp_path, guard)
    assert found == GuardSettings(
        admission="warn", except_stacks=(), reconciler=ReconcilerSettings(enabled=True, minutes=15, security_hub=False)
    )


def test_everything_can_be_chosen(tmp_path: Path) -> None:
    reconciler = {
        "enabled": False,
        "minutes": 1,
        "security_hub": True,
        "behind_days": 30,
        "except_endpoints": ["lab-*", "weighbridge-staging-?"],
        "queue": {"records_repository": "ml-staging-records", "root_digest": f"sha256:{'a' * 64}"},
    }
    found = load(tmp_path, {"admission": "off", "except_stacks": ["sandbox-*"], "reconciler": reconciler})
    assert found.admission == "off"
    assert found.except_stacks == ("sandbox-*",)
    assert found.reconciler == ReconcilerSettings(
        enabled=False,
        minutes=1,
        security_hub=True,
        behind_days=30,
        except_endpoints=("lab-*", "weighbridge-staging-?"),
        queue=QueueSettings(records_repository="ml-staging-records", root_digest=Digest("a" * 64)),
    )


@pytest.mark.parametrize(
    ("guard", "said"),
    [
        ({"admission": "block"}, "guard.admission: 'block' is not known: give one of off, warn, fail"),
        ({"admission": False}, "guard.admission"),
        ({"hook": "warn"}, "guard.hook: unknown key"),
        ({"except_stacks": ["a b"]}, r"guard.except_stacks\[0\]"),
        ({"except_stacks": [f"s{number}" for number in range(51)]}, "guard.except_stacks: holds 51 names"),
        ({"reconciler": {"minutes": 16}}, "guard.reconciler.minutes: 16 is out of range: give 1 to 15"),
        ({"reconciler": {"minutes": 0}}, "guard.reconciler.minutes"),
        ({"reconciler": {"security_hub": "yes"}}, "guard.reconciler.security_hub"),
        ({"reconciler": {"except_endpoints": ["a,b"]}}, r"guard.reconciler.except_endpoints\[0\]"),
        ({"reconciler": {"queue": {"records_repository": "x"}}}, "guard.reconciler.queue.root_digest"),
        (
            {"reconciler": {"queue": {"records_repository": "x", "root_digest": "sha256:1"}}},
            "guard.reconciler.queue.root_digest",
        ),
        ({"reconciler": {"every": 5}}, "guard.reconciler.every: unknown key"),
        ("warn", "guard"),
    ],
)
def test_what_is_not_understood_is_refused(tmp_path: Path, guard: Any, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        load(tmp_path, guard)


def test_before_the_first_channel_nobody_waits(tmp_path: Path) -> None:
    document = copy.deepcopy(GOOD)
    document["channel"]["promote_from"] = None
    document["guard"] = {"reconciler": {"queue": {"records_repository": "x", "root_digest": f"sha256:{'a' * 64}"}}}
    path = tmp_path / "prod.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    with pytest.raises(SettingsError, match=r"guard\.reconciler\.queue: there is no channel before this one"):
        load_settings(path)
