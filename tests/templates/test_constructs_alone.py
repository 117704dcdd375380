"""Each construct works alone, in a stack without account and region, and passes cdk-nag there."""

from __future__ import annotations

import re
import typing
from collections.abc import Callable

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_ssm as ssm
from template_view import Template, as_list, only, resources, statements, text

import weighbridge_cdk
from constructs import Construct
from tools.synthesis import ROOT
from weighbridge.errors import InputError
from weighbridge.names import Digest
from weighbridge.registry import IamOrigin
from weighbridge_cdk import (
    ArtifactoryConnection,
    ChannelPin,
    GovernedEndpoint,
    PrivateNetwork,
    PromotedModel,
    ReleaseWatcher,
    Repositories,
    ResolutionRecords,
    Rollout,
)
from weighbridge_cdk.acknowledgements import ACKNOWLEDGEMENTS

NewStack = Callable[[], cdk.Stack]
TemplateOf = Callable[[cdk.Stack], Template]
ROOT_DIGEST = Digest.of(b"root")
RELEASE_ID = f"1@{Digest.of(b'promotion')}"


def connection(stack: cdk.Stack) -> ArtifactoryConnection:
    return ArtifactoryConnection(
        stack,
        "Artifactory",
        url="https://registry.example.com/artifactory",
        repositories=Repositories(models="models", records="records"),
    )


def promoted(stack: cdk.Stack, *, instance_type: str = "ml.g5.xlarge", name: str = "minilm") -> PromotedModel:
    return PromotedModel(
        stack,
        "Promoted",
        model_name=name,
        release_id=RELEASE_ID,
        instance_type=instance_type,
        channel=ChannelPin(name="prod", root_digest=ROOT_DIGEST),
        connection=connection(stack),
    )


def network(stack: cdk.Stack) -> PrivateNetwork:
    return PrivateNetwork(
        stack, "Network", cidr="10.1.0.0/20", availability_zones=["eu-central-1a", "eu-central-1b", "eu-central-1c"]
    )


def endpoint(stack: cdk.Stack, **options: object) -> GovernedEndpoint:
    return GovernedEndpoint(
        stack,
        "Endpoint",
        endpoint_name="Minilm",
        model=promoted(stack, instance_type=str(options.pop("instance_type", "ml.g5.xlarge"))),
        placement=network(stack).placement,
        **options,  # type: ignore[arg-type]
    )


