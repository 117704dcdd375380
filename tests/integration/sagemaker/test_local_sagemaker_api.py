"""Both APIs with real boto3 clients."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from local_sagemaker_world import ROLE, World, served, variant

from local.sagemaker.images import REGISTRY


@pytest.fixture
def client(world: World) -> Iterator[Callable[[str], Any]]:
    with served(world.service) as address:

        def make(service: str) -> Any:
            # One attempt: a retry would hide a failed request. No validation: the service itself has to refuse.
            return boto3.client(
                service,
                endpoint_url=address,
                region_name="eu-central-1",
                aws_access_key_id="key",
                aws_secret_access_key="secret",
                config=Config(retries={"total_max_attempts": 1}, parameter_validation=False),
            )

        yield make


def create(sagemaker: Any, world: World, name: str) -> None:
    sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=ROLE,
        PrimaryContainer={"Image": world.image.reference, "Environment": {"VERSION": name}},
        VpcConfig={"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
        Tags=[{"Key": "team", "Value": "a"}],
    )
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant(name)], KmsKeyId="key")


def refusal(call: Callable[[], object]) -> ClientError:
    with pytest.raises(ClientError) as refused:
        call()
    return refused.value


def test_life_of_an_endpoint_with_boto3_and_its_waiters(world: World, client: Callable[[str], Any]) -> None:
    sagemaker, runtime = client("sagemaker"), client("sagemaker-runtime")
    create(sagemaker, world, "one")
    create(sagemaker, world, "two")
    quick = {"Delay": 0.05, "MaxAttempts": 1000}
    arn = sagemaker.create_endpoint(EndpointName="E-1", EndpointConfigName="one", Tags=[{"Key": "k", "Value": "v"}])[
        "EndpointArn"
    ]
    assert arn.endswith(":endpoint/e-1")
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="E-1", WaiterConfig=quick)
    answer = runtime.invoke_endpoint(EndpointName="E-1", Body=b"hello", ContentType="text/plain")
    assert answer["Body"].read() == b"hello"
    assert (answer["CustomAttributes"], answer["InvokedProductionVariant"]) == ("one", "primary")
    assert answer["ContentType"] == "text/x-fake"
    sagemaker.update_endpoint(EndpointName="E-1", EndpointConfigName="two", RetainAllVariantProperties=True)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="E-1", WaiterConfig=quick)
    described = sagemaker.describe_endpoint(EndpointName="E-1")
    assert described["EndpointConfigName"] == "two"
    assert described["CreationTime"] <= described["LastModifiedTime"]
    assert described["ProductionVariants"][0]["DeployedImages"][0]["SpecifiedImage"] == world.image.reference
    assert [found["EndpointName"] for found in sagemaker.list_endpoints(StatusEquals="InService")["Endpoints"]] == [
        "E-1"
    ]
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "k", "Value": "v"}]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "k", "Value": "w"}])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "k", "Value": "w"}]
    sagemaker.delete_endpoint(EndpointName="E-1")
    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName="E-1", WaiterConfig=quick)


def test_what_was_created_is_described(world: World, client: Callable[[str], Any]) -> None:
    sagemaker = client("sagemaker")
    create(sagemaker, world, "one")
    model = sagemaker.describe_model(ModelName="one")
    assert model["PrimaryContainer"]["Environment"] == {"VERSION": "one"}
    assert model["VpcConfig"] == {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    config = sagemaker.describe_endpoint_config(EndpointConfigName="one")
    assert config["ProductionVariants"][0]["ContainerStartupHealthCheckTimeoutInSeconds"] == 60
    sagemaker.delete_endpoint_config(EndpointConfigName="one")
    sagemaker.delete_model(ModelName="one")
    for call in (
        lambda: sagemaker.describe_endpoint_config(EndpointConfigName="one"),
        lambda: sagemaker.describe_model(ModelName="one"),
        lambda: sagemaker.delete_model(ModelName="one"),
    ):
        assert refusal(call).response["Error"]["Code"] == "ValidationException"


def test_container_gets_exactly_its_environment_and_the_caller_s_headers(
    world: World, client: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOST_SECRET", "must not be seen")
    world.add_config("one", environment={"OWN": "value", "WEIGHBRIDGE_BIND_HOST": "0.0.0.0"})
    world.serve("one")
    found = world.environment()
    found.pop("LC_CTYPE", None)  # The interpreter sets it for itself in a C locale.
    assert set(found) == {
        *("PATH", "LANG", "HOME", "TMPDIR", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"),
        *("VERSION", "OWN", "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION"),
        *("WEIGHBRIDGE_ML_ROOT", "WEIGHBRIDGE_BIND_HOST", "SAGEMAKER_BIND_TO_PORT"),
    }
    assert (found["OWN"], found["WEIGHBRIDGE_BIND_HOST"]) == ("value", "127.0.0.1")
    assert found["HOME"].startswith(str(world.folder))
    answer = client("sagemaker-runtime").invoke_endpoint(
        EndpointName="e", Body=b"headers", ContentType="text/a", Accept="text/b", CustomAttributes="c", InferenceId="d"
    )
    headers = json.loads(answer["Body"].read())
    assert (headers["Content-Type"], headers["Accept"]) == ("text/a", "text/b")
    assert headers["X-Amzn-SageMaker-Custom-Attributes"] == "c"
    assert headers["X-Amzn-SageMaker-Inference-Id"] == "d"
    assert not [name for name in headers if name.lower() in ("authorization", "x-amz-date")]


@pytest.mark.parametrize(("status", "side"), [(400, "CLIENT"), (422, "CLIENT"), (500, "SERVER"), (503, "SERVER")])
def test_refusal_of_the_model_is_a_model_error(
    world: World, client: Callable[[str], Any], status: int, side: str
) -> None:
    world.add_config("one")
    world.serve("one")
    runtime = client("sagemaker-runtime")
    error = refusal(lambda: runtime.invoke_endpoint(EndpointName="e", Body=f"status {status}".encode()))
    assert isinstance(error, runtime.exceptions.ModelError)
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert error.response["OriginalStatusCode"] == status
    assert error.response["OriginalMessage"] == "said by the model"
    assert "/aws/sagemaker/Endpoints/e" in error.response["LogStreamArn"]
    assert f"Received {side.lower()} error ({status}) from primary" in error.response["Error"]["Message"]


def test_runtime_does_not_know_an_endpoint_that_is_not_there(client: Callable[[str], Any]) -> None:
    error = refusal(lambda: client("sagemaker-runtime").invoke_endpoint(EndpointName="none", Body=b""))
    assert error.response["Error"] == {
        "Code": "ValidationError",
        "Message": "Endpoint none of account 000000000000 not found.",
    }


def test_names_are_unique(world: World, client: Callable[[str], Any]) -> None:
    sagemaker = client("sagemaker")
    create(sagemaker, world, "one")
    sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="one")
    for kind, call in {
        "model": lambda: create(sagemaker, world, "one"),
        "endpoint configuration": lambda: sagemaker.create_endpoint_config(
            EndpointConfigName="one", ProductionVariants=[variant("one")]
        ),
        "endpoint": lambda: sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="one"),
    }.items():
        error = refusal(call)
        assert error.response["Error"]["Code"] == "ValidationException"
        assert f"Cannot create already existing {kind}" in error.response["Error"]["Message"]


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (f"{REGISTRY}/fake:latest", "not found"),
        (f"{REGISTRY}/fake@sha256:{'0' * 64}", "not found"),
        ("registry.example.com/fake@sha256:" + "0" * 64, "non-ECR image"),
    ],
)
def test_image_by_tag_or_unknown_digest_is_refused(client: Callable[[str], Any], image: str, message: str) -> None:
    error = refusal(
        lambda: client("sagemaker").create_model(
            ModelName="m", ExecutionRoleArn=ROLE, PrimaryContainer={"Image": image}
        )
    )
    assert error.response["Error"]["Code"] == "ValidationException"
    assert message in error.response["Error"]["Message"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"InitialInstanceCount": 0}, "InitialInstanceCount"),
        ({"ContainerStartupHealthCheckTimeoutInSeconds": 59}, "ContainerStartupHealthCheckTimeoutInSeconds"),
        ({"ModelName": "other"}, "Could not find model"),
        ({"ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}}, "does not do this"),
    ],
)
def test_config_that_cannot_be_is_refused(
    world: World, client: Callable[[str], Any], change: dict[str, Any], message: str
) -> None:
    sagemaker = client("sagemaker")
    create(sagemaker, world, "one")
    error = refusal(
        lambda: sagemaker.create_endpoint_config(
            EndpointConfigName="new", ProductionVariants=[variant("one", **change)]
        )
    )
    assert error.response["Error"]["Code"] == "ValidationException"
    assert message in error.response["Error"]["Message"]


CAPTURE = {
    "EnableCapture": True,
    "InitialSamplingPercentage": 10,
    "DestinationS3Uri": "s3://captures/capture",
    "KmsKeyId": "key",
    "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
}


def test_data_capture_is_taken_and_described(world: World, client: Callable[[str], Any]) -> None:
    sagemaker = client("sagemaker")
    create(sagemaker, world, "one")
    sagemaker.create_endpoint_config(
        EndpointConfigName="new", ProductionVariants=[variant("one")], DataCaptureConfig=CAPTURE
    )
    assert sagemaker.describe_endpoint_config(EndpointConfigName="new")["DataCaptureConfig"] == CAPTURE


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"InitialSamplingPercentage": 101}, "InitialSamplingPercentage"),
        ({"DestinationS3Uri": "captures"}, "is not an S3 URI"),
        ({"CaptureOptions": []}, "are not capture modes"),
    ],
)
def test_data_capture_that_cannot_be_is_refused(
    world: World, client: Callable[[str], Any], change: dict[str, Any], message: str
) -> None:
    sagemaker = client("sagemaker")
    create(sagemaker, world, "one")
    error = refusal(
        lambda: sagemaker.create_endpoint_config(
            EndpointConfigName="new", ProductionVariants=[variant("one")], DataCaptureConfig={**CAPTURE, **change}
        )
    )
    assert message in error.response["Error"]["Message"]


@pytest.mark.parametrize(
    ("environment", "message"),
    [({"A": "x" * 1025}, "at most 1024 characters"), ({f"A{n}": "x" for n in range(101)}, "at most 100")],
)
def test_environment_beyond_sagemaker_s_limits_is_refused(
    world: World, environment: dict[str, str], message: str
) -> None:
    from local.sagemaker.errors import AwsError

    with pytest.raises(AwsError, match=message):
        world.add_config("one", environment=environment)


@pytest.mark.parametrize(
    ("deployment", "message"),
    [
        (
            {
                "BlueGreenUpdatePolicy": {
                    "TrafficRoutingConfiguration": {
                        "Type": "CANARY",
                        "WaitIntervalInSeconds": 0,
                        "CanarySize": {"Type": "INSTANCE_COUNT", "Value": 1},
                    }
                }
            },
            "at most 50%",
        ),
        (
            {
                "RollingUpdatePolicy": {
                    "MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": 1},
                    "WaitIntervalInSeconds": 0,
                }
            },
            "does not do this",
        ),
    ],
)
def test_deployment_that_cannot_be_is_refused_and_changes_nothing(
    world: World, client: Callable[[str], Any], deployment: dict[str, Any], message: str
) -> None:
    world.add_config("one")
    world.add_config("two")
    world.serve("one")
    error = refusal(
        lambda: client("sagemaker").update_endpoint(
            EndpointName="e", EndpointConfigName="two", DeploymentConfig=deployment
        )
    )
    assert message in error.response["Error"]["Message"]
    assert world.describe()["EndpointStatus"] == "InService"


def test_call_that_is_not_done_here_says_so(client: Callable[[str], Any]) -> None:
    error = refusal(lambda: client("sagemaker").list_pipelines())
    assert error.response["Error"]["Code"] == "UnknownOperationException"
    assert "ListPipelines" in error.response["Error"]["Message"]
