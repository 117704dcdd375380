"""An endpoint whose model is an inference component: the guarantees of GovernedEndpoint, and a way down to zero and back."""

from __future__ import annotations

import graphlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
import yaml
from template_view import Template, as_list, only, resources

from stacks import EnvironmentStage
from stacks.serving import server_of
from weighbridge.errors import InputError
from weighbridge.names import Digest
from weighbridge.settings import ServerSettings, load_settings
from weighbridge_cdk import (
    ArtifactoryConnection,
    ChannelPin,
    Copies,
    GovernedInferenceComponent,
    GovernedModelChecks,
    PrivateNetwork,
    PromotedModel,
    ReleaseCache,
    Repositories,
    Server,
)

NewStack = Callable[[], cdk.Stack]
TemplateOf = Callable[[cdk.Stack], Template]
TOPIC = "arn:aws:sns:eu-central-1:333333333333:alarms"
ROOT = Path(__file__).resolve().parents[2]


def component(
    stack: cdk.Stack,
    *,
    instance_type: str = "ml.g5.12xlarge",
    zones: Sequence[str] = ("eu-central-1a", "eu-central-1b"),
    **options: object,
) -> GovernedInferenceComponent:
    model = PromotedModel(
        stack,
        "Promoted",
        model_name="minilm",
        release_id=f"1@{Digest.of(b'promotion')}",
        instance_type=instance_type,
        channel=ChannelPin(name="prod", root_digest=Digest.of(b"root")),
        connection=ArtifactoryConnection(
            stack,
            "Artifactory",
            url="https://registry.example.com/artifactory",
            repositories=Repositories(models="models", records="records"),
        ),
    )
    network = PrivateNetwork(stack, "Network", cidr="10.1.0.0/20", availability_zones=list(zones))
    return GovernedInferenceComponent(
        stack,
        "Endpoint",
        endpoint_name="minilm",
        model=model,
        placement=network.placement,
        **options,  # type: ignore[arg-type]
    )


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """One component with everything, under cdk-nag and GovernedModelChecks."""
    import cdk_nag

    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    out = tmp_path_factory.mktemp("component")
    app = cdk.App(outdir=str(out), analytics_reporting=False, builtin_cloud_formation_validation=False, context=context)
    stack = cdk.Stack(app, "Alone")
    found = component(stack, copies=Copies(maximum=4, instances=2, accelerators=2, memory_mb=2048), wait_seconds=600)
    found.add_server(Server.vllm(tensor_parallel_size=2))
    found.add_cache(ReleaseCache(stack, "Cache"))
    cdk.Validations.of(app).add_plugins(cdk_nag.AwsSolutionsChecks(), GovernedModelChecks())
    app.synth()
    read: Template = json.loads((out / "Alone.template.json").read_text())
    return read


def test_the_model_is_the_releases_in_the_vpc(template: Template) -> None:
    model = only(template, "AWS::SageMaker::Model")["Properties"]
    assert model["PrimaryContainer"]["Image"]["Fn::GetAtt"][1] == "ImageUri"
    environment = model["PrimaryContainer"]["Environment"]
    assert {"WEIGHBRIDGE_RELEASE", "WEIGHBRIDGE_CACHE_BUCKET", "WEIGHBRIDGE_SERVER_COMMAND"} <= set(environment)
    config = only(template, "AWS::SageMaker::EndpointConfig")["Properties"]
    assert config["VpcConfig"] == model["VpcConfig"]
    assert config["ExecutionRoleArn"] == model["ExecutionRoleArn"]
    specification = only(template, "AWS::SageMaker::InferenceComponent")["Properties"]["Specification"]
    (model_id,) = resources(template, "AWS::SageMaker::Model")
    assert specification["ModelName"] == {"Fn::GetAtt": [model_id, "ModelName"]}
    assert "Container" not in specification
    assert specification["StartupParameters"]["ContainerStartupHealthCheckTimeoutInSeconds"]["Fn::GetAtt"][1] == (
        "StartupTimeoutSeconds"
    )


def test_instances_go_down_to_none(template: Template) -> None:
    (variant,) = only(template, "AWS::SageMaker::EndpointConfig")["Properties"]["ProductionVariants"]
    assert "ModelName" not in variant
    assert variant["ManagedInstanceScaling"] == {"Status": "ENABLED", "MinInstanceCount": 0, "MaxInstanceCount": 2}
    assert variant["EnableSSMAccess"] is False
    target = only(template, "AWS::ApplicationAutoScaling::ScalableTarget")
    assert target["Properties"]["ResourceId"] == "inference-component/minilm"
    assert (target["Properties"]["MinCapacity"], target["Properties"]["MaxCapacity"]) == (0, 4)
    assert target["DependsOn"] == list(resources(template, "AWS::SageMaker::InferenceComponent"))


