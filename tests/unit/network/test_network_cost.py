"""Which endpoints an environment needs, what their hosts are called, and what they cost a month."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from botocore.loaders import Loader
from botocore.regions import EndpointResolver

from weighbridge.aws_endpoints import SERVICES, cost_of, host_names, services_of
from weighbridge.cli.run import run
from weighbridge.settings import (
    ApprovalsSettings,
    CreatedNetwork,
    EnvironmentSettings,
    ExistingNetwork,
    GuardSettings,
    IamSettings,
    ReconcilerSettings,
    load_settings,
)

ROOT = Path(__file__).resolve().parents[3]
CALLERS = {"sts", "sagemaker.runtime", "logs", "monitoring"}


def environment(name: str, **changes: object) -> EnvironmentSettings:
    return replace(load_settings(ROOT / "environments" / f"{name}.yaml"), **changes)  # type: ignore[arg-type]


def lean(settings: EnvironmentSettings) -> EnvironmentSettings:
    assert isinstance(settings.network, CreatedNetwork)
    return replace(settings, network=replace(settings.network, profile="lean"))


def test_training_needs_what_the_registrar_calls() -> None:
    assert set(services_of(environment("dev"))) == set(SERVICES) - {"cloudtrail", "securityhub"}


def test_lean_leaves_out_what_only_callers_use() -> None:
    dev = environment("dev")
    assert set(services_of(dev)) - set(services_of(lean(dev))) == CALLERS


def test_nothing_is_there_for_what_the_settings_switch_off() -> None:
    bare = environment(
        "prod",
        trust=None,
        training=None,
        guard=GuardSettings(admission="off", reconciler=ReconcilerSettings(enabled=False)),
    )
    assert set(services_of(bare)) == {"secretsmanager"} | CALLERS
    registry = replace(bare.registry, credentials=IamSettings(region=None, expires_in=3600))
    assert set(services_of(replace(bare, registry=registry))) == CALLERS


def test_ledger_and_approvals_bring_what_their_functions_call() -> None:
    staging = environment("staging", guard=GuardSettings(admission="off", reconciler=ReconcilerSettings(enabled=False)))
    assert staging.trust is not None
    plain = replace(staging.trust, keeper=None, approvals=None, keys=replace(staging.trust.keys, sealer=None))
    ledger = replace(plain, keys=replace(plain.keys, sealer="awskms:alias/sealer"))
    person = "arn:aws:iam::111111111111:role/approvers"
    approvals = ApprovalsSettings(secret=None, create_key=False, approvers=(person,))
    found = {
        name: set(services_of(lean(replace(staging, trust=trust)))) - {"secretsmanager"}
        for name, trust in (
            ("plain", plain), ("ledger", ledger), ("approvals", replace(plain, approvals=approvals)),
            ("both", replace(ledger, approvals=approvals)),
        )
    }  # fmt: skip
    assert found == {
        "plain": set(),
        "ledger": {"cloudtrail", "events", "kms", "logs"},
        "approvals": {"kms", "sts"},
        "both": {"cloudtrail", "events", "kms", "logs", "sts"},
    }


def test_security_hub_has_an_endpoint_where_findings_go_there() -> None:
    found = environment("prod", guard=GuardSettings(reconciler=ReconcilerSettings(security_hub=True)))
    assert "securityhub" in services_of(found)


def test_host_names_are_those_that_clients_ask() -> None:
    resolver = EndpointResolver(Loader().load_data("endpoints"))
    prefixes = {"sagemaker.api": "api.sagemaker", "sagemaker.runtime": "runtime.sagemaker"}
    asked = {
        resolver.construct_endpoint(prefixes.get(name, name), "eu-central-1")["hostname"]
        for name in (*SERVICES, "s3", "dynamodb")
    }
    # DynamoDB's endpoints of an account are ACCOUNT.ddb.REGION.amazonaws.com (botocore, account_id_endpoint_mode).
    assert asked | {"ddb.eu-central-1.amazonaws.com"} == set(host_names(tuple(SERVICES), region="eu-central-1"))


def test_a_month_costs_its_hours_in_every_zone() -> None:
    prod = environment("prod")
    found = cost_of(prod, hourly=0.012)
    assert found is not None
    assert found.services == services_of(prod)
    assert found.endpoint_zones == len(found.services) * 2 + 2
    assert found.monthly == pytest.approx(found.endpoint_zones * 0.012 * 730, abs=0.01)


def test_lean_pays_for_one_zone_and_the_registrys_endpoint_stays_in_all() -> None:
    found = cost_of(lean(environment("dev")))
    assert found is not None
    assert (found.zones, found.registry_zones) == (1, 2)
    assert found.endpoint_zones == len(found.services) + 2


def test_a_network_that_exists_costs_nothing_here() -> None:
    network = ExistingNetwork(vpc_id="vpc-1", availability_zones=("a",), subnet_ids=("s",))
    assert cost_of(environment("prod", network=network)) is None


@pytest.mark.parametrize(("row", "name"), [("with training", "dev"), ("serving alone", "prod")])
@pytest.mark.parametrize("profile", ["full", "lean"])
def test_the_page_shows_what_the_shipped_environments_cost(row: str, name: str, profile: str) -> None:
    settings = environment(name) if profile == "full" else lean(environment(name))
    found = cost_of(settings)
    assert found is not None
    page = (ROOT / "docs" / "network.md").read_text(encoding="utf-8")
    (line,) = [each for each in page.splitlines() if each.startswith(f"| {row}") and f"| {profile} |" in each]
    _, _, _, counted, monthly, _ = (cell.strip() for cell in line.split("|"))
    assert counted == f"{len(found.services)} x {found.zones} + {found.registry_zones}"
    assert monthly == f"{found.monthly:.2f}"


def test_the_command_counts_what_the_library_counts(capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(ROOT / "environments")
    assert run(["network", "cost", "--env", "prod", "--environments", folder, "--hourly", "0.012", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    expected = cost_of(environment("prod"), hourly=0.012)
    assert expected is not None
    assert answer["endpoint_zones"] == expected.endpoint_zones
    assert answer["monthly"] == f"{expected.monthly:.2f}"
    assert set(answer["endpoints"]) == set(expected.services)
