"""The capacity of an endpoint around rollouts: never registered while the instance type changes, always at rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from cloudformation_caller import Context, ResponseBucket
from fake_session import FakeBoto3
from moto import mock_aws

from lambdas.endpoint_scaling import handler as scaling
from weighbridge.errors import CloudError, InputError

CAPACITY: dict[str, object] = {
    "EndpointName": "minilm",
    "VariantName": "primary",
    "Minimum": "2",
    "Maximum": "8",
    "Metric": "SageMakerVariantConcurrentRequestsPerModelHighResolution",
    "Target": "4",
}
OLD, NEW = "Config-old", "Config-new"


class Endpoint:
    """SageMaker with one endpoint on `config`, and Application Auto Scaling that objects as AWS does."""

    def __init__(self) -> None:
        self.config = OLD

    def describe_endpoint(self, *, EndpointName: str) -> dict[str, Any]:  # noqa: N803
        return {"EndpointName": EndpointName, "EndpointStatus": "InService", "EndpointConfigName": self.config}


class Deployment:
    """A stack's operations on the two resources and the endpoint between them, in CloudFormation's order."""

    def __init__(self, bucket: ResponseBucket, endpoint: Endpoint) -> None:
        self._bucket = bucket
        self.endpoint = endpoint
        self.client: Any = boto3.client("application-autoscaling", region_name="eu-central-1")

    def registered(self) -> list[tuple[int, int]]:
        found = self.client.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
        return [(each["MinCapacity"], each["MaxCapacity"]) for each in found]

    def policies(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.describe_scaling_policies(ServiceNamespace="sagemaker")[
            "ScalingPolicies"
        ]
        return found

    def call(
        self, kind: str, request: str, properties: dict[str, object], old: dict[str, object] | None = None
    ) -> dict[str, Any]:
        event = self._bucket.event(
            request, {**CAPACITY, **properties}, old=None if old is None else {**CAPACITY, **old}
        )
        scaling.handler({**event, "ResourceType": f"Custom::WeighbridgeScaling{kind}"}, Context())
        return dict(self._bucket.last)

    def pause(self, *, before: str, after: str) -> dict[str, Any]:
        return self.call("Pause", "Update", {"InstanceType": after}, {"InstanceType": before})

    def settle(self, config: str, request: str = "Update", **properties: object) -> dict[str, Any]:
        return self.call("", request, {"EndpointConfigName": config, **properties})


@pytest.fixture
def deployment(bucket: ResponseBucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    endpoint = Endpoint()
    monkeypatch.setattr(scaling, "boto3", FakeBoto3({"sagemaker": endpoint}))
    with mock_aws():
        yield Deployment(bucket, endpoint)


@pytest.fixture
def running(deployment: Deployment) -> Deployment:
    """A stack that was created: capacity is held."""
    assert deployment.call("Pause", "Create", {"InstanceType": "ml.g5.xlarge"})["Status"] == "SUCCESS"
    answer = deployment.settle(OLD, "Create")
    assert (answer["Status"], answer["Data"]) == ("SUCCESS", {"Registered": "true"})
    return deployment


def test_capacity_is_held_after_the_first_deployment(running: Deployment) -> None:
    assert running.registered() == [(2, 8)]
    (policy,) = running.policies()
    assert policy["ResourceId"] == "endpoint/minilm/variant/primary"
    assert policy["TargetTrackingScalingPolicyConfiguration"] == {
        "TargetValue": 4.0,
        "PredefinedMetricSpecification": {"PredefinedMetricType": CAPACITY["Metric"]},
    }


def test_a_new_instance_type_finds_nothing_registered_and_capacity_is_held_again(running: Deployment) -> None:
    answer = running.pause(before="ml.g5.xlarge", after="ml.g6.xlarge")
    assert (answer["Status"], answer["Data"]) == ("SUCCESS", {"Paused": "true"})
    assert running.registered() == []
    running.endpoint.config = NEW
    assert running.settle(NEW)["Data"] == {"Registered": "true"}
    assert running.registered() == [(2, 8)]


def test_a_new_release_or_new_bounds_leave_the_target_registered(running: Deployment) -> None:
    answer = running.call("Pause", "Update", {"InstanceType": "a", "Maximum": "9"}, {"InstanceType": "a"})
    assert answer["Data"] == {"Paused": "false"}
    assert running.registered() == [(2, 8)]
    running.settle(OLD, Maximum="9")
    assert running.registered() == [(2, 9)]


def test_a_rollback_that_reaches_nothing_behind_the_endpoint_ends_with_what_ran_before(running: Deployment) -> None:
    running.pause(before="ml.g5.xlarge", after="ml.g6.xlarge")
    running.pause(before="ml.g6.xlarge", after="ml.g5.xlarge")
    assert running.registered() == []
    scaling.handler({"Hold": CAPACITY}, Context())
    assert running.registered() == [(2, 8)]
    assert len(running.policies()) == 1


def test_on_the_way_back_the_endpoint_is_free_to_change_whoever_comes_first(running: Deployment) -> None:
    running.pause(before="ml.g5.xlarge", after="ml.g6.xlarge")
    running.endpoint.config = NEW
    running.settle(NEW)
    assert running.settle(OLD)["Data"] == {"Registered": "false"}
    assert running.registered() == []


def test_a_resource_that_goes_takes_the_target_along_and_may_go_twice(running: Deployment) -> None:
    for _ in range(2):
        assert running.settle(OLD, "Delete")["Status"] == "SUCCESS"
        assert running.registered() == []
    assert running.call("Pause", "Delete", {"InstanceType": "a"})["Status"] == "SUCCESS"


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({"Minimum": "0"}, "Minimum: '0' is not a number above 0"),
        ({"Minimum": "9"}, "Minimum: 9 to 8 instances cannot be"),
        ({"Minimum": "1.5"}, "Minimum: 1.5 to 8 instances cannot be"),
        ({"Target": "many"}, "Target: 'many' is not a number"),
        ({"Metric": "CPUUtilization"}, "Metric: 'CPUUtilization' is not one of"),
        ({"EndpointName": ""}, "EndpointName: '' is not one line"),
    ],
)
def test_malformed_properties_are_answered(deployment: Deployment, properties: dict[str, object], words: str) -> None:
    answer = deployment.settle(OLD, "Create", **properties)
    assert answer["Status"] == "FAILED"
    assert words in answer["Reason"]


def test_an_event_that_cannot_be_done_is_repeated(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="Maximum"):
        scaling.handler({"Hold": {**CAPACITY, "Maximum": "x"}}, Context())

    class Refusing:
        def register_scalable_target(self, **_: object) -> None:
            from botocore.exceptions import ClientError

            raise ClientError({"Error": {"Code": "ValidationException", "Message": "no"}}, "RegisterScalableTarget")

    monkeypatch.setattr(scaling, "boto3", FakeBoto3({"application-autoscaling": Refusing()}))
    with pytest.raises(CloudError, match="RegisterScalableTarget on endpoint/minilm/variant/primary"):
        scaling.handler({"Hold": CAPACITY}, Context())
