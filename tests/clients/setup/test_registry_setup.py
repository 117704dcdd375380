"""`weighbridge setup` against the embedded registry: planned, applied, drifted, cut off, and what it grants."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import requests

from local.registry.config import RegistryConfig, UserConfig
from local.registry.fault import Fault
from local.registry.process import RegistryProcess
from weighbridge.cli.run import run
from weighbridge.errors import InputError, RegistryForbiddenError, RegistryUnavailableError
from weighbridge.registry import Retries, StaticToken
from weighbridge.registry.credentials import SecretsClient, SecretValue
from weighbridge.settings import EnvironmentSettings, IamSettings, ImageSettings, load_settings
from weighbridge.settings.setup import IdentitySettings, WebhookSettings
from weighbridge.setup import Plan, Platform, State, apply_plan, desired_state, make_plan

ROLE = "arn:aws:iam::111111111111:role/weighbridge-dev-reader"
IDENTITIES = ("reader", "promoter", "registrar", "scientist")
DEV, STAGING = "dev", "staging"


def document(url: str, channel: str, source: str | None) -> str:
    incoming = "  incoming_repository: ml-incoming\n  hub_repository: hf-remote\n" if source is None else ""
    role = f"    identities:\n      reader:\n        users: [weighbridge-{channel}-reader]\n        iam_role: {ROLE}\n"
    return (
        f'environment: {channel}\naccount: "111111111111"\nregion: eu-central-1\n'
        f"channel:\n  name: {channel}\n  root_digest: sha256:{'0' * 64}\n  promote_from: {source or 'null'}\n"
        f"registry:\n  url: {url}\n  models_repository: ml-{channel}\n  records_repository: records-{channel}\n{incoming}"
        f"  credentials:\n    secret_id: weighbridge/{channel}/reader\n"
        f"  setup:\n    hub_url: http://127.0.0.1:9\n    pypi_repository: pypi-remote\n{role}"
        "network:\n  existing:\n    vpc_id: vpc-0123456789abcdef0\n"
        "    availability_zones: [eu-central-1a]\n    subnet_ids: [subnet-0123456789abcdef0]\nimage_repositories: []\nmodels: []\n"
    )


@dataclass(frozen=True)
class Site:
    """An Artifactory that holds users and nothing else, and settings of two environments."""

    registry: RegistryProcess
    folder: Path

    def settings(self, channel: str = DEV) -> EnvironmentSettings:
        return load_settings(self.folder / f"{channel}.yaml")

    def platform(self, user: str = "admin") -> Platform:
        tokens = StaticToken(token=self.registry.token(user))
        return Platform.at(url=self.registry.url, tokens=tokens, retries=Retries(attempts=1))

    def plan(self, channel: str = DEV, user: str = "admin") -> Plan:
        return self.plan_for(self.settings(channel), user=user)

    def plan_for(
        self, settings: EnvironmentSettings, *, user: str = "admin", secrets: SecretsClient | None = None
    ) -> Plan:
        source = None if settings.environment == DEV else self.settings(DEV)
        desired = desired_state(settings=settings, source=source)
        return make_plan(
            platform=self.platform(user), desired=desired, environment=settings.environment, secrets=secrets
        )

    def send(self, method: str, path: str, *, user: str = "admin", **more: object) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.registry.token(user)}"}
        return requests.request(method, f"{self.registry.url}/{path}", headers=headers, timeout=30, **more)


def states(plan: Plan) -> dict[str, State]:
    return {f"{item.kind} {item.name}": item.state for item in plan.items}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    names = ["admin", *(f"weighbridge-{channel}-{name}" for channel in (DEV, STAGING) for name in IDENTITIES)]
    users = tuple(UserConfig(username=name, token=f"token-of-{name}", admin=name == "admin") for name in names)
    config = RegistryConfig(repositories=(), users=users, permissions=())
    with RegistryProcess(folder=tmp_path / "registry", config=config) as registry:
        for channel, source in ((DEV, None), (STAGING, DEV)):
            text = document(registry.url, channel, source)
            (tmp_path / f"{channel}.yaml").write_text(text, encoding="utf-8")
        yield Site(registry, tmp_path)


def test_an_empty_registry_is_planned_applied_and_then_as_it_should_be(site: Site) -> None:
    plan = site.plan()
    found = states(plan)
    assert {name for name, state in found.items() if state is State.CREATE} == {
        "repository ml-dev", "repository records-dev", "repository ml-incoming", "repository hf-remote",
        "repository pypi-remote", "permission weighbridge-dev-reader", "permission weighbridge-dev-promoter",
        "permission weighbridge-dev-promoter-timestamp", "permission weighbridge-dev-registrar",
        "permission weighbridge-dev-registrar-timestamp", "permission weighbridge-dev-registrar-incoming",
        "permission weighbridge-dev-scientist", "iam role weighbridge-dev-reader",
    }  # fmt: skip
    assert site.send("GET", "api/repositories").json() == [], "a plan changes nothing"
    assert apply_plan(plan) == 13
    assert site.plan().settled
    assert apply_plan(site.plan()) == 0
    site.registry.stop()
    site.registry.start()
    assert site.plan().settled, "what was set up survives a restart"


def test_what_is_granted_is_the_table_of_identities_and_no_more(site: Site) -> None:
    apply_plan(site.plan())
    apply_plan(site.plan(STAGING))
    reader, promoter = "weighbridge-dev-reader", "weighbridge-staging-promoter"
    registrar, scientist = "weighbridge-dev-registrar", "weighbridge-dev-scientist"

    def put(user: str, path: str, data: bytes) -> int:
        return site.send("PUT", path, user=user, data=data).status_code

    assert put(registrar, "records-dev/m/release.json", b"1") == 201
    assert put(registrar, "records-dev/m/release.json", b"2") == 403
    assert site.send("DELETE", "records-dev/m/release.json", user=registrar).status_code == 403
    assert put(registrar, "records-dev/tuf/timestamp.json", b"1") == 201
    assert put(registrar, "records-dev/tuf/timestamp.json", b"2") == 201
    assert put(registrar, "ml-incoming/models/m/1/a", b"1") == 403
    assert put(scientist, "ml-incoming/models/m/1/a", b"1") == 201
    assert put(scientist, "ml-dev/models/m/1/a", b"1") == 403
    assert site.send("GET", "records-dev/m/release.json", user=reader).status_code == 200
    assert put(reader, "records-dev/m/other.json", b"1") == 403
    assert site.send("GET", "records-dev/m/release.json", user=promoter).status_code == 200
    assert put(promoter, "records-dev/m/other.json", b"1") == 403
    assert put(promoter, "records-staging/m/release.json", b"1") == 201
    assert site.send("GET", "records-staging/m/release.json", user=reader).status_code == 403


def test_a_custom_environment_is_made_and_given_to_the_repositories(site: Site) -> None:
    assert states(site.plan(STAGING))["environment STAGING"] is State.CREATE
    apply_plan(site.plan())
    apply_plan(site.plan(STAGING))
    assert site.send("GET", "api/repositories/ml-staging").json()["environments"] == ["STAGING"]
    assert site.plan(STAGING).settled


def test_drift_is_told_and_set_back_where_nothing_is_lost_by_it(site: Site) -> None:
    apply_plan(site.plan())
    path = "api/v2/security/permissions/weighbridge-dev-reader"
    body = site.send("GET", path).json()
    body["repo"]["actions"]["users"]["weighbridge-dev-reader"] = ["read", "delete"]
    assert site.send("PUT", path, json=body).status_code == 200
    item = next(
        item for item in site.plan().items if item.name == "weighbridge-dev-reader" and item.kind == "permission"
    )
    assert (item.state, item.message) == (State.CHANGE, "weighbridge-dev-reader may also delete")
    apply_plan(site.plan())
    assert site.send("GET", path).json()["repo"]["actions"]["users"] == {"weighbridge-dev-reader": ["read"]}
    assert site.plan().settled


def test_what_only_a_person_can_put_right_is_left_alone(site: Site) -> None:
    site.send("PUT", "api/repositories/ml-dev", json={"key": "ml-dev", "rclass": "local", "packageType": "generic"})
    apply_plan(site.plan())
    target = {
        "name": "by-hand",
        "repo": {
            "include-patterns": ["**"],
            "repositories": ["records-dev"],
            "actions": {"users": {"weighbridge-dev-scientist": ["read", "delete"]}},
        },
    }
    assert site.send("POST", "api/v2/security/permissions/by-hand", json=target).status_code == 201
    drifted = {item.name: item for item in site.plan().items if item.state is State.DRIFT}
    assert drifted["ml-dev"].message == "is local generic, not local machinelearning"
    assert drifted["by-hand"].message == "lets weighbridge-dev-scientist delete in records-dev"
    assert all(item.remedy for item in drifted.values())
    assert apply_plan(site.plan()) == 0
    assert site.send("GET", "api/repositories/ml-dev").json()["packageType"] == "generic"


def test_a_user_that_is_missing_is_named_and_not_made(site: Site) -> None:
    file = site.folder / "dev.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("users: [weighbridge-dev-reader]", "users: [nobody]"))
    found = states(site.plan())
    assert found["user nobody"] is found["permission weighbridge-dev-reader"] is found["iam role nobody"] is State.DRIFT
    apply_plan(site.plan())
    assert site.send("GET", "api/v2/security/permissions/weighbridge-dev-reader").status_code == 404


def test_a_run_that_was_cut_off_is_taken_up_again(site: Site) -> None:
    site.registry.add_fault(
        Fault(
            kind="status", status=500, methods=("POST",), path="api/v2/security/permissions/weighbridge-dev-registrar"
        )
    )
    with pytest.raises(RegistryUnavailableError, match="weighbridge-dev-registrar"):
        apply_plan(site.plan())
    found = states(site.plan())
    assert found["repository ml-dev"] is State.OK
    assert found["permission weighbridge-dev-registrar"] is State.CREATE
    site.registry.clear_faults()
    apply_plan(site.plan())
    assert site.plan().settled


def test_anybody_but_an_administrator_is_refused_in_one_line(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(RegistryForbiddenError, match="platform administrator"):
        site.plan(user="weighbridge-dev-promoter")
    monkeypatch.setenv("JF_ACCESS_TOKEN", site.registry.token("weighbridge-dev-promoter"))
    assert run(["setup", "--env", DEV, "--environments", str(site.folder), "--apply"]) == 3
    assert capsys.readouterr().err.count("\n") == 1


def test_the_command_plans_applies_and_exits_by_what_it_found(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JF_ACCESS_TOKEN", site.registry.token("admin"))
    common = ["setup", "--env", DEV, "--environments", str(site.folder)]
    assert run([*common, "--plan"]) == 1
    assert "create  repository ml-dev: there is no such repository" in capsys.readouterr().out
    assert run([*common, "--plan", "--apply"]) == 2
    capsys.readouterr()
    assert run([*common, "--apply", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["settled"], answer["applied"]) == (True, 13)
    assert {item["state"] for item in answer["items"]} == {"ok"}


class Secrets:
    """A Secrets Manager that notes what it is asked for."""

    def __init__(self, value: str = "signing-secret-canary") -> None:
        self.value = value
        self.asked: list[str] = []

    def get_secret_value(self, *, SecretId: str) -> SecretValue:  # noqa: N803
        self.asked.append(SecretId)
        return {"SecretString": self.value}


def with_webhook(site: Site, **changes: object) -> EnvironmentSettings:
    settings = site.settings()
    hook = WebhookSettings(name="catalogue", url="https://hooks.example.com/artifacts", secret_id="webhook")
    setup = replace(settings.registry.setup, webhooks=(replace(hook, **changes),))  # type: ignore[arg-type]
    return replace(settings, registry=replace(settings.registry, setup=setup))


def subscription(site: Site) -> dict[str, Any]:
    found = site.send("GET", "../event/api/v1/subscriptions/weighbridge-dev-catalogue").json()
    assert isinstance(found, dict)
    return found


def test_a_webhook_is_made_signed_and_then_as_it_should_be(site: Site) -> None:
    secrets = Secrets()
    plan = site.plan_for(with_webhook(site), secrets=secrets)
    assert (states(plan)["webhook weighbridge-dev-catalogue"], secrets.asked) == (State.CREATE, [])
    assert secrets.value not in json.dumps(plan.fields())
    apply_plan(plan)
    assert secrets.asked == ["webhook"]
    found = subscription(site)
    assert found["event_filter"]["event_types"] == ["deployed", "copied"]
    assert found["event_filter"]["criteria"]["repoKeys"] == ["ml-dev", "records-dev", "ml-incoming"]
    assert found["handlers"] == [
        {"handler_type": "webhook", "url": "https://hooks.example.com/artifacts", "use_secret_for_signing": True}
    ]
    kept = json.loads((site.registry.folder / "administration.json").read_text())
    assert kept["subscriptions"]["weighbridge-dev-catalogue"]["handlers"][0]["secret"] == secrets.value
    assert site.plan_for(with_webhook(site), secrets=secrets).settled
    assert secrets.asked == ["webhook"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"url": "https://hooks.example.com/other"}, "goes to https://hooks.example.com/artifacts, not to"),
        ({"events": ("deployed",)}, "tells of copied, deployed, not of deployed"),
    ],
)
def test_a_webhook_that_differs_is_set_back(site: Site, changes: dict[str, object], message: str) -> None:
    apply_plan(site.plan_for(with_webhook(site), secrets=Secrets()))
    plan = site.plan_for(with_webhook(site, **changes), secrets=Secrets())
    (item,) = [item for item in plan.items if item.kind == "webhook"]
    assert (item.state, item.message.startswith(message)) == (State.CHANGE, True), item.message
    apply_plan(plan)
    assert site.plan_for(with_webhook(site, **changes), secrets=Secrets()).settled


def test_a_webhook_that_sends_its_secret_or_was_switched_off_is_told(site: Site) -> None:
    apply_plan(site.plan_for(with_webhook(site), secrets=Secrets()))
    body = {**subscription(site), "enabled": False}
    body["handlers"][0] |= {"use_secret_for_signing": False, "secret": "x"}
    body["event_filter"]["criteria"]["includePatterns"] = ["models/**"]
    path = "../event/api/v1/subscriptions/weighbridge-dev-catalogue"
    assert site.send("PUT", path, json=body).status_code == 204
    (item,) = [item for item in site.plan_for(with_webhook(site)).items if item.kind == "webhook"]
    assert item.state is State.CHANGE
    assert item.message == (
        "is not enabled; looks at other paths than all of ml-dev, records-dev, ml-incoming; "
        "sends its secret with every event instead of a signature"
    )


@pytest.mark.parametrize("secrets", [None, Secrets(""), Secrets("two\nlines")])
def test_a_webhook_without_a_secret_is_not_made(site: Site, secrets: Secrets | None) -> None:
    plan = site.plan_for(with_webhook(site), secrets=secrets)
    with pytest.raises(InputError, match=r"registry\.setup\.webhooks: the secret 'webhook'"):
        apply_plan(plan)
    assert site.send("GET", "../event/api/v1/subscriptions").json() == []


def exchanging(site: Site, **identities: IdentitySettings) -> EnvironmentSettings:
    settings = site.settings(STAGING)
    registry = replace(
        settings.registry,
        credentials=IamSettings(region=None, expires_in=3600),
        images=ImageSettings(repository="ml-docker", username="weighbridge-staging-registrar", secret=None),
        setup=replace(settings.registry.setup, identities=identities),
    )
    return replace(settings, registry=registry)


def test_every_exchanged_role_is_bound_to_a_user_of_its_own(site: Site) -> None:
    reader = IdentitySettings(users=("weighbridge-staging-reader",))
    apply_plan(site.plan())
    plan = site.plan_for(exchanging(site, reader=reader))
    apply_plan(plan)
    bound = {item.name: item.message for item in plan.items if item.kind == "iam role"}
    role = "arn:aws:iam::111111111111:role/weighbridge-staging"
    assert f"{role}-reconciler is needed" in bound["weighbridge-staging-reader"]
    assert f"{role}-images is needed" in bound["weighbridge-staging-registrar"]
    assert site.send("GET", "api/repositories/ml-docker").json()["packageType"] == "docker"
    assert site.plan_for(exchanging(site, reader=reader)).settled


def test_a_role_without_a_user_is_told(site: Site) -> None:
    apply_plan(site.plan())
    settings = exchanging(site, reader=IdentitySettings(users=(), groups=("readers",)))
    items = site.plan_for(settings).items
    told = [item for item in items if item.kind == "iam role" and item.state is State.DRIFT]
    assert [item.name for item in told] == ["arn:aws:iam::111111111111:role/weighbridge-staging-reconciler"]
    missing = [
        item.name for item in site.plan_for(exchanging(site)).items if item.kind == "user" and item.state is State.DRIFT
    ]
    assert missing == ["weighbridge-staging-reconciler"]
