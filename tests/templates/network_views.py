"""Synthesize the network stack of changed settings, and read who may speak to whom."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from template_view import Template, resources

from stacks.network import NetworkStack
from tools.synthesis import ROOT
from weighbridge.settings import EnvironmentSettings, load_settings

Rule = tuple[Any, int, int]


@cache
def prod() -> EnvironmentSettings:
    """The settings of prod, whose registry is reached by PrivateLink."""
    return load_settings(ROOT / "environments" / "prod.yaml")


def network_template(**changes: Any) -> Template:
    """Return the template of the network stack of prod with other settings, under cdk-nag."""
    import cdk_nag

    settings = replace(prod(), **changes)
    with tempfile.TemporaryDirectory() as folder:
        app = cdk.App(
            outdir=folder,
            analytics_reporting=False,
            builtin_cloud_formation_validation=False,
            context=json.loads((ROOT / "cdk.json").read_text())["context"],
        )
        environment = cdk.Environment(account=settings.account, region=settings.region)
        NetworkStack(cdk.Stage(app, "prod", env=environment), "network", settings=settings)
        cdk.Validations.of(app).add_plugins(cdk_nag.AwsSolutionsChecks())
        app.synth()
        (path,) = Path(folder).rglob("*.template.json")
        template: Template = json.loads(path.read_text())
        return template


def services(template: Template) -> dict[str, dict[str, Any]]:
    """Return the properties of AWS's interface endpoints by the service's name."""
    found = {}
    for each in resources(template, "AWS::EC2::VPCEndpoint").values():
        name = each["Properties"]["ServiceName"]
        if each["Properties"]["VpcEndpointType"] == "Interface" and ".vpce." not in str(name):
            found[str(name).removeprefix("com.amazonaws.eu-central-1.")] = each["Properties"]
    return found


def group(template: Template, name: str) -> str:
    """Return the logical id of the security group that is made as `name`."""
    known = resources(template, "AWS::EC2::SecurityGroup")
    found = [key for key in known if key.removeprefix("Network").startswith(name)]
    assert len(found) == 1, (name, list(known))
    return found[0]


def rules(template: Template, owner: str, direction: str) -> set[Rule]:
    """Return (peer, from, to) of every rule of a security group; `direction` is `Ingress` or `Egress`.

    A peer is an IPv4 range, a prefix list, an id, or the logical id of a security group.
    """
    inline = resources(template, "AWS::EC2::SecurityGroup")[owner]["Properties"].get(f"SecurityGroup{direction}", [])
    apart = [
        each["Properties"]
        for each in resources(template, f"AWS::EC2::SecurityGroup{direction}").values()
        if each["Properties"]["GroupId"] == {"Fn::GetAtt": [owner, "GroupId"]}
    ]
    return {(_peer(rule), rule.get("FromPort", -1), rule.get("ToPort", -1)) for rule in (*inline, *apart)}


def _peer(rule: dict[str, Any]) -> str:
    keys = ("CidrIp", "DestinationPrefixListId", "DestinationSecurityGroupId", "SourceSecurityGroupId")
    (value,) = (rule[key] for key in keys if key in rule)
    return value if isinstance(value, str) else str(value["Fn::GetAtt"][0])
