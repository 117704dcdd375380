"""The inference stack: what is served comes from the resolution alone, and a rollout can be taken back."""

from __future__ import annotations

import pytest
from template_view import Template, logical_id, only, resources, text

CONTAINER_ENVIRONMENT = {
    "WEIGHBRIDGE_CHANNEL",
    "WEIGHBRIDGE_FLOOR",
    "WEIGHBRIDGE_MODELS_REPOSITORY",
    "WEIGHBRIDGE_PROMOTION",
    "WEIGHBRIDGE_RECORDS_REPOSITORY",
    "WEIGHBRIDGE_REGISTRY_URL",
    "WEIGHBRIDGE_RELEASE",
    "WEIGHBRIDGE_ROOT",
    "WEIGHBRIDGE_TOKEN_SECRET_ID",
}
RESOLVER_ENVIRONMENT = {
    "WEIGHBRIDGE_ACCEPTANCE_TABLE",
    "WEIGHBRIDGE_CHANNEL",
    "WEIGHBRIDGE_METADATA_BUCKET",
    "WEIGHBRIDGE_MODELS_REPOSITORY",
    "WEIGHBRIDGE_RECORDS_REPOSITORY",
    "WEIGHBRIDGE_REGISTRY_URL",
    "WEIGHBRIDGE_ROOT",
    "WEIGHBRIDGE_TOKEN_SECRET_ID",
}


def attribute(template: Template, name: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [logical_id(template, "Custom::WeighbridgePromotedModel"), name]}


def config_name(template: Template) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [logical_id(template, "AWS::SageMaker::EndpointConfig"), "EndpointConfigName"]}


def test_the_release_id_is_read_from_ssm_at_every_deployment(inference: Template) -> None:
    parameter = inference["Parameters"]["ReleaseId"]
    assert parameter["Type"] == "AWS::SSM::Parameter::Value<String>"
    assert parameter["Default"] == "/weighbridge/prod/minilm/release-id"
    resource = only(inference, "Custom::WeighbridgePromotedModel")
    assert resource["Properties"]["ReleaseId"] == {"Ref": "ReleaseId"}


def test_the_parameter_is_seeded_outside_of_every_template(templates: dict[str, Template]) -> None:
    parameters = [
        each for template in templates.values() for each in resources(template, "AWS::SSM::Parameter").values()
    ]
    assert not [each for each in parameters if "release-id" in str(each["Properties"]["Name"])]


def test_the_custom_resource_asks_for_exactly_one_release(inference: Template) -> None:
    properties = dict(only(inference, "Custom::WeighbridgePromotedModel")["Properties"])
    service = properties.pop("ServiceToken")
    assert service == {"Fn::GetAtt": [logical_id(inference, "AWS::Lambda::Function", starting="PromotedModel"), "Arn"]}
    assert int(properties.pop("ServiceTimeout")) <= 900
    assert properties == {
        "ModelName": "minilm",
        "ReleaseId": {"Ref": "ReleaseId"},
        "InstanceType": "ml.c6i.xlarge",
    }


def test_the_custom_resource_keeps_its_rights_for_delete(inference: Template) -> None:
    depends = only(inference, "Custom::WeighbridgePromotedModel")["DependsOn"]
    policies = {name for name in resources(inference, "AWS::IAM::Policy") if name.startswith("PromotedModelResolver")}
    assert policies
    assert policies <= set(depends)


def test_the_image_comes_from_the_resolution(inference: Template) -> None:
    container = only(inference, "AWS::SageMaker::Model")["Properties"]["PrimaryContainer"]
    assert container["Image"] == attribute(inference, "ImageUri")
    assert set(container) == {"Image", "Environment"}