def test_a_connection_takes_an_existing_secret(new_stack: NewStack, template_of: TemplateOf) -> None:
    stack = new_stack()
    secret = secretsmanager.Secret.from_secret_complete_arn(
        stack, "Secret", "arn:aws:secretsmanager:eu-central-1:111111111111:secret:reader-AbCdEf"
    )
    found = ArtifactoryConnection(
        stack,
        "Artifactory",
        url="https://registry.example.com/artifactory",
        repositories=Repositories(models="models", records="records"),
        secret=secret,
    )
    user = iam.Role(stack, "User", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    found.grant_read(user)
    template = template_of(stack)
    assert not resources(template, "AWS::SecretsManager::Secret")
    assert not resources(template, "AWS::KMS::Key")
    ((_, statement),) = statements(template)
    assert statement["Resource"] == secret.secret_arn


def test_a_connection_refuses_two_secrets(new_stack: NewStack) -> None:
    stack = new_stack()
    secret = secretsmanager.Secret.from_secret_name_v2(stack, "Secret", "reader")
    with pytest.raises(ValueError, match="secret or secret_name"):
        ArtifactoryConnection(
            stack,
            "Artifactory",
            url="https://registry.example.com/artifactory",
            repositories=Repositories(models="models", records="records"),
            secret=secret,
            secret_name="other",
        )


def exchanged(stack: cdk.Stack) -> ArtifactoryConnection:
    return ArtifactoryConnection(
        stack,
        "Exchanged",
        url="https://registry.example.com/artifactory",
        repositories=Repositories(models="models", records="records"),
        iam_exchange=IamOrigin(region="eu-central-1", expires_in=1800),
    )


def test_a_connection_by_exchange_has_no_secret_and_gives_no_right(
    new_stack: NewStack, template_of: TemplateOf
) -> None:
    stack = new_stack()
    found = exchanged(stack)
    found.grant_read(iam.Role(stack, "User", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com")))
    template = template_of(stack)
    assert {entry["Type"] for entry in template["Resources"].values()} == {"AWS::IAM::Role"}
    assert dict(found.token_variables()) == {
        "WEIGHBRIDGE_TOKEN_IAM": "1",
        "WEIGHBRIDGE_TOKEN_IAM_EXPIRES_IN": "1800",
        "WEIGHBRIDGE_TOKEN_IAM_REGION": "eu-central-1",
    }


def test_a_role_with_a_path_cannot_be_exchanged(new_stack: NewStack) -> None:
    stack = new_stack()
    role = iam.Role(stack, "User", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"), path="/service-role/")
    with pytest.raises(InputError, match=r"Alone/User: the role's path '/service-role/'.*create it without a path"):
        exchanged(stack).grant_read(role)


def test_the_environment_of_a_connection_holds_an_id_and_no_secret(new_stack: NewStack) -> None:
    stack = new_stack()
    found = connection(stack)
    assert set(found.environment()) == {
        "WEIGHBRIDGE_REGISTRY_URL",
        "WEIGHBRIDGE_MODELS_REPOSITORY",
        "WEIGHBRIDGE_RECORDS_REPOSITORY",
        "WEIGHBRIDGE_TOKEN_SECRET_ID",
    }
    token = stack.resolve(found.environment()["WEIGHBRIDGE_TOKEN_SECRET_ID"])
    assert set(token) == {"Ref"}


def test_a_promoted_model_brings_its_records(new_stack: NewStack, template_of: TemplateOf) -> None:
    stack = new_stack()
    model = promoted(stack)
    cdk.CfnOutput(stack, "Version", value=model.version)
    cdk.CfnOutput(stack, "Bytes", value=model.weights_bytes)
    cdk.CfnOutput(stack, "Sequence", value=model.promotion_sequence)
    cdk.CfnOutput(stack, "When", value=model.promoted_at)
    template = template_of(stack)
    assert len(resources(template, "AWS::DynamoDB::Table")) == 1
    assert len(resources(template, "AWS::S3::Bucket")) == 1
    attributes = [each["Value"]["Fn::GetAtt"][1] for each in template["Outputs"].values()]
    assert attributes == ["Version", "WeightsBytes", "PromotionSequence", "PromotedAt"]
    assert "VpcConfig" not in only(template, "AWS::Lambda::Function")["Properties"]


def test_a_promoted_model_refuses_a_bad_name(new_stack: NewStack) -> None:
    with pytest.raises(InputError, match="model_name: 'a b' is not a legal name"):
        promoted(new_stack(), name="a b")


def test_two_models_share_records_and_layer(new_stack: NewStack, template_of: TemplateOf) -> None:
    stack = new_stack()
    records, registry = ResolutionRecords(stack, "Records"), connection(stack)
    for name in ("first", "second"):
        PromotedModel(
            stack,
            name,
            model_name=name,
            release_id=RELEASE_ID,
            instance_type="ml.g5.xlarge",
            channel=ChannelPin(name="prod", root_digest=ROOT_DIGEST),
            connection=registry,
            records=records,
        )
    template = template_of(stack)
    assert len(resources(template, "AWS::Lambda::LayerVersion")) == 1
    assert len(resources(template, "AWS::DynamoDB::Table")) == 1
    assert len(resources(template, "Custom::WeighbridgePromotedModel")) == 2


def test_an_accelerated_instance_gets_its_driver_and_no_volume(new_stack: NewStack, template_of: TemplateOf) -> None:
    stack = new_stack()
    endpoint(stack, image_repositories=["763104351884.dkr.ecr.eu-central-1.amazonaws.com/vllm"])
    template = template_of(stack)
    (variant,) = only(template, "AWS::SageMaker::EndpointConfig")["Properties"]["ProductionVariants"]
    assert variant["InferenceAmiVersion"]["Fn::GetAtt"][1] == "InferenceAmiVersion"
    assert "VolumeSizeInGB" not in variant, "SageMaker refuses a size for instances with disks of their own"
    pulls = [s for _, s in statements(template) if "ecr:BatchGetImage" in as_list(s["Action"])]
    assert len(pulls) == 1
    assert "ecr:eu-central-1:763104351884:repository/vllm" in str(pulls[0]["Resource"])


def test_an_endpoint_without_repositories_may_pull_nothing(new_stack: NewStack, template_of: TemplateOf) -> None:
    stack = new_stack()
    endpoint(stack)
    assert "ecr:" not in text(template_of(stack))


def test_own_alarms_take_a_rollout_back_too(new_stack: NewStack, template_of: TemplateOf) -> None:
    stack = new_stack()
    found = endpoint(stack)
    metric = found.metric("Invocations", statistic="Sum")
    alarm = cloudwatch.Alarm(stack, "Silence", metric=metric, threshold=1, evaluation_periods=3, alarm_name="silence")
    found.add_alarm(alarm)
    template = template_of(stack)
    alarms = only(template, "AWS::SageMaker::Endpoint")["Properties"]["DeploymentConfig"]["AutoRollbackConfiguration"]
    assert len(alarms["Alarms"]) == 3
    looks = [s for _, s in statements(template) if "cloudwatch:DescribeAlarms" in as_list(s["Action"])]
    assert sum(len(as_list(statement["Resource"])) for statement in looks) == 3


def test_an_eleventh_alarm_is_refused(new_stack: NewStack) -> None:
    stack = new_stack()
    found = endpoint(stack)
    alarm = cloudwatch.Alarm.from_alarm_arn(stack, "Own", "arn:aws:cloudwatch:eu-central-1:111111111111:alarm:own")
    for _ in range(8):
        found.add_alarm(alarm)
    with pytest.raises(InputError, match="Minilm: more than 10 alarms"):
        found.add_alarm(alarm)


def test_invoking_is_granted_on_the_endpoint_alone(new_stack: NewStack, template_of: TemplateOf) -> None:
    stack = new_stack()
    user = iam.Role(stack, "User", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    endpoint(stack).grant_invoke(user)
    granted = [s for _, s in statements(template_of(stack)) if "sagemaker:InvokeEndpoint" in as_list(s["Action"])]
    assert len(granted) == 1
    assert str(granted[0]["Resource"]).endswith(":endpoint/minilm']]}"), "ARNs of endpoints are in lower case"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"instance_type": "ml.g5.huge"}, "'ml.g5.huge' is not an instance type"),
        ({"instance_count": 0}, "instance_count: 0 is too few"),
        (
            {"instance_count": 1, "rollout": Rollout(canary_instances=1)},
            "1 of 1 instances: SageMaker takes at most half",
        ),
        ({"image_repositories": ["vllm:latest"]}, "'vllm:latest' is not an ECR repository"),
    ],
)
def test_what_sagemaker_would_refuse_is_refused_at_synth(
    new_stack: NewStack, options: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        endpoint(new_stack(), **options)


def test_a_network_takes_the_registrys_private_link(new_stack: NewStack, template_of: TemplateOf) -> None:
    stack = new_stack()
    found = network(stack)
    found.add_registry_service(
        "com.amazonaws.vpce.eu-central-1.vpce-svc-0123456789abcdef0", host="registry.example.com"
    )
    template = template_of(stack)
    services = [each["Properties"]["ServiceName"] for each in resources(template, "AWS::EC2::VPCEndpoint").values()]
    assert "com.amazonaws.vpce.eu-central-1.vpce-svc-0123456789abcdef0" in services
    assert len(resources(template, "AWS::EC2::Subnet")) == 3
    zone, record = only(template, "AWS::Route53::HostedZone"), only(template, "AWS::Route53::RecordSet")
    assert zone["Properties"]["Name"] == record["Properties"]["Name"] == "registry.example.com."
    assert "AliasTarget" in record["Properties"]


@pytest.mark.parametrize("zones", [0, 9])
def test_a_network_needs_one_to_eight_zones(new_stack: NewStack, zones: int) -> None:
    with pytest.raises(InputError, match=f"{zones} zones: give 1 to 8"):
        PrivateNetwork(new_stack(), "Network", cidr="10.1.0.0/20", availability_zones=["eu-central-1a"] * zones)


def test_the_example_of_the_documentation_works(template_of: TemplateOf, new_stack: NewStack) -> None:
    text_of_page = (ROOT / "docs" / "constructs.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text_of_page, flags=re.DOTALL)
    names: dict[str, typing.Any] = {}
    exec(compile(example, "docs/constructs.md", "exec"), names)
    app = new_stack().node.root
    template = template_of(names["Sentences"](app, root_digest=ROOT_DIGEST))
    assert only(template, "AWS::SageMaker::Endpoint")["Properties"]["EndpointName"] == "sentences-minilm"


def test_the_documentation_names_every_construct_and_attribute() -> None:
    text_of_page = (ROOT / "docs" / "constructs.md").read_text(encoding="utf-8")
    exported = {
        name
        for name in weighbridge_cdk.__all__
        if isinstance(getattr(weighbridge_cdk, name), type) and issubclass(getattr(weighbridge_cdk, name), Construct)
    }
    plugins = {"GovernedModelChecks"}
    assert set(re.findall(r"^\| `([A-Z][A-Za-z]+)` \|", text_of_page, flags=re.MULTILINE)) == exported | plugins
    properties = {name for name, value in vars(PromotedModel).items() if isinstance(value, property)}
    assert set(re.findall(r"^\| `([a-z_]+)` \|", text_of_page, flags=re.MULTILINE)) == properties


def test_every_acknowledgement_is_used() -> None:
    code = "".join(
        path.read_text(encoding="utf-8")
        for path in (ROOT / "constructs" / "weighbridge_cdk").glob("*.py")
        if path.name != "acknowledgements.py"
    )
    assert [name for name in ACKNOWLEDGEMENTS if f'"{name}"' not in code] == []
    assert all(len(entry.reason) > 40 for entry in ACKNOWLEDGEMENTS.values())


def test_a_watcher_works_alone(new_stack: NewStack, template_of: TemplateOf) -> None:
    stack = new_stack()
    ReleaseWatcher(
        stack,
        "Watcher",
        channel_name="prod",
        model_name="minilm",
        release_parameter=ssm.StringParameter.from_string_parameter_name(stack, "Parameter", "/a/release-id"),
        records=ResolutionRecords(stack, "Records"),
    )
    template = template_of(stack)
    assert only(template, "AWS::Lambda::Permission")["Properties"]["Principal"] == "events.amazonaws.com"
