"""Ledger and auditor in the governance stack: one writer, nobody deletes, seals are locked, one key that seals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from template_view import Resource, Template, as_list, logical_id, only, resources, statements

from stacks.alarms import notify
from tools.synthesis import ROOT
from weighbridge.errors import InputError
from weighbridge.names import Digest
from weighbridge.settings import load_settings
from weighbridge_cdk import ArtifactoryConnection, Auditor, ChannelPin, EventLedger, Repositories, ResolutionRecords
from weighbridge_cdk.signing_keys import grant_verifying


@pytest.fixture(scope="session")
def governance(templates: dict[str, Template]) -> Template:
    return templates["weighbridge-staging-governance"]


def rights(template: Template, owner: str) -> dict[str, list[Resource]]:
    """Statements by action of an owner's policies."""
    found: dict[str, list[Resource]] = {}
    for name, statement in statements(template):
        if name.startswith(owner):
            for action in as_list(statement["Action"]):
                found.setdefault(action, []).append(statement)
    return found


def test_the_writer_alone_may_put_and_nobody_updates_or_deletes(governance: Template) -> None:
    table = {"Fn::GetAtt": [logical_id(governance, "AWS::DynamoDB::Table", starting="LedgerEvents"), "Arn"]}
    writers, destroyers = set(), set()
    for name, statement in statements(governance):
        if table in as_list(statement["Resource"]):
            actions = set(as_list(statement["Action"]))
            if "dynamodb:PutItem" in actions:
                writers.add(name)
            if actions & {"dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem"}:
                destroyers.add(name)
    assert len(writers) == 1
    assert next(iter(writers)).startswith("LedgerWriter")
    assert not destroyers
    properties = only(governance, "AWS::DynamoDB::Table", starting="LedgerEvents")["Properties"]
    assert properties["DeletionProtectionEnabled"] is True


def test_events_go_over_the_bus_in_one_group_of_a_fifo_queue(governance: Template) -> None:
    bus = only(governance, "AWS::Events::EventBus")["Properties"]
    assert bus["Name"] == "weighbridge-staging-ledger"
    rule = only(governance, "AWS::Events::Rule", starting="LedgerTold")["Properties"]
    assert rule["EventPattern"] == {"source": ["weighbridge.ledger"], "detail-type": ["weighbridge.event/v1"]}
    [target] = rule["Targets"]
    assert target["SqsParameters"] == {"MessageGroupId": "ledger"}
    assert target["InputPath"] == "$.detail"
    assert target["DeadLetterConfig"]
    queue = only(governance, "AWS::SQS::Queue", starting="LedgerQueue")["Properties"]
    assert (queue["FifoQueue"], queue["ContentBasedDeduplication"]) == (True, True)
    mapping = only(governance, "AWS::Lambda::EventSourceMapping")["Properties"]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_broken_glass_rings_within_a_minute_at_the_alarms_topic(governance: Template) -> None:
    alarm = only(governance, "AWS::CloudWatch::Alarm", starting="LedgerGlassBroken")["Properties"]
    writer = only(governance, "AWS::Lambda::Function", starting="LedgerWriter")["Properties"]
    environment = writer["Environment"]["Variables"]["WEIGHBRIDGE_ENVIRONMENT"]
    assert (alarm["Namespace"], alarm["MetricName"], alarm["Period"]) == ("weighbridge", "GlassBroken", 60)
    assert alarm["Dimensions"] == [{"Name": "Environment", "Value": environment}]
    assert (alarm["Statistic"], alarm["Threshold"], alarm["EvaluationPeriods"]) == ("Sum", 1, 1)
    assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"


def test_alarms_of_the_ledger_tell_the_topic(
    new_stack: Callable[[], cdk.Stack], template_of: Callable[[cdk.Stack], Template]
) -> None:
    stack, topic = new_stack(), "arn:aws:sns:eu-central-1:111111111111:alarms"
    ledger = EventLedger(stack, "Ledger", environment_name="staging")
    settings = replace(load_settings(ROOT / "environments" / "staging.yaml"), alarm_topic=topic)
    notify(stack, settings=settings, alarms=ledger.alarms)
    alarms = resources(template_of(stack), "AWS::CloudWatch::Alarm")
    assert any(name.startswith("LedgerGlassBroken") for name in alarms)
    assert all(item["Properties"]["AlarmActions"] == [topic] for item in alarms.values())