def test_the_container_gets_what_it_verifies_with(inference: Template) -> None:
    environment = only(inference, "AWS::SageMaker::Model")["Properties"]["PrimaryContainer"]["Environment"]
    assert set(environment) == CONTAINER_ENVIRONMENT
    assert environment["WEIGHBRIDGE_RELEASE"] == attribute(inference, "ReleaseReference")
    assert environment["WEIGHBRIDGE_FLOOR"] == attribute(inference, "Floor")
    assert environment["WEIGHBRIDGE_PROMOTION"] == {"Ref": "ReleaseId"}
    assert environment["WEIGHBRIDGE_CHANNEL"] == "prod"
    assert environment["WEIGHBRIDGE_ROOT"].startswith("sha256:")
    assert "Fn::ImportValue" in environment["WEIGHBRIDGE_TOKEN_SECRET_ID"]


def test_the_resolver_gets_what_it_resolves_with(inference: Template) -> None:
    function = only(inference, "AWS::Lambda::Function", starting="PromotedModel")["Properties"]
    assert set(function["Environment"]["Variables"]) == RESOLVER_ENVIRONMENT
    assert function["VpcConfig"]["SubnetIds"]


@pytest.mark.parametrize("starting", ["PromotedModel", "EndpointAssertion", "ReleaseWatcher"])
def test_functions_share_runtime_layer_and_bounds(inference: Template, starting: str) -> None:
    function = only(inference, "AWS::Lambda::Function", starting=starting)["Properties"]
    assert function["Runtime"] == "python3.13"
    assert function["Architectures"] == ["x86_64"]
    assert function["Handler"] == "handler.handler"
    assert function["Layers"] == [{"Ref": logical_id(inference, "AWS::Lambda::LayerVersion")}]
    assert function["Timeout"] <= 840
    group = only(inference, "AWS::Logs::LogGroup", starting=starting)
    assert group["Properties"]["RetentionInDays"] == 365


def test_the_assertion_needs_no_environment(inference: Template) -> None:
    assert "Environment" not in only(inference, "AWS::Lambda::Function", starting="EndpointAssertion")["Properties"]


def test_the_assertion_follows_the_endpoint(inference: Template) -> None:
    assertion = only(inference, "Custom::WeighbridgeEndpointAssertion")
    assert logical_id(inference, "AWS::SageMaker::Endpoint") in assertion["DependsOn"]
    properties = assertion["Properties"]
    assert properties["EndpointName"] == "weighbridge-prod-minilm"
    assert properties["EndpointConfigName"] == config_name(inference)
    assert properties["ReleaseDigest"] == attribute(inference, "ReleaseDigest")


def test_a_rollout_is_blue_green_with_a_canary_and_taken_back_by_alarms(inference: Template) -> None:
    endpoint = only(inference, "AWS::SageMaker::Endpoint")["Properties"]
    assert endpoint["EndpointConfigName"] == config_name(inference)
    assert endpoint["RetainAllVariantProperties"] is True
    deployment = endpoint["DeploymentConfig"]
    policy = deployment["BlueGreenUpdatePolicy"]
    routing = policy["TrafficRoutingConfiguration"]
    assert routing == {
        "Type": "CANARY",
        "CanarySize": {"Type": "INSTANCE_COUNT", "Value": 1},
        "WaitIntervalInSeconds": 300,
    }
    waits = routing["WaitIntervalInSeconds"] + policy["TerminationWaitInSeconds"]
    assert waits + 2 * 3600 < policy["MaximumExecutionTimeoutInSeconds"] <= 28800
    alarms = [alarm["AlarmName"] for alarm in deployment["AutoRollbackConfiguration"]["Alarms"]]
    assert alarms == [
        {"Ref": logical_id(inference, "AWS::CloudWatch::Alarm", starting=f"Endpoint{name}")}
        for name in ("ServerErrors", "Latency")
    ]


