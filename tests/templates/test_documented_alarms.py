"""docs/operations.md has a row for every alarm that a template creates, and for no other."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
import yaml
from aws_cdk import aws_cloudwatch as cloudwatch
from template_view import Template, resources

from stacks import EnvironmentStage, GovernanceAccountStage
from tools.synthesis import ROOT
from weighbridge.settings import load_settings

PAGE = ROOT / "docs" / "operations.md"
HASH = re.compile(r"[0-9A-F]{8}$")
HOLDER = "999999999999"
HELD = f"awskms:arn:aws:kms:eu-central-1:{HOLDER}:alias/"
ROLE = "arn:aws:iam::333333333333:role/"


def rows() -> set[str]:
    """The identifiers in the first column of the page's table of alarms."""
    part = PAGE.read_text(encoding="utf-8").partition("### Alarms\n")[2].partition("\n### ")[0]
    cells = [line.split("|")[1] for line in part.splitlines() if line.startswith("| `")]
    return {name for cell in cells for name in re.findall(r"`([A-Za-z.]+)`", cell)}


def row_of(identifier: str, names: set[str]) -> str | None:
    """The row that an alarm's identifier in its template has; `...Name` stands for every identifier that ends so."""
    if identifier in names:
        return identifier
    return next((name for name in names if name.startswith("...") and identifier.endswith(name[3:])), None)


def held(trust: dict[str, Any]) -> dict[str, Any]:
    """Return the section with its keys in the governance account, a sealer's among them."""
    text = yaml.safe_dump(trust).replace("awskms:alias/", HELD)
    found: dict[str, Any] = yaml.safe_load(text)
    found["keys"]["sealer"] = f"{HELD}weighbridge-prod-sealer"
    found["approvals"].pop("create_key")
    return found


@pytest.fixture(scope="module")
def with_everything(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Identifiers of the alarms of an environment that has what the shipped ones leave out; nothing is synthesized."""
    document: dict[str, Any] = yaml.safe_load((ROOT / "environments" / "prod.yaml").read_text(encoding="utf-8"))
    document["registry"]["rotation"] = {"days": 30}
    document["trust"] = held(document["trust"])
    document["governance"] = {
        "account": HOLDER,
        "owners": [f"{ROLE}owner"],
        "promoters": [f"{ROLE}promoter"],
        "security": [f"{ROLE}security"],
        "breakglass": [f"{ROLE}ann", f"{ROLE}bob"],
    }
    endpoint = {"instance_type": "ml.c6i.xlarge"}
    document["models"] = [
        {"name": "scaled", "endpoint": endpoint | {"autoscaling": {"minimum": 2, "maximum": 4, "concurrency": 4}}},
        {"name": "asleep", "endpoint": endpoint | {"inference_component": {"maximum": 2}}},
    ]
    path = tmp_path_factory.mktemp("everything") / "prod.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    context = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    app, settings = cdk.App(analytics_reporting=False, context=context), load_settings(path)
    EnvironmentStage(app, settings=settings)
    GovernanceAccountStage(app, environments=[settings])
    alarms = [each for each in app.node.find_all() if isinstance(each, cloudwatch.CfnAlarm)]
    return {HASH.sub("", str(alarm.stack.resolve(alarm.logical_id))) for alarm in alarms}


@pytest.fixture(scope="module")
def identifiers(templates: dict[str, Template], with_everything: set[str]) -> set[str]:
    """Every alarm's identifier without the hash that the CDK appends."""
    kinds = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
    shipped = {HASH.sub("", name) for each in templates.values() for kind in kinds for name in resources(each, kind)}
    return shipped | with_everything


def test_there_is_something_to_compare(identifiers: set[str]) -> None:
    assert {"KeeperExpiry", "EndpointAutoscalingFailed", "EndpointScalingNoCapacity", "AuditorFindings"} <= identifiers


def test_every_alarm_has_a_row(identifiers: set[str]) -> None:
    assert {name for name in identifiers if row_of(name, rows()) is None} == set()


def test_every_row_is_an_alarm_of_some_template(identifiers: set[str]) -> None:
    assert rows() - {row_of(name, rows()) for name in identifiers} == set()


def test_alarms_of_an_endpoint_are_named_as_the_page_says(templates: dict[str, Template]) -> None:
    found = resources(templates["weighbridge-prod-inference-minilm"], "AWS::CloudWatch::Alarm").values()
    names = {each["Properties"]["AlarmName"] for each in found if "AlarmName" in each["Properties"]}
    page = Path(PAGE).read_text(encoding="utf-8")
    assert names == {"weighbridge-prod-minilm-ServerErrors", "weighbridge-prod-minilm-Latency"}
    assert "`ENDPOINT-ServerErrors` and `ENDPOINT-Latency`" in page
