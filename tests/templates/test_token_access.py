"""Rotation and image credentials: the function's rights, and that no template holds a token."""

from __future__ import annotations

import json
from collections.abc import Callable

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from template_view import Template

from weighbridge.names import Digest
from weighbridge.registry import IamOrigin
from weighbridge_cdk import (
    ArtifactoryConnection,
    ChannelPin,
    GovernedEndpoint,
    PrivateNetwork,
    PromotedModel,
    RegistryCredentials,
    Repositories,
    TokenRotation,
)

CANARY = "canary-token-3f1c"


def connected(stack: cdk.Stack, **options: object) -> ArtifactoryConnection:
    return ArtifactoryConnection(
        stack,
        "Artifactory",
        url="https://registry.example.com/artifactory",
        repositories=Repositories(models="models", records="records"),
        **options,  # type: ignore[arg-type]
    )


def of_type(template: Template, kind: str) -> list[dict[str, object]]:
    return [entry["Properties"] for entry in template["Resources"].values() if entry["Type"] == kind]


def test_a_rotated_secret_passes_the_checks_without_an_exception(
    new_stack: Callable[[], cdk.Stack], template_of: Callable[[cdk.Stack], Template]
) -> None:
    stack = new_stack()
    TokenRotation(stack, "Rotation", connection=connected(stack, rotated=True), days=30)
    template = template_of(stack)
    (schedule,) = of_type(template, "AWS::SecretsManager::RotationSchedule")
    assert (schedule["RotateImmediatelyOnUpdate"], schedule["RotationRules"]) == (
        False,
        {"ScheduleExpression": "rate(30 days)"},
    )
    permissions = {entry["Principal"]: entry for entry in of_type(template, "AWS::Lambda::Permission")}
    assert set(permissions) == {"secretsmanager.amazonaws.com", "events.amazonaws.com"}
    assert permissions["secretsmanager.amazonaws.com"]["SourceAccount"] == {"Ref": "AWS::AccountId"}
    (policy,) = of_type(template, "AWS::SecretsManager::ResourcePolicy")
    assert (policy["BlockPublicPolicy"], '"Deny"' in json.dumps(policy)) == (True, True)
    (function,) = of_type(template, "AWS::Lambda::Function")
    variables = function["Environment"]["Variables"]  # type: ignore[index]
    assert variables["WEIGHBRIDGE_TOKEN_EXPIRES_IN"] == str(61 * 86_400)
    assert variables["WEIGHBRIDGE_TOKEN_GRACE_SECONDS"] == str(24 * 3600)
    (rule,) = of_type(template, "AWS::Events::Rule")
    assert (rule["ScheduleExpression"], rule["Targets"][0]["Input"]) == ("rate(1 hour)", '{"Upkeep":"token"}')  # type: ignore[index]
    alarms = {entry["MetricName"]: entry for entry in of_type(template, "AWS::CloudWatch::Alarm")}
    assert (alarms["Errors"]["Threshold"], alarms["TokenAgeHours"]["Threshold"]) == (1, 32 * 24)
    assert alarms["TokenAgeHours"]["TreatMissingData"] == "breaching"
    dimension = alarms["TokenAgeHours"]["Dimensions"][0]  # type: ignore[index]
    assert dimension == {"Name": "Secret", "Value": variables["WEIGHBRIDGE_TOKEN_SECRET_ID"]}


def test_a_grace_that_lasts_until_the_next_rotation_is_refused(new_stack: Callable[[], cdk.Stack]) -> None:
    stack = new_stack()
    with pytest.raises(ValueError, match="grace: 172800 seconds"):
        TokenRotation(stack, "Rotation", connection=connected(stack, rotated=True), days=2, grace=cdk.Duration.days(2))