def test_seals_are_locked(governance: Template) -> None:
    bucket = only(governance, "AWS::S3::Bucket", starting="LedgerSeals")["Properties"]
    assert bucket["ObjectLockEnabled"] is True
    retention = bucket["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
    assert retention == {"Days": 3650, "Mode": "GOVERNANCE"}
    found = rights(governance, "Auditor")
    assert not [action for action in found if action.startswith("s3:") and ("Delete" in action or "Bypass" in action)]


def test_the_auditor_seals_with_one_key_and_tells_the_ledger_alone(governance: Template) -> None:
    found = rights(governance, "Auditor")
    [signing] = found["kms:Sign"]
    assert signing["Condition"] == {"StringEquals": {"kms:RequestAlias": ["alias/weighbridge-staging-sealer"]}}
    [telling] = found["events:PutEvents"]
    assert telling["Resource"] == {"Fn::GetAtt": [logical_id(governance, "AWS::Events::EventBus"), "Arn"]}
    assert telling["Condition"]["StringEquals"]["events:source"] == "weighbridge.ledger"
    [reading] = found["logs:FilterLogEvents"]
    assert "/aws/sagemaker/Endpoints/weighbridge-staging-*" in str(reading["Resource"])
    assert "dynamodb:PutItem" not in found


def test_the_auditor_asks_for_signatures_with_the_keys_of_its_account(governance: Template) -> None:
    found = rights(governance, "AuditorWatchedKeys") | rights(governance, "AuditorSignatures")
    assert set(found) == {"kms:DescribeKey", "cloudtrail:LookupEvents"}
    names = {name: f"alias/weighbridge-staging-{name}" for name in ("owner", "promoter", "security")}
    [describing] = found["kms:DescribeKey"]
    assert describing["Condition"] == {"StringEquals": {"kms:RequestAlias": list(names.values())}}
    [looking] = found["cloudtrail:LookupEvents"]
    assert looking["Resource"] == "*"
    function = only(governance, "AWS::Lambda::Function", starting="Auditor")["Properties"]
    assert function["Environment"]["Variables"]["WEIGHBRIDGE_WATCHED_KEYS"] == (
        f"targets=awskms:{names['owner']} promoters=awskms:{names['promoter']} revocations=awskms:{names['security']}"
    )


def auditor(stack: cdk.Stack, **more: Any) -> Auditor:
    digest = Digest.parse("sha256:" + "0" * 64, field="root")
    return Auditor(
        stack,
        "Auditor",
        environment_name="staging",
        connection=ArtifactoryConnection(
            stack,
            "Registry",
            url="https://registry.example.com/artifactory",
            repositories=Repositories(models="models", records="records"),
        ),
        channel=ChannelPin(name="staging", root_digest=digest),
        records=ResolutionRecords(stack, "Records"),
        ledger=EventLedger(stack, "Ledger", environment_name="staging"),
        sealer_key="awskms:alias/sealer",
        **more,
    )


def test_without_watched_keys_the_auditor_asks_cloudtrail_nothing(
    new_stack: Callable[[], cdk.Stack], template_of: Callable[[cdk.Stack], Template]
) -> None:
    stack = new_stack()
    auditor(stack)
    template = template_of(stack)
    assert "cloudtrail:LookupEvents" not in rights(template, "Auditor")
    assert not rights(template, "AuditorWatchedKeys")
    function = only(template, "AWS::Lambda::Function", starting="Auditor")["Properties"]
    assert "WEIGHBRIDGE_WATCHED_KEYS" not in function["Environment"]["Variables"]


@pytest.mark.parametrize("key", [("sealer", "awskms:alias/sealer"), ("root", "file:root.pem")])
def test_a_watched_key_is_one_of_the_channels_in_kms(new_stack: Callable[[], cdk.Stack], key: tuple[str, str]) -> None:
    with pytest.raises(InputError, match="watched_keys"):
        auditor(new_stack(), watched_keys=[key])


def test_it_runs_every_fifteen_minutes_and_failure_silence_and_findings_ring(governance: Template) -> None:
    rule = only(governance, "AWS::Events::Rule", starting="AuditorSchedule")["Properties"]
    assert rule["ScheduleExpression"] == "rate(15 minutes)"
    alarms = {
        name: item["Properties"]
        for name, item in resources(governance, "AWS::CloudWatch::Alarm").items()
        if name.startswith("Auditor")
    }
    silence = next(item for name, item in alarms.items() if name.startswith("AuditorSilence"))
    assert (silence["MetricName"], silence["TreatMissingData"]) == ("AuditedReleases", "breaching")
    findings = next(item for name, item in alarms.items() if name.startswith("AuditorFindings"))
    assert findings["MetricName"] == "AuditFindings"
    assert len(alarms) == 3


def test_without_a_sealer_there_is_neither(templates: dict[str, Template]) -> None:
    prod = templates["weighbridge-prod-governance"]
    assert not resources(prod, "AWS::Events::EventBus")
    assert not [name for name in resources(prod, "AWS::Lambda::Function") if name.startswith(("Ledger", "Auditor"))]


def test_a_former_sealers_key_is_read_and_signed_with_by_nobody(
    templates: dict[str, Template], new_stack: Callable[[], cdk.Stack], template_of: Callable[[cdk.Stack], Template]
) -> None:
    stack = new_stack()
    role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    key = "arn:aws:kms:eu-central-1:111111111111:key/old"
    grant_verifying(stack, "Former", uris=[f"awskms:{key}"], role=role)
    assert [(each["Action"], each["Resource"]) for _, each in statements(template_of(stack))] == [
        ("kms:GetPublicKey", key)
    ]
    functions = resources(templates["weighbridge-staging-governance"], "AWS::Lambda::Function")
    variables = [each["Properties"].get("Environment", {}).get("Variables", {}) for each in functions.values()]
    assert not [each for each in variables if "WEIGHBRIDGE_FORMER_SEALER_KEYS" in each]