def test_a_request_that_finds_no_copy_wakes_one(template: Template) -> None:
    policies = resources(template, "AWS::ApplicationAutoScaling::ScalingPolicy")
    kinds = {found["Properties"]["PolicyType"]: name for name, found in policies.items()}
    assert set(kinds) == {"TargetTrackingScaling", "StepScaling"}
    step = policies[kinds["StepScaling"]]["Properties"]["StepScalingPolicyConfiguration"]
    assert step["StepAdjustments"] == [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}]
    (alarm,) = [
        found["Properties"]
        for found in resources(template, "AWS::CloudWatch::Alarm").values()
        if found["Properties"].get("MetricName") == "NoCapacityInvocationFailures"
    ]
    assert alarm["AlarmActions"] == [{"Ref": kinds["StepScaling"]}]
    assert alarm["Dimensions"] == [{"Name": "InferenceComponentName", "Value": "minilm"}]
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (1, "GreaterThanOrEqualToThreshold")


def test_copies_are_replaced_one_by_one_and_taken_back_by_alarms(template: Template) -> None:
    properties = only(template, "AWS::SageMaker::InferenceComponent")["Properties"]
    policy = properties["DeploymentConfig"]["RollingUpdatePolicy"]
    assert policy["MaximumBatchSize"] == {"Type": "COPY_COUNT", "Value": 1}
    assert policy["WaitIntervalInSeconds"] == 600
    assert 600 <= policy["MaximumExecutionTimeoutInSeconds"] <= 28_800
    alarms = properties["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]
    names = {
        found["Properties"]["AlarmName"]
        for found in resources(template, "AWS::CloudWatch::Alarm").values()
        if "AlarmName" in found["Properties"]
    }
    assert len(alarms) == 2
    assert properties["RuntimeConfig"] == {"CopyCount": 1}, "a deployment starts a copy"
    assert names >= {"minilm-NoCapacity"}


def test_the_assertion_follows_the_component(template: Template) -> None:
    assertion = only(template, "Custom::WeighbridgeEndpointAssertion")
    (component_id,) = resources(template, "AWS::SageMaker::InferenceComponent")
    assert component_id in assertion["DependsOn"]
    assert assertion["Properties"]["ComponentName"] == "minilm"
    (model_id,) = resources(template, "AWS::SageMaker::Model")
    assert assertion["Properties"]["ComponentModelName"] == {"Fn::GetAtt": [model_id, "ModelName"]}
    allowed = [
        each
        for found in resources(template, "AWS::IAM::Policy").values()
        for each in found["Properties"]["PolicyDocument"]["Statement"]
        if "sagemaker:DescribeInferenceComponent" in as_list(each["Action"])
    ]
    assert len(allowed) == 1
    assert "inference-component/minilm" in json.dumps(allowed[0]["Resource"])


def test_the_container_may_write_the_components_log(template: Template) -> None:
    text = json.dumps(resources(template, "AWS::IAM::Policy"))
    assert "/aws/sagemaker/InferenceComponents/minilm" in text


def test_who_keeps_a_copy_needs_no_wake(new_stack: NewStack) -> None:
    found = component(new_stack(), copies=Copies(minimum=2, maximum=4, instances=2, accelerators=1))
    assert found.scaling.no_capacity is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"copies": Copies(minimum=2, maximum=1, accelerators=1)}, "copies: 2 to 1 cannot be"),
        ({"copies": Copies(maximum=0, accelerators=1)}, "copies: 0 to 0 cannot be"),
        ({"copies": Copies(memory_mb=64, accelerators=1)}, "memory_mb: 64 is too few"),
        ({"copies": Copies()}, "accelerators: is missing"),
        ({"copies": Copies(accelerators=5)}, "accelerators: 5 for a copy, but ml.g5.12xlarge has 4"),
        ({"copies": Copies(accelerators=1), "instance_type": "ml.c6i.xlarge"}, "accelerators: 1 for a copy"),
        ({"instance_type": "ml.none"}, "instance_type: 'ml.none'"),
        ({"wait_seconds": 4000}, "wait_seconds: 4000"),
        ({"copies": Copies(instances=2, accelerators=1), "zones": ["eu-central-1a"]}, "one subnet for 2 instances"),
    ],
)
def test_what_cannot_be_is_refused(new_stack: NewStack, options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        component(new_stack(), **options)


@pytest.mark.parametrize(
    ("settings", "server"),
    [
        (
            ServerSettings("vllm", tensor_parallel_size=2, options=("--x",)),
            Server.vllm(tensor_parallel_size=2, options=("--x",)),
        ),
        (ServerSettings("lmi", tensor_parallel_size=2), Server.lmi(tensor_parallel_size=2)),
        (ServerSettings("hugging_face", task="fill-mask"), Server.hugging_face(task="fill-mask")),
        (
            ServerSettings("custom", command=("serve", "{model}"), environment={"OMP_NUM_THREADS": "2"}),
            Server(command=("serve", "{model}"), environment={"OMP_NUM_THREADS": "2"}),
        ),
    ],
)
def test_settings_name_each_kind_of_server(settings: ServerSettings, server: Server) -> None:
    assert server_of(settings) == server


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Template]:
    """Two models of prod whose settings ask for everything."""
    document = yaml.safe_load((ROOT / "environments" / "prod.yaml").read_text())
    capture = {"bucket": "captures", "key_arn": "arn:aws:kms:eu-central-1:333333333333:key/abcd", "percentage": 5}
    document["cache"] = {"days": 9}
    document["alarm_topic"] = TOPIC
    document["models"] = [
        {
            "name": "steady",
            "endpoint": {
                "instance_type": "ml.g5.12xlarge",
                "instance_count": 4,
                "cuda": "12.8",
                "rollout": {"linear_instances": 1},
                "autoscaling": {"minimum": 4, "maximum": 8, "concurrency": 3},
                "data_capture": capture,
                "server": {"kind": "vllm", "tensor_parallel_size": 4},
                "termination_protection": True,
            },
        },
        {"name": "rare", "endpoint": {"instance_type": "ml.g5.xlarge", "inference_component": {"accelerators": 1}}},
    ]
    folder = tmp_path_factory.mktemp("served")
    (folder / "prod.yaml").write_text(yaml.safe_dump(document))
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = cdk.App(
        outdir=str(folder / "out"), analytics_reporting=False, builtin_cloud_formation_validation=False, context=context
    )
    EnvironmentStage(app, settings=load_settings(folder / "prod.yaml"))
    import cdk_nag

    cdk.Validations.of(app).add_plugins(cdk_nag.AwsSolutionsChecks(), GovernedModelChecks())
    assembly = app.synth().get_nested_assembly("assembly-weighbridge-prod")
    return {
        name: assembly.get_stack_by_name(f"weighbridge-prod-inference-{name}").template for name in ("steady", "rare")
    }


