"""What a GovernedEndpoint can be given besides: each clean under cdk-nag, each refusing what cannot be."""

from __future__ import annotations

import json
from collections.abc import Callable

import aws_cdk as cdk
import pytest
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from template_view import Template, only, resources

from weighbridge.errors import InputError
from weighbridge.names import Digest
from weighbridge_cdk import (
    ArtifactoryConnection,
    ChannelPin,
    GovernedEndpoint,
    PrivateNetwork,
    PromotedModel,
    Repositories,
    Rollout,
    Server,
)

NewStack = Callable[[], cdk.Stack]
TemplateOf = Callable[[cdk.Stack], Template]


def governed(stack: cdk.Stack, **options: object) -> GovernedEndpoint:
    model = PromotedModel(
        stack,
        "Promoted",
        model_name="minilm",
        release_id=f"1@{Digest.of(b'promotion')}",
        instance_type="ml.g5.xlarge",
        channel=ChannelPin(name="prod", root_digest=Digest.of(b"root")),
        connection=ArtifactoryConnection(
            stack,
            "Artifactory",
            url="https://registry.example.com/artifactory",
            repositories=Repositories(models="models", records="records"),
        ),
    )
    network = PrivateNetwork(
        stack, "Network", cidr="10.1.0.0/20", availability_zones=["eu-central-1a", "eu-central-1b"]
    )
    return GovernedEndpoint(
        stack,
        "Endpoint",
        endpoint_name="minilm",
        model=model,
        placement=network.placement,
        **options,  # type: ignore[arg-type]
    )


def test_capacity_follows_the_load(new_stack: NewStack, template_of: TemplateOf) -> None:
    stack = new_stack()
    governed(stack).add_autoscaling(minimum=2, maximum=8, concurrency=4)
    template = template_of(stack)
    target = only(template, "AWS::ApplicationAutoScaling::ScalableTarget")
    assert target["Properties"]["ResourceId"] == "endpoint/minilm/variant/primary"
    assert (target["Properties"]["MinCapacity"], target["Properties"]["MaxCapacity"]) == (2, 8)
    assert target["DependsOn"] == list(resources(template, "AWS::SageMaker::Endpoint"))
    policy = only(template, "AWS::ApplicationAutoScaling::ScalingPolicy")["Properties"]
    configuration = policy["TargetTrackingScalingPolicyConfiguration"]
    assert configuration == {
        "PredefinedMetricSpecification": {
            "PredefinedMetricType": "SageMakerVariantConcurrentRequestsPerModelHighResolution"
        },
        "TargetValue": 4,
    }
    assert only(template, "AWS::SageMaker::Endpoint")["Properties"]["RetainAllVariantProperties"] is True


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"minimum": 3, "maximum": 2, "concurrency": 1}, "3 to 2 instances"),
        ({"minimum": 1, "maximum": 2}, "one of concurrency"),
        ({"minimum": 1, "maximum": 2, "concurrency": 1, "invocations_per_minute": 1}, "one of concurrency"),
        ({"minimum": 1, "maximum": 2, "concurrency": 0}, "target of 0"),
    ],
)
def test_capacity_that_cannot_be_is_refused(new_stack: NewStack, options: dict[str, int], words: str) -> None:
    with pytest.raises(InputError, match=words):
        governed(new_stack()).add_autoscaling(**options)


