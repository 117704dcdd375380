"""What a set-up needs by its settings alone, and what cleanup policies would delete."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import responses

from weighbridge.registry import Retries, StaticToken
from weighbridge.settings import EnvironmentSettings, KeeperSettings, KeySettings, TrustSettings, load_settings
from weighbridge.setup import Platform, State, desired_state, make_plan
from weighbridge.setup.targets import compare

ROOT = Path(__file__).resolve().parents[3]
HOST = "https://registry.example.com"


def test_only_timestamp_is_ever_overwritten() -> None:
    names = {name: load_settings(ROOT / "environments" / f"{name}.yaml") for name in ("dev", "staging", "prod")}
    for name, source in (("dev", None), ("staging", "dev"), ("prod", "staging")):
        desired = desired_state(settings=names[name], source=names[source] if source else None)
        assert desired.targets
        for target in desired.targets:
            assert "manage" not in target.actions
            assert ("delete" in target.actions) == (target.pattern == "tuf/timestamp.json"), target.name


def test_a_keeper_writes_metadata_alone() -> None:
    settings = load_settings(ROOT / "environments" / "dev.yaml")
    keys = KeySettings(
        root=("file:r",), targets="file:t", promoters=("file:p",), registrar="file:g", revocations="file:v",
        snapshot="file:s", timestamp="file:s",
    )  # fmt: skip
    without = replace(settings, trust=TrustSettings(keys=keys))
    kept = replace(settings, trust=TrustSettings(keys=keys, keeper=KeeperSettings(secret="keeper", hours=24)))
    assert not [each for each in desired_state(settings=without, source=None).targets if "keeper" in each.name]
    found = {
        each.name.removeprefix("weighbridge-dev-"): (each.pattern, sorted(each.actions))
        for each in desired_state(settings=kept, source=None).targets
        if "keeper" in each.name
    }
    assert found == {
        "keeper": ("**", ["read"]),
        "keeper-metadata": ("tuf/**", ["read", "write"]),
        "keeper-timestamp": ("tuf/timestamp.json", ["annotate", "delete", "read", "write"]),
    }


def test_an_inspector_reads_the_first_channel_and_writes_its_own_statements() -> None:
    first, prod = (load_settings(ROOT / "environments" / f"{name}.yaml") for name in ("dev", "prod"))
    assert prod.trust is not None
    without = desired_state(settings=replace(first, trust=None), source=None)
    later = desired_state(settings=prod, source=first)
    assert not [each for each in (*without.targets, *later.targets) if "inspector" in each.name]
    found = {
        each.name.removeprefix("weighbridge-dev-"): (each.pattern, sorted(each.actions), len(each.repositories))
        for each in desired_state(settings=replace(first, trust=prod.trust), source=None).targets
        if "inspector" in each.name
    }
    assert found == {
        "inspector": ("**", ["read"], 2),
        "inspector-statements": ("*/releases/*/statements/inspector.*", ["read", "write"], 1),
    }


def test_holders_of_break_glass_keys_and_builders_of_images_write_what_they_state_alone() -> None:
    first, prod = (load_settings(ROOT / "environments" / f"{name}.yaml") for name in ("dev", "prod"))
    assert prod.trust is not None
    keys = replace(prod.trust.keys, breakglass=("file:a", "file:b"), image_builder="file:i")
    trust = replace(prod.trust, keys=keys)

    def targets(settings: EnvironmentSettings, source: EnvironmentSettings | None) -> dict[str, tuple[object, ...]]:
        return {
            each.name.partition("-")[2].partition("-")[2]: (
                each.repositories, each.pattern, sorted(each.actions), each.who.users,
            )
            for each in desired_state(settings=settings, source=source).targets
            if "breakglass" in each.name or "image-builder" in each.name
        }  # fmt: skip

    bare = replace(prod, trust=replace(trust, keys=replace(keys, breakglass=(), image_builder=None)))
    assert targets(bare, first) == {}
    records, channel, origin = (
        ("ml-prod-records",),
        ("ml-prod-models", "ml-prod-records"),
        ("ml-dev-models", "ml-dev-records"),
    )
    holders = ("weighbridge-prod-breakglass",)
    assert targets(replace(prod, trust=trust), first) == {
        "breakglass": (channel, "**", ["read"], holders),
        "breakglass-statements": (records, "*/releases/*/statements/breakglass.*", ["read", "write"], holders),
        "breakglass-source": (origin, "**", ["read"], holders),
    }
    found = targets(replace(first, trust=replace(trust, keys=replace(keys, breakglass=()))), None)
    builder = (("ml-dev-records",), "runtime-images/**", ["read", "write"], ("weighbridge-dev-image_builder",))
    assert found == {"image-builder": builder}


@responses.activate
def test_a_cleanup_policy_that_deletes_releases_is_drift_with_what_to_exclude() -> None:
    policy = {"key": "weekly", "enabled": True, "searchCriteria": {"repos": ["ml-*"], "excludedRepos": ["ml-incoming"]}}
    responses.get(f"{HOST}/artifactory/api/cleanup/packages/policies", json=[policy])
    responses.get(f"{HOST}/artifactory/api/v2/security/permissions", json=[])
    responses.get(f"{HOST}/access/api/v1/environments", json=[{"name": "DEV"}, {"name": "PROD"}])
    responses.get(re.compile(r".*"), status=404, json={})
    platform = Platform.at(
        url=f"{HOST}/artifactory",
        tokens=StaticToken(token="t"),
        retries=Retries(attempts=1),
    )
    settings = load_settings(ROOT / "environments" / "dev.yaml")
    plan = make_plan(platform=platform, desired=desired_state(settings=settings, source=None), environment="dev")
    (item,) = [item for item in plan.items if item.kind == "cleanup policy"]
    assert (item.name, item.state, item.message) == (
        "weekly",
        State.DRIFT,
        "deletes from ml-dev-models, ml-dev-records",
    )
    assert item.remedy.startswith("add ml-dev-models, ml-dev-records to its excludedRepos")


def test_a_target_means_the_same_however_it_is_written() -> None:
    wanted = {"repo": {"repositories": ["a", "hub"], "include-patterns": ["**"], "exclude-patterns": [],
                       "actions": {"users": {"u": ["read", "write"]}, "groups": {}}}}  # fmt: skip
    found = {"repo": {"repositories": ["hub-cache", "a"], "include-patterns": ["**"], "exclude-patterns": [""],
                      "actions": {"users": {"u": ["write", "read"]}}}}  # fmt: skip
    assert compare(found, wanted) == []
    found["repo"]["actions"]["users"]["v"] = ["read"]
    found["build"] = {"repositories": ["artifactory-build-info"]}
    assert compare(found, wanted) == ["v may also read", "also speaks of build"]
