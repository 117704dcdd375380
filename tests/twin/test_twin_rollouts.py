"""Endpoints under CloudFormation: created, updated, quietly rolled back by SageMaker, and then by the stack."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
from twin_rollout_app import CIDR, ENDPOINT, INSTANCE_TYPE, MAXIMUM, MINIMUM, PARAMETER, STACK, synthesize

from local.aws.stacks import StackOutcome

pytestmark = pytest.mark.twin

PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class After:
    """What was seen after one deployment."""

    outcome: StackOutcome
    parameter: tuple[str, str]
    endpoint: Mapping[str, object]
    served: str
    models: tuple[str, ...]
    calls: tuple[dict[str, object], ...]
    scaled: tuple[tuple[int, int], ...]


class Rollouts:
    """Deploys the app of twin_rollout_app, again and again unchanged, and looks at what became of it."""

    def __init__(self, twin, folder: Path) -> None:
        self.twin = twin
        self.options = twin.aws.client_options()
        self.cdk = twin.cdk(folder / "cdk", app=str(synthesize(folder / "app", image=twin.image)))

    def deploy(self, version: str, *, instance_type: str = "ml.c6i.xlarge") -> After:
        ssm = boto3.client("ssm", **self.options)
        for name, value in ((PARAMETER, version), (INSTANCE_TYPE, instance_type)):
            ssm.put_parameter(Name=name, Value=value, Type="String", Overwrite=True)
        outcome = self.cdk.deploy(STACK).outcomes[STACK]
        assert outcome.outputs, outcome.failures
        return self.look(outcome)

    def look(self, outcome: StackOutcome) -> After:
        runtime = boto3.client("sagemaker-runtime", **self.options)
        cloudformation = boto3.client("cloudformation", **self.options)
        resources = cloudformation.describe_stack_resources(StackName=STACK)
        (parameter,) = [
            entry
            for entry in cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["Parameters"]
            if entry["ParameterKey"] == "Version"
        ]
        return After(
            outcome=outcome,
            parameter=(parameter["ParameterValue"], parameter["ResolvedValue"]),
            endpoint=boto3.client("sagemaker", **self.options).describe_endpoint(EndpointName=ENDPOINT),
            served=runtime.invoke_endpoint(EndpointName=ENDPOINT, Body=b"hello").get("CustomAttributes", ""),
            models=tuple(
                found["PhysicalResourceId"]
                for found in resources["StackResources"]
                if found["ResourceType"] == "AWS::SageMaker::Model"
            ),
            calls=self.calls(),
            scaled=self.scaled(),
        )

    def scaled(self) -> tuple[tuple[int, int], ...]:
        """Least and most instances of the variant, if its capacity follows the load."""
        scaling = boto3.client("application-autoscaling", **self.options)
        found = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
        assert len(scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]) == len(found)
        return tuple((each["MinCapacity"], each["MaxCapacity"]) for each in found)

    def calls(self) -> tuple[dict[str, object], ...]:
        """What the recorder got, oldest first, as its log in CloudWatch has it."""
        return tuple(json.loads(line) for line in self.lines(STACK) if line.startswith("{"))

    def lines(self, group: str) -> list[str]:
        logs = boto3.client("logs", **self.options)
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        return [event["message"].strip() for page in pages for event in page["events"]]

    def train(self, job: str) -> None:
        """Run a training job that does nothing."""
        s3 = boto3.client("s3", **self.options)
        if "twin-output" not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]:
            region = {"LocationConstraint": self.options["region_name"]}
            s3.create_bucket(Bucket="twin-output", CreateBucketConfiguration=region)
        boto3.client("sagemaker", **self.options).create_training_job(
            TrainingJobName=job,
            AlgorithmSpecification={"TrainingImage": self.twin.image, "TrainingInputMode": "File"},
            RoleArn="arn:aws:iam::000000000000:role/training",
            OutputDataConfig={"S3OutputPath": "s3://twin-output/jobs"},
            ResourceConfig={"InstanceType": "ml.c6i.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1},
            StoppingCondition={"MaxRuntimeInSeconds": 600},
        )

    def ended(self, job: str) -> list[dict[str, object]]:
        """What the recorder was told of a job's end."""
        found = [call for call in self.calls() if call.get("source") == "aws.sagemaker"]
        return [event for event in found if event["detail"]["TrainingJobName"] == job]

    def wait_for(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < deadline, "did not come about"
            time.sleep(0.1)


@pytest.fixture(scope="module")
def rollouts(twin, tmp_path_factory: pytest.TempPathFactory) -> Rollouts:
    return Rollouts(twin, tmp_path_factory.mktemp("rollouts"))


@pytest.fixture(scope="module")
def created(rollouts: Rollouts) -> After:
    return rollouts.deploy("1")


@pytest.fixture(scope="module")
def updated(rollouts: Rollouts, created: After) -> After:
    return rollouts.deploy("2", instance_type="ml.c6i.2xlarge")


@pytest.fixture(scope="module")
def refused(rollouts: Rollouts, updated: After) -> After:
    return rollouts.deploy("3:refuse", instance_type="ml.c6i.4xlarge")


def custom(after: After) -> list[tuple[str, str, str | None]]:
    """The custom resource's events: type, version, version before."""
    return [
        (
            str(call["RequestType"]),
            call["ResourceProperties"]["Version"],
            call.get("OldResourceProperties", {}).get("Version"),
        )
        for call in after.calls
        if "RequestType" in call
    ]


def test_a_stack_is_created_when_its_endpoint_serves(created):
    assert created.outcome.status == "CREATE_COMPLETE"
    assert created.endpoint["EndpointStatus"] == "InService"
    assert created.endpoint["EndpointConfigName"] == created.outcome.outputs["ConfigName"]
    assert created.outcome.outputs["Cidr"] == CIDR
    assert created.served == "1"


def test_a_custom_resource_whose_function_crashes_is_asked_again(created):
    assert custom(created) == [("Create", "1", None)] * 2
    assert len({call["RequestId"] for call in created.calls}) == 1


def test_a_containers_lines_are_in_the_endpoints_log_group(rollouts, created):
    assert "starting" in rollouts.lines(f"/aws/sagemaker/Endpoints/{ENDPOINT}")


def test_an_update_replaces_model_and_config_and_then_deletes_the_old_ones(rollouts, created, updated):
    assert updated.outcome.status == "UPDATE_COMPLETE"
    assert updated.endpoint["EndpointConfigName"] == updated.outcome.outputs["ConfigName"]
    assert updated.served == "2"
    assert created.outcome.outputs["ConfigName"] != updated.outcome.outputs["ConfigName"]
    assert created.models != updated.models
    sagemaker = boto3.client("sagemaker", **rollouts.options)
    with pytest.raises(sagemaker.exceptions.ClientError, match="Could not find"):
        sagemaker.describe_endpoint_config(EndpointConfigName=created.outcome.outputs["ConfigName"])
    assert custom(updated)[2:] == [("Update", "2", "1")]


def test_a_rollout_that_sagemaker_takes_back_fails_at_the_assertion(rollouts, updated, refused):
    failures = {event.logical_id: event for event in refused.outcome.failures}
    assert refused.outcome.status == "UPDATE_ROLLBACK_COMPLETE"
    assert [event.resource_type for event in failures.values()] == ["Custom::WeighbridgeEndpointAssertion"]
    assert updated.outcome.outputs["ConfigName"] in next(iter(failures.values())).reason
    endpoint = [event.status for event in refused.outcome.events if event.logical_id == "Endpoint"]
    assert endpoint[:2] == ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"]
    assert any("refused.integrity" in line for line in rollouts.lines(f"/aws/sagemaker/Endpoints/{ENDPOINT}"))


def test_after_the_rollback_everything_is_as_it_was(rollouts, updated, refused):
    assert refused.endpoint["EndpointStatus"] == "InService"
    assert refused.endpoint["EndpointConfigName"] == updated.outcome.outputs["ConfigName"]
    assert refused.served == "2"
    assert refused.parameter == updated.parameter == (PARAMETER, "2")
    assert refused.models == updated.models
    assert custom(refused)[3:] == [("Update", "3:refuse", "2"), ("Update", "2", "3:refuse")]
    configs = {event.physical_id for event in refused.outcome.events if event.logical_id == "Config"}
    assert len({name for name in configs if name}) == 2
    deleted = [event for event in refused.outcome.events if event.status == "DELETE_COMPLETE"]
    assert {event.logical_id for event in deleted} == {"Config", "Model"}


def test_capacity_follows_the_load_but_for_a_change_of_the_instance_type(rollouts, created, updated, refused):
    sagemaker = boto3.client("sagemaker", **rollouts.options)
    config = sagemaker.describe_endpoint_config(EndpointConfigName=updated.outcome.outputs["ConfigName"])
    assert config["ProductionVariants"][0]["InstanceType"] == "ml.c6i.2xlarge"
    assert created.scaled == updated.scaled == ((MINIMUM, MAXIMUM),)
    rollouts.wait_for(lambda: rollouts.scaled() == ((MINIMUM, MAXIMUM),))


def test_while_capacity_follows_the_load_the_instance_type_stays(rollouts, updated, refused):
    rollouts.wait_for(rollouts.scaled)
    sagemaker = boto3.client("sagemaker", **rollouts.options)
    serving = sagemaker.describe_endpoint_config(EndpointConfigName=updated.outcome.outputs["ConfigName"])
    (variant,) = serving["ProductionVariants"]
    variant = {**variant, "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(EndpointConfigName="twin-other-type", ProductionVariants=[variant])
    with pytest.raises(sagemaker.exceptions.ClientError, match="deregistered as scalable target"):
        sagemaker.update_endpoint(EndpointName=ENDPOINT, EndpointConfigName="twin-other-type")
    sagemaker.delete_endpoint_config(EndpointConfigName="twin-other-type")


def test_the_rollback_is_an_event_that_calls_its_target(rollouts, refused):
    def told() -> list[dict[str, object]]:
        return [call for call in rollouts.calls() if call.get("source") == "aws.cloudformation"]

    rollouts.wait_for(told)
    (event,) = told()
    assert event["detail-type"] == "CloudFormation Stack Status Change"
    assert event["detail"]["status-details"]["status"] == "UPDATE_ROLLBACK_COMPLETE"
    assert f":stack/{STACK}/" in event["detail"]["stack-id"]


def test_the_end_of_a_training_job_is_an_event_that_calls_its_target(rollouts, created):
    rollouts.train("twin-job")
    rollouts.wait_for(lambda: rollouts.ended("twin-job"))
    (event,) = rollouts.ended("twin-job")
    assert event["detail"]["TrainingJobStatus"] == "Completed"
    assert event["resources"] == [event["detail"]["TrainingJobArn"]]


def test_an_event_whose_function_fails_is_brought_three_times(rollouts, created):
    rollouts.train("twin-repeated")
    rollouts.wait_for(lambda: len(rollouts.ended("twin-repeated")) == 3)
    assert len({event["id"] for event in rollouts.ended("twin-repeated")}) == 1


def test_a_stack_that_is_destroyed_leaves_no_endpoint(rollouts, refused):
    """Runs last in this file: it takes away what the others look at."""
    assert rollouts.cdk.destroy(STACK).outcomes[STACK].status == "DELETE_COMPLETE"
    assert boto3.client("sagemaker", **rollouts.options).list_endpoints()["Endpoints"] == []
    assert rollouts.scaled() == ()
