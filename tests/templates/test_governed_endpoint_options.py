"""What a GovernedEndpoint can be given besides: each clean under cdk-nag, each refusing what cannot be."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import aws_cdk as cdk
import pytest
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from template_view import Template, as_list, only, resources

from weighbridge.errors import InputError
from weighbridge.names import Digest
from weighbridge.rollout import VariantCapacity
from weighbridge_cdk import (
    ArtifactoryConnection,
    ChannelPin,
    GovernedEndpoint,
    PrivateNetwork,
    PromotedModel,
    ReleaseCache,
    Repositories,
    Rollout,
    Server,
)

NewStack = Callable[[], cdk.Stack]
TemplateOf = Callable[[cdk.Stack], Template]


def governed(
    stack: cdk.Stack,
    *,
    image_cuda: str | None = None,
    zones: Sequence[str] = ("eu-central-1a", "eu-central-1b"),
    **options: object,
) -> GovernedEndpoint:
    model = PromotedModel(
        stack,
        "Promoted",
        model_name="minilm",
        release_id=f"1@{Digest.of(b'promotion')}",
        instance_type="ml.g5.xlarge",
        image_cuda=image_cuda,
        channel=ChannelPin(name="prod", root_digest=Digest.of(b"root")),
        connection=ArtifactoryConnection(
            stack,
            "Artifactory",
            url="https://registry.example.com/artifactory",
            repositories=Repositories(models="models", records="records"),
        ),
    )
    network = PrivateNetwork(stack, "Network", cidr="10.1.0.0/20", availability_zones=list(zones))
    return GovernedEndpoint(
        stack,
        "Endpoint",
        endpoint_name="minilm",
        model=model,
        placement=network.placement,
        **options,  # type: ignore[arg-type]
    )


def test_capacity_follows_the_load_and_is_out_of_the_way_of_a_new_instance_type(
    new_stack: NewStack, template_of: TemplateOf
) -> None:
    stack = new_stack()
    governed(stack).add_autoscaling(minimum=2, maximum=8, concurrency=4)
    template = template_of(stack)
    (pause_id,) = resources(template, "Custom::WeighbridgeScalingPause")
    (endpoint_id,) = resources(template, "AWS::SageMaker::Endpoint")
    pause, target = (only(template, f"Custom::WeighbridgeScaling{kind}") for kind in ("Pause", ""))
    endpoint = only(template, "AWS::SageMaker::Endpoint")
    assert pause_id in endpoint["DependsOn"]
    assert endpoint_id not in json.dumps(pause)
    (assertion_id,) = resources(template, "Custom::WeighbridgeEndpointAssertion")
    assert {endpoint_id, assertion_id} <= set(target["DependsOn"])
    capacity = {
        "EndpointName": "minilm",
        "VariantName": "primary",
        "Minimum": 2,
        "Maximum": 8,
        "Metric": "SageMakerVariantConcurrentRequestsPerModelHighResolution",
        "Target": 4,
    }
    for resource in (pause, target):
        properties = resource["Properties"]
        assert capacity.items() <= properties.items()
        assert properties["InstanceType"] == "ml.g5.xlarge"
    assert target["Properties"]["EndpointConfigName"] == endpoint["Properties"]["EndpointConfigName"]
    assert endpoint["Properties"]["RetainAllVariantProperties"] is True
    rule = only(template, "AWS::Events::Rule")["Properties"]
    assert rule["EventPattern"]["detail"]["stack-id"] == [{"Ref": "AWS::StackId"}]
    assert "UPDATE_ROLLBACK_COMPLETE" in rule["EventPattern"]["detail"]["status-details"]["status"]
    held = json.loads(rule["Targets"][0]["Input"])["Hold"]
    assert VariantCapacity.of(held) == VariantCapacity.of(target["Properties"])
    assert not resources(template, "AWS::ApplicationAutoScaling::ScalableTarget"), "CloudFormation would hold it, too"


def test_the_scaler_may_touch_variants_and_their_alarms_alone(new_stack: NewStack, template_of: TemplateOf) -> None:
    stack = new_stack()
    governed(stack).add_autoscaling(minimum=2, maximum=8, concurrency=4)
    template = template_of(stack)
    (policy,) = [
        found for name, found in resources(template, "AWS::IAM::Policy").items() if "AutoscalingScaling" in name
    ]
    found = policy["Properties"]["PolicyDocument"]["Statement"]
    assert all("*" not in action for each in found for action in as_list(each["Action"]))
    assert all(each["Resource"] != "*" for each in found)
    assert found[0]["Condition"]["StringEquals"] == {
        "application-autoscaling:service-namespace": "sagemaker",
        "application-autoscaling:scalable-dimension": "sagemaker:variant:DesiredInstanceCount",
    }
    (linked,) = [each for each in found if each["Action"] == "iam:CreateServiceLinkedRole"]
    assert linked["Condition"] == {
        "StringEquals": {"iam:AWSServiceName": "sagemaker.application-autoscaling.amazonaws.com"}
    }


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"minimum": 3, "maximum": 2, "concurrency": 1}, "3 to 2 instances"),
        ({"minimum": 2, "maximum": 2}, "one of concurrency"),
        ({"minimum": 2, "maximum": 2, "concurrency": 1, "invocations_per_minute": 1}, "one of concurrency"),
        ({"minimum": 2, "maximum": 2, "concurrency": 0}, "target of 0"),
        ({"minimum": 1, "maximum": 2, "concurrency": 1}, "canary_instances: 1 of 1 instances"),
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
        (Server(environment={"OPTION_TRUST_REMOTE_CODE": "true"}), "remote code"),
        (Server(environment={"OPTION_MODEL_ID": "org/other"}), "only /opt/ml/model holds what was verified"),
        (Server(environment={"SM_VLLM_MODEL": "org/other"}), "only /opt/ml/model holds what was verified"),
        (Server(command=("serve", "x" * 1100)), "SageMaker takes 1024"),
    ],
)
def test_a_server_that_may_not_run_is_refused(new_stack: NewStack, server: Server, words: str) -> None:
    with pytest.raises(InputError, match=words):
        governed(new_stack()).add_server(server)


def test_lmi_takes_nothing_that_lies_beside_the_weights_for_its_entry_point() -> None:
    environment = Server.lmi(tensor_parallel_size=2).container_environment()
    assert environment["OPTION_ENTRYPOINT"] == "djl_python.lmi_vllm.vllm_async_service"
    assert (environment["OPTION_MODEL_ID"], environment["OPTION_TENSOR_PARALLEL_DEGREE"]) == ("/opt/ml/model", "2")


def test_the_image_is_matched_to_its_host_by_what_it_was_built_with(
    new_stack: NewStack, template_of: TemplateOf
) -> None:
    stack = new_stack()
    governed(stack, image_cuda="12.8")
    template = template_of(stack)
    assert only(template, "Custom::WeighbridgePromotedModel")["Properties"]["ImageCuda"] == "12.8"
    (variant,) = only(template, "AWS::SageMaker::EndpointConfig")["Properties"]["ProductionVariants"]
    assert variant["InferenceAmiVersion"]["Fn::GetAtt"][1] == "InferenceAmiVersion"
    assert variant["ContainerStartupHealthCheckTimeoutInSeconds"]["Fn::GetAtt"][1] == "StartupTimeoutSeconds"
    assert "VolumeSizeInGB" not in variant, "g5 brings its own disks"
    assert variant["EnableSSMAccess"] is False


def test_several_instances_in_one_zone_are_refused(new_stack: NewStack) -> None:
    with pytest.raises(InputError, match="one subnet for 2 instances"):
        governed(new_stack(), zones=["eu-central-1a"])
    governed(new_stack(), zones=["eu-central-1a"], instance_count=1)


def test_a_cache_is_for_the_containers_of_its_model_alone(new_stack: NewStack, template_of: TemplateOf) -> None:
    stack = new_stack()
    endpoint = governed(stack)
    cache = ReleaseCache(stack, "Cache", days=7, encryption_key=endpoint.encryption_key)
    endpoint.add_cache(cache)
    with pytest.raises(InputError, match="has a cache already"):
        endpoint.add_cache(cache)
    with pytest.raises(InputError, match="days: 1 is too few"):
        ReleaseCache(stack, "Short", days=1)
    template = template_of(stack)
    (name,) = [each for each in resources(template, "AWS::S3::Bucket") if each.startswith("Cache")]
    bucket = template["Resources"][name]["Properties"]
    environment = only(template, "AWS::SageMaker::Model")["Properties"]["PrimaryContainer"]["Environment"]
    assert environment["WEIGHBRIDGE_CACHE_BUCKET"] == {"Ref": name}
    (encryption,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert "VersioningConfiguration" not in bucket
    rules = {
        rule["Id"]: (rule.get("Prefix"), rule["ExpirationInDays"]) for rule in bucket["LifecycleConfiguration"]["Rules"]
    }
    assert rules == {"everything": (None, 7), "leases": ("leases/", 1)}
    (policy,) = [
        each["Properties"]["PolicyDocument"]["Statement"]
        for each in resources(template, "AWS::S3::BucketPolicy").values()
        if each["Properties"]["Bucket"] == {"Ref": name}
    ]
    assert {each["Effect"] for each in policy} == {"Deny"}
    assert any(each.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}} for each in policy)
    (alone,) = [each for each in policy if each.get("Sid") == "ObjectsAreForContainersAlone"]
    role = only(template, "AWS::SageMaker::Model")["Properties"]["ExecutionRoleArn"]
    assert alone["Condition"] == {"ArnNotEquals": {"aws:PrincipalArn": [role]}}
    assert {"s3:GetObject", "s3:PutObject"} <= set(alone["Action"])


def test_the_stack_can_be_protected(new_stack: NewStack) -> None:
    stack = new_stack()
    endpoint = governed(stack)
    assert not stack.termination_protection
    endpoint.add_termination_protection()
    assert stack.termination_protection
