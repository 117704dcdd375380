"""Who may do what, in every template: nothing by wildcard that is not listed here, no secret anywhere."""

from __future__ import annotations

import re

import pytest
from template_view import Template, as_list, only, resources, statements, text

# Actions that know no resource-level permissions, or whose resources do not exist before the call.
ANY_RESOURCE = {
    "cloudtrail:LookupEvents",
    "cloudwatch:PutMetricData",
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
    "ec2:UnassignPrivateIpAddresses",
    "ecr:GetAuthorizationToken",
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
    "sagemaker:ListEndpoints",
    "sagemaker:ListInferenceComponents",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}


def test_no_statement_allows_every_action(templates: dict[str, Template]) -> None:
    for stack, template in templates.items():
        for policy, statement in statements(template):
            wild = [action for action in as_list(statement["Action"]) if "*" in action]
            assert not wild, f"{stack} {policy}: {wild}"


def test_any_resource_is_only_for_actions_that_know_none(templates: dict[str, Template]) -> None:
    for stack, template in templates.items():
        for policy, statement in statements(template):
            if "*" in as_list(statement["Resource"]):
                more = set(as_list(statement["Action"])) - ANY_RESOURCE
                assert not more, f"{stack} {policy}: {more}"


def test_containers_create_interfaces_in_their_own_subnets_only(inference: Template) -> None:
    found = [
        statement
        for policy, statement in statements(inference)
        if policy.startswith("EndpointExecutionRole") and "ec2:CreateNetworkInterface" in as_list(statement["Action"])
    ]
    assert len(found) == 1
    assert "*" not in as_list(found[0]["Resource"])
    assert len(found[0]["Resource"]) == 4, "any interface, two subnets, one security group"


def test_nobody_may_delete_what_is_remembered(templates: dict[str, Template]) -> None:
    forbidden = re.compile(r"(dynamodb|s3|secretsmanager|ssm|kms):(Delete|ScheduleKeyDeletion|Remove|Batch)")
    for template in templates.values():
        for policy, statement in statements(template):
            assert not [action for action in as_list(statement["Action"]) if forbidden.match(action)], policy


def test_only_the_watcher_writes_the_release_id(inference: Template) -> None:
    writers = {p for p, statement in statements(inference) if "ssm:PutParameter" in as_list(statement["Action"])}
    assert len(writers) == 1
    assert all(name.startswith("ReleaseWatcher") for name in writers)


def test_functions_may_describe_their_own_stack_and_no_other(inference: Template) -> None:
    found = {
        policy: (as_list(statement["Action"]), statement["Resource"])
        for policy, statement in statements(inference)
        if any(action.startswith("cloudformation:") for action in as_list(statement["Action"]))
    }
    assert len(found) == 2
    assert all(name.startswith(("EndpointAssertion", "ReleaseWatcher")) for name in found)
    assert all(rights == (["cloudformation:DescribeStacks"], {"Ref": "AWS::StackId"}) for rights in found.values())


def test_no_managed_policy_of_aws_is_attached(templates: dict[str, Template]) -> None:
    for template in templates.values():
        for role in resources(template, "AWS::IAM::Role").values():
            assert "iam::aws:policy" not in str(role["Properties"].get("ManagedPolicyArns", ""))


def test_roles_are_assumed_by_one_service_each(templates: dict[str, Template]) -> None:
    for template in templates.values():
        for role in resources(template, "AWS::IAM::Role").values():
            (statement,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
            assert set(statement["Principal"]) == {"Service"}


def test_a_service_assumes_a_role_for_this_account_alone(templates: dict[str, Template]) -> None:
    bound = set()
    for template in templates.values():
        for role in resources(template, "AWS::IAM::Role").values():
            (statement,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
            service = statement["Principal"].get("Service")
            # Lambda sends no SourceAccount, and a function runs in the account that its role is passed in.
            if service in ("lambda.amazonaws.com", "hooks.cloudformation.amazonaws.com", None):
                continue
            assert statement["Condition"]["StringEquals"]["aws:SourceAccount"] == {"Ref": "AWS::AccountId"}, service
            bound.add(service)
    assert bound >= {
        "events.amazonaws.com",
        "sagemaker.amazonaws.com",
        "states.amazonaws.com",
        "vpc-flow-logs.amazonaws.com",
    }


@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
def test_the_secret_is_created_without_a_value(templates: dict[str, Template], environment: str) -> None:
    secret = only(templates[f"weighbridge-{environment}-registry"], "AWS::SecretsManager::Secret")["Properties"]
    assert secret["Name"] == f"weighbridge/{environment}/artifactory-reader"
    assert "KmsKeyId" in secret
    assert not {"SecretString", "GenerateSecretString"} & set(secret)


def test_no_template_holds_or_resolves_a_secret(templates: dict[str, Template]) -> None:
    for stack, template in templates.items():
        assert not re.search(r"SecretString|\{\{resolve:|Bearer |eyJ|AKIA|X-JFrog", text(template)), stack


def test_no_template_names_an_image_by_hand(templates: dict[str, Template]) -> None:
    for name, template in templates.items():
        # What serves comes from the resolution; what registered models are to be served with is told to the registrar,
        # and what jobs run to the state machine that starts them.
        named = re.findall(r"amazonaws\.com/[^\"]+[:@][^\"]*", text(template))
        assert len(named) == (2 if name.endswith("-training") else 0), name
        assert all("@sha256:" in image for image in named)