def test_captured_requests_are_encrypted_and_nothing_else_may_be_written(
    new_stack: NewStack, template_of: TemplateOf
) -> None:
    stack = new_stack()
    bucket = s3.Bucket.from_bucket_name(stack, "Captures", "captures")
    key = kms.Key.from_key_arn(stack, "Key", "arn:aws:kms:eu-central-1:111111111111:key/abcd")
    endpoint = governed(stack)
    endpoint.add_data_capture(bucket=bucket, key=key, percentage=10)
    with pytest.raises(InputError, match="percentage: 0"):
        endpoint.add_data_capture(bucket=bucket, key=key, percentage=0)
    template = template_of(stack)
    capture = only(template, "AWS::SageMaker::EndpointConfig")["Properties"]["DataCaptureConfig"]
    assert capture["DestinationS3Uri"] == "s3://captures/capture"
    assert (capture["InitialSamplingPercentage"], capture["KmsKeyId"]) == (10, key.key_arn)
    (policy,) = [
        found for name, found in resources(template, "AWS::IAM::Policy").items() if "ExecutionRoleCapture" in name
    ]
    actions = [each["Action"] for each in policy["Properties"]["PolicyDocument"]["Statement"]]
    assert actions == ["s3:PutObject", ["kms:Encrypt", "kms:GenerateDataKey"]]
    assert "captures/capture/*" in json.dumps(policy)


def test_traffic_moves_in_equal_steps(new_stack: NewStack, template_of: TemplateOf) -> None:
    stack = new_stack()
    rollout = Rollout(canary_instances=None, linear_instances=1, wait_seconds=600)
    governed(stack, instance_count=4, rollout=rollout)
    deployment = only(template_of(stack), "AWS::SageMaker::Endpoint")["Properties"]["DeploymentConfig"]
    policy = deployment["BlueGreenUpdatePolicy"]
    assert policy["TrafficRoutingConfiguration"] == {
        "Type": "LINEAR",
        "LinearStepSize": {"Type": "INSTANCE_COUNT", "Value": 1},
        "WaitIntervalInSeconds": 600,
    }
    assert policy["MaximumExecutionTimeoutInSeconds"] == 7200 + 4 * 600 + 120


@pytest.mark.parametrize(
    ("rollout", "words"),
    [
        (Rollout(canary_instances=1, linear_instances=1), "canary_instances is given too"),
        (Rollout(canary_instances=None, linear_instances=6), "at most half"),
        (Rollout(canary_instances=None, linear_instances=1, wait_seconds=3600), "may take 43,320 s"),
    ],
)
def test_a_rollout_that_cannot_be_is_refused(new_stack: NewStack, rollout: Rollout, words: str) -> None:
    with pytest.raises(InputError, match=words):
        governed(new_stack(), instance_count=10, rollout=rollout)


def test_a_server_goes_into_the_container(new_stack: NewStack, template_of: TemplateOf) -> None:
    stack = new_stack()
    endpoint = governed(stack)
    endpoint.add_server(Server.vllm(tensor_parallel_size=4, options=("--max-model-len", "8192")))
    with pytest.raises(InputError, match="has a server already"):
        endpoint.add_server(Server())
    environment = only(template_of(stack), "AWS::SageMaker::Model")["Properties"]["PrimaryContainer"]["Environment"]
    assert json.loads(environment["WEIGHBRIDGE_SERVER_COMMAND"]) == [
        "vllm", "serve", "{model}", "--port", "{port}", "--tensor-parallel-size", "4", "--max-model-len", "8192",
    ]  # fmt: skip
    assert "WEIGHBRIDGE_RELEASE" in environment


@pytest.mark.parametrize(
    ("server", "words"),
    [
        (Server.vllm(options=("--trust-remote-code",)), "remote code"),
        (Server(environment={"SM_VLLM_TRUST_REMOTE_CODE": "true"}), "remote code"),
        (Server(environment={"WEIGHBRIDGE_ROOT": "sha256:0"}), "does not reach the server"),
        (Server(environment={"VLLM_API_KEY": "x"}), "does not reach the server"),
        (Server(command=("serve", "x" * 1100)), "SageMaker takes 1024"),
    ],
)
def test_a_server_that_may_not_run_is_refused(new_stack: NewStack, server: Server, words: str) -> None:
    with pytest.raises(InputError, match=words):
        governed(new_stack()).add_server(server)


def test_the_stack_can_be_protected(new_stack: NewStack) -> None:
    stack = new_stack()
    endpoint = governed(stack)
    assert not stack.termination_protection
    endpoint.add_termination_protection()
    assert stack.termination_protection