def test_settings_reach_the_endpoint(served: dict[str, Template]) -> None:
    template = served["steady"]
    assert only(template, "Custom::WeighbridgePromotedModel")["Properties"]["ImageCuda"] == "12.8"
    deployment = only(template, "AWS::SageMaker::Endpoint")["Properties"]["DeploymentConfig"]
    assert deployment["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]["Type"] == "LINEAR"
    scaling = only(template, "Custom::WeighbridgeScaling")["Properties"]
    assert (scaling["Minimum"], scaling["Maximum"], scaling["Target"]) == (4, 8, 3)
    told = [
        each for each in resources(template, "AWS::CloudWatch::Alarm").values() if "AlarmActions" in each["Properties"]
    ]
    assert len(told) == 5, "of the resolution, of the scaling, and three of the dashboard"
    assert all(each["Properties"]["AlarmActions"] == [TOPIC] for each in told)
    capture = only(template, "AWS::SageMaker::EndpointConfig")["Properties"]["DataCaptureConfig"]
    assert (capture["DestinationS3Uri"], capture["InitialSamplingPercentage"]) == ("s3://captures/capture", 5)
    environment = only(template, "AWS::SageMaker::Model")["Properties"]["PrimaryContainer"]["Environment"]
    assert "vllm" in environment["WEIGHBRIDGE_SERVER_COMMAND"]
    (bucket,) = resources(template, "AWS::S3::Bucket")
    assert environment["WEIGHBRIDGE_CACHE_BUCKET"] == {"Ref": bucket}


def test_settings_reach_the_component(served: dict[str, Template]) -> None:
    template = served["rare"]
    properties = only(template, "AWS::SageMaker::InferenceComponent")["Properties"]
    assert properties["Specification"]["ComputeResourceRequirements"] == {
        "MinMemoryRequiredInMb": 1024,
        "NumberOfAcceleratorDevicesRequired": 1,
    }
    assert resources(template, "AWS::S3::Bucket")
    assert not resources(template, "Custom::WeighbridgeScaling")


def names_in(value: object) -> set[str]:
    """Every logical id that a value refers to."""
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]}:
            return {name}
        case dict():
            return {name for part in value.values() for name in names_in(part)}
        case list():
            return {name for part in value for name in names_in(part)}
        case _:
            return set()


def order_of(template: Template) -> list[str]:
    """Logical ids in an order in which CloudFormation may create them; graphlib.CycleError when there is none."""
    found = template["Resources"]
    graph = {
        each: (names_in(body.get("Properties")) | set(as_list(body.get("DependsOn", [])))) & set(found)
        for each, body in found.items()
    }
    return list(graphlib.TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("name", ["steady", "rare"])
def test_resources_wait_for_each_other_in_no_circle(served: dict[str, Template], name: str) -> None:
    assert set(order_of(served[name])) == set(served[name]["Resources"])


def test_what_stops_the_endpoint_from_changing_is_gone_before_it_changes(served: dict[str, Template]) -> None:
    order = order_of(served["steady"])
    (pause,), (endpoint,), (target,) = (
        list(resources(served["steady"], kind))
        for kind in ("Custom::WeighbridgeScalingPause", "AWS::SageMaker::Endpoint", "Custom::WeighbridgeScaling")
    )
    assert order.index(pause) < order.index(endpoint) < order.index(target)