def test_every_secret_is_closed_to_other_accounts(
    new_stack: Callable[[], cdk.Stack], template_of: Callable[[cdk.Stack], Template]
) -> None:
    stack = new_stack()
    connected(stack)
    template = template_of(stack)
    (policy,) = of_type(template, "AWS::SecretsManager::ResourcePolicy")
    (statement,) = policy["ResourcePolicy"]["Statement"]  # type: ignore[index]
    assert (statement["Effect"], statement["Principal"]) == ("Deny", {"AWS": "*"})
    assert statement["Condition"] == {"StringNotEquals": {"aws:PrincipalAccount": {"Ref": "AWS::AccountId"}}}
    (secret,) = of_type(template, "AWS::SecretsManager::Secret")
    assert set(secret["KmsKeyId"]) == {"Fn::GetAtt"}  # type: ignore[arg-type]


def test_a_rotation_needs_a_secret(new_stack: Callable[[], cdk.Stack]) -> None:
    stack = new_stack()
    with pytest.raises(ValueError, match="has no secret"):
        TokenRotation(stack, "Rotation", connection=connected(stack, iam_exchange=IamOrigin()))


def test_only_granted_roles_may_ask_for_image_credentials(
    new_stack: Callable[[], cdk.Stack], template_of: Callable[[cdk.Stack], Template]
) -> None:
    stack = new_stack()
    credentials = RegistryCredentials(stack, "Images", connection=connected(stack), username="image-reader")
    role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
    credentials.grant_use(role)
    template = template_of(stack)
    assert not of_type(template, "AWS::Lambda::Permission")
    invoking = [
        text for text in map(json.dumps, of_type(template, "AWS::IAM::Policy")) if "lambda:InvokeFunction" in text
    ]
    assert len(invoking) == 1
    config = stack.resolve(credentials.image_config())
    assert config["repositoryAccessMode"] == "Vpc"


def test_an_endpoint_pulls_its_image_with_the_credentials(
    new_stack: Callable[[], cdk.Stack], template_of: Callable[[cdk.Stack], Template]
) -> None:
    stack = new_stack()
    connection = connected(stack)
    network = PrivateNetwork(stack, "Network", cidr="10.0.0.0/16", availability_zones=["eu-central-1a"])
    model = PromotedModel(
        stack,
        "Model",
        model_name="minilm",
        release_id=f"1@{Digest.of(b'promotion')}",
        instance_type="ml.g5.xlarge",
        channel=ChannelPin(name="prod", root_digest=Digest.of(b"root")),
        connection=connection,
    )
    credentials = RegistryCredentials(stack, "Images", connection=connection, username="image-reader")
    GovernedEndpoint(
        stack, "Endpoint", endpoint_name="minilm", model=model, placement=network.placement,
        instance_count=1, image_registry_credentials=credentials,
    )  # fmt: skip
    template = template_of(stack)
    (served,) = of_type(template, "AWS::SageMaker::Model")
    config = served["PrimaryContainer"]["ImageConfig"]  # type: ignore[index]
    assert config["RepositoryAccessMode"] == "Vpc"
    arn = json.dumps(config["RepositoryAuthConfig"]["RepositoryCredentialsProviderArn"])
    policies = map(json.dumps, of_type(template, "AWS::IAM::Policy"))
    assert [text for text in policies if "lambda:InvokeFunction" in text and arn in text]


def test_no_template_holds_a_token_that_the_synth_could_see(
    new_stack: Callable[[], cdk.Stack],
    template_of: Callable[[cdk.Stack], Template],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("JF_ACCESS_TOKEN", "HF_TOKEN", "WEIGHBRIDGE_TOKEN_READER"):
        monkeypatch.setenv(name, CANARY)
    stack = new_stack()
    connection = connected(stack, rotated=True)
    TokenRotation(stack, "Rotation", connection=connection)
    RegistryCredentials(stack, "Images", connection=connection, username="image-reader")
    text = json.dumps(template_of(stack))
    assert CANARY not in text
    assert '"SecretString"' not in text
