"""The channel's keeper in the governance stack: one job, one key, one secret, and three alarms."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
import yaml
from aws_cdk import aws_dynamodb as dynamodb
from template_view import Resource, Template, as_list, logical_id, only, resources, statements

from tools.synthesis import ROOT, synthesize
from weighbridge.names import Digest
from weighbridge_cdk import ArtifactoryConnection, ChannelKeeper, ChannelPin, Repositories

PROD: dict[str, Any] = yaml.safe_load((ROOT / "environments" / "prod.yaml").read_text(encoding="utf-8"))
TOPIC = "arn:aws:sns:eu-central-1:333333333333:operators"


@pytest.fixture(scope="session")
def governance(templates: dict[str, Template]) -> Template:
    return templates["weighbridge-prod-governance"]


def rights(template: Template) -> dict[str, Resource]:
    """Statements of the keeper's policies by action."""
    found = [s for name, s in statements(template) if name.startswith("Keeper")]
    return {action: statement for statement in found for action in as_list(statement["Action"])}


def alarm(template: Template, name: str) -> Resource:
    found: Resource = only(template, "AWS::CloudWatch::Alarm", starting=f"Keeper{name}")["Properties"]
    return found


def test_it_signs_with_the_online_key_alone(governance: Template) -> None:
    signing = [
        (name, s)
        for name, s in statements(governance)
        if name.startswith("Keeper") and "kms:Sign" in as_list(s["Action"])
    ]
    ((name, statement),) = signing
    assert name.startswith("KeeperSigning")
    assert statement["Condition"] == {"StringEquals": {"kms:RequestAlias": ["alias/weighbridge-prod-online"]}}
    variables = only(governance, "AWS::Lambda::Function", starting="Keeper")["Properties"]["Environment"]["Variables"]
    assert variables["WEIGHBRIDGE_TIMESTAMP_KEY"] == "awskms:alias/weighbridge-prod-online"
    assert "WEIGHBRIDGE_PROMOTER_KEY" not in variables


def test_it_claims_versions_of_the_snapshot_and_no_promotion(governance: Template) -> None:
    found = rights(governance)
    assert {action for action in found if action.startswith("dynamodb:")} == {"dynamodb:GetItem", "dynamodb:PutItem"}
    condition = found["dynamodb:PutItem"]["Condition"]
    assert condition == {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["prod#snapshot"]}}
    table = logical_id(governance, "AWS::DynamoDB::Table", starting="Sequences")
    assert found["dynamodb:PutItem"]["Resource"] == {"Fn::GetAtt": [table, "Arn"]}
    assert not [action for action in found if action.startswith(("s3:", "ssm:", "sagemaker:", "iam:", "sns:"))]


def test_its_token_is_its_own_and_empty(governance: Template) -> None:
    secret = only(governance, "AWS::SecretsManager::Secret", starting="Keeper")["Properties"]
    assert secret["Name"] == "weighbridge/prod/artifactory-keeper"
    assert not {"SecretString", "GenerateSecretString"} & set(secret)
    assert rights(governance)["secretsmanager:GetSecretValue"]["Resource"] == {
        "Ref": logical_id(governance, "AWS::SecretsManager::Secret", starting="Keeper")
    }


def test_it_runs_twice_a_day_within_the_network(governance: Template) -> None:
    rule = only(governance, "AWS::Events::Rule")["Properties"]
    assert rule["ScheduleExpression"] == "rate(12 hours)"
    function = only(governance, "AWS::Lambda::Function", starting="Keeper")["Properties"]
    assert rule["Targets"][0]["Arn"] == {
        "Fn::GetAtt": [logical_id(governance, "AWS::Lambda::Function", starting="Keeper"), "Arn"]
    }
    assert function["VpcConfig"]["SubnetIds"]


def test_failure_expiry_and_silence_ring(governance: Template) -> None:
    failures = alarm(governance, "Failures")
    assert (failures["Namespace"], failures["MetricName"], failures["Threshold"]) == ("AWS/Lambda", "Errors", 1)
    expiry, renewal = alarm(governance, "Expiry"), alarm(governance, "Renewal")
    assert (expiry["MetricName"], renewal["MetricName"]) == ("HoursUntilExpiry", "HoursUntilRenewal")
    for each in (expiry, renewal):
        assert (each["Namespace"], each["Statistic"], each["Period"]) == ("weighbridge", "Minimum", 86_400)
        assert each["Dimensions"] == [{"Name": "Channel", "Value": "prod"}]
        assert each["ComparisonOperator"] == "LessThanThreshold"
    assert (expiry["Threshold"], expiry["TreatMissingData"]) == (72, "breaching")
    assert renewal["Threshold"] == 720


def test_without_known_keys_in_kms_there_is_no_keeper(templates: dict[str, Template]) -> None:
    assert not resources(templates["weighbridge-dev-governance"], "AWS::Lambda::Function")


def test_settings_choose_secret_schedule_and_topic(tmp_path: Path) -> None:
    settings = copy.deepcopy(PROD)
    settings["channel"]["promote_from"] = None
    settings["alarm_topic"] = TOPIC
    settings["trust"]["keeper"] = {"secret": "keeper", "hours": 6}
    folder = tmp_path / "environments"
    folder.mkdir()
    (folder / "prod.yaml").write_text(yaml.safe_dump(settings))
    context = {"weighbridge:environments": str(folder)}
    found = synthesize(outdir=tmp_path / "out", validation=False, context=context)
    governance = found.template("weighbridge-prod-governance")
    inference = found.template("weighbridge-prod-inference-minilm")
    assert only(governance, "AWS::SecretsManager::Secret", starting="Keeper")["Properties"]["Name"] == "keeper"
    assert only(governance, "AWS::Events::Rule")["Properties"]["ScheduleExpression"] == "rate(6 hours)"
    for name in ("Failures", "Expiry", "Renewal"):
        assert alarm(governance, name)["AlarmActions"] == alarm(governance, name)["OKActions"] == [TOPIC]
    resolution = only(inference, "AWS::CloudWatch::Alarm", starting="PromotedModel")["Properties"]
    assert resolution["AlarmActions"] == [TOPIC]


def test_the_keeper_works_alone(
    new_stack: Callable[[], cdk.Stack], template_of: Callable[[cdk.Stack], Template]
) -> None:
    stack = new_stack()
    table = dynamodb.Table(
        stack,
        "Sequences",
        partition_key=dynamodb.Attribute(name="scope", type=dynamodb.AttributeType.STRING),
        sort_key=dynamodb.Attribute(name="sequence", type=dynamodb.AttributeType.NUMBER),
        point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
            point_in_time_recovery_enabled=True
        ),
    )
    ChannelKeeper(
        stack,
        "Keeper",
        connection=ArtifactoryConnection(
            stack,
            "Artifactory",
            url="https://registry.example.com/artifactory",
            repositories=Repositories(models="models", records="records"),
        ),
        channel=ChannelPin(name="prod", root_digest=Digest.of(b"root")),
        snapshot_key="awskms:1234abcd-12ab-34cd-56ef-1234567890ab",
        timestamp_key="awskms:1234abcd-12ab-34cd-56ef-1234567890ab",
        sequences=table,
    )
    template = template_of(stack)
    (statement,) = [s for _, s in statements(template) if "kms:Sign" in as_list(s["Action"])]
    assert statement["Resource"]["Fn::Join"][1][-1] == ":key/1234abcd-12ab-34cd-56ef-1234567890ab"