def test_a_single_instance_switches_all_at_once(templates: dict[str, Template]) -> None:
    endpoint = only(templates["weighbridge-dev-inference-minilm"], "AWS::SageMaker::Endpoint")["Properties"]
    routing = endpoint["DeploymentConfig"]["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
    assert routing == {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 300}


def test_only_what_must_name_each_other_has_a_name(inference: Template) -> None:
    assert only(inference, "AWS::SageMaker::Endpoint")["Properties"]["EndpointName"] == "weighbridge-prod-minilm"
    assert "ModelName" not in only(inference, "AWS::SageMaker::Model")["Properties"]
    assert "EndpointConfigName" not in only(inference, "AWS::SageMaker::EndpointConfig")["Properties"]
    names = {
        kind: [key for each in resources(inference, kind).values() for key in each["Properties"] if key == prop]
        for kind, prop in (("AWS::Lambda::Function", "FunctionName"), ("AWS::IAM::Role", "RoleName"))
    }
    assert not any(names.values())


def test_alarms_watch_the_endpoint_by_name_so_that_nothing_is_circular(inference: Template) -> None:
    found = resources(inference, "AWS::CloudWatch::Alarm")
    alarms = {name: each for name, each in found.items() if name.startswith("Endpoint")}
    assert {each["Properties"]["AlarmName"] for each in alarms.values()} == {
        "weighbridge-prod-minilm-ServerErrors",
        "weighbridge-prod-minilm-Latency",
    }
    for each in alarms.values():
        dimensions = {entry["Name"]: entry["Value"] for entry in each["Properties"]["Dimensions"]}
        assert dimensions == {"EndpointName": "weighbridge-prod-minilm", "VariantName": "primary"}
    latency = only(inference, "AWS::CloudWatch::Alarm", starting="EndpointLatency")["Properties"]
    assert latency["MetricName"] == "ModelLatency"
    assert latency["Threshold"] == 5_000_000, "ModelLatency is in microseconds"


def test_an_alarm_of_the_resolution_rings(inference: Template) -> None:
    alarm = only(inference, "AWS::CloudWatch::Alarm", starting="PromotedModel")["Properties"]
    assert (alarm["Namespace"], alarm["MetricName"], alarm["Statistic"]) == ("weighbridge", "ResolutionAlarms", "Sum")
    dimensions = {entry["Name"]: entry["Value"] for entry in alarm["Dimensions"]}
    assert dimensions == {"Channel": "prod", "Model": "minilm"}
    assert (alarm["Threshold"], alarm["TreatMissingData"]) == (1, "notBreaching")


def test_the_instance_is_fitted_by_the_resolution(inference: Template) -> None:
    config = only(inference, "AWS::SageMaker::EndpointConfig")["Properties"]
    (variant,) = config["ProductionVariants"]
    assert variant["ContainerStartupHealthCheckTimeoutInSeconds"] == attribute(inference, "StartupTimeoutSeconds")
    assert variant["VolumeSizeInGB"] == attribute(inference, "VolumeSizeInGB")
    assert "InferenceAmiVersion" not in variant, "a CPU instance has no accelerator image"
    assert variant["EnableSSMAccess"] is False
    assert "KmsKeyId" in config


def test_the_watcher_listens_to_its_own_stack_alone(inference: Template) -> None:
    rule = only(inference, "AWS::Events::Rule")["Properties"]
    assert rule["EventPattern"]["detail"] == {
        "stack-id": [{"Ref": "AWS::StackId"}],
        "status-details": {"status": ["UPDATE_ROLLBACK_COMPLETE"]},
    }
    variables = only(inference, "AWS::Lambda::Function", starting="ReleaseWatcher")["Properties"]["Environment"]
    assert variables["Variables"]["WEIGHBRIDGE_RELEASE_PARAMETER"] == "/weighbridge/prod/minilm/release-id"


def test_environments_differ_in_settings_only(templates: dict[str, Template]) -> None:
    staging, prod = (templates[f"weighbridge-{name}-inference-minilm"] for name in ("staging", "prod"))
    kinds = [sorted(each["Type"] for each in template["Resources"].values()) for template in (staging, prod)]
    assert kinds[0] == kinds[1]
    assert "333333333333" not in text(staging)
    assert "222222222222" not in text(prod)
