"""The whole way on the command line, against the embedded registry, each command as its own identity."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from local.registry.process import RegistryProcess
from tests.integration.cli.cli_world import ACCOUNT, IMAGE, MODEL, REGION, World, files_of, start_registry

pytestmark = pytest.mark.twin
COMMIT = "d" * 40


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryProcess]:
    with start_registry(tmp_path_factory.mktemp("registry")) as process:
        yield process


@pytest.fixture
def world(registry: RegistryProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        yield World(folder=tmp_path, registry=registry)


def parameter(environment: str) -> str:
    client = boto3.client("ssm", region_name=REGION)
    return str(client.get_parameter(Name=f"/weighbridge/{environment}/{MODEL}/release-id")["Parameter"]["Value"])


def train(name: str) -> str:
    """Run a training job, as far as DescribeTrainingJob can tell, and return its ARN."""
    client = boto3.client("sagemaker", region_name=REGION)
    created = client.create_training_job(
        TrainingJobName=name,
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/train",
        HyperParameters={"epochs": "3"},
        InputDataConfig=[
            {
                "ChannelName": "train",
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://data/train/"}},
            }
        ],
        OutputDataConfig={"S3OutputPath": "s3://out/"},
        ResourceConfig={"InstanceType": "ml.g5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
        StoppingCondition={"MaxRuntimeInSeconds": 3600},
        Tags=[{"Key": "weighbridge:commit", "Value": COMMIT}],
    )
    return str(created["TrainingJobArn"])


def test_from_keys_to_rollback(world: World) -> None:
    world.found_channels()
    arn = train("one")
    for version in ("1.0.0", "2.0.0"):
        if version == "1.0.0":
            said = world.upload(version, files_of(version)).ok()
            uploaded = said.json
            assert said.err == ""
            assert (uploaded["files"], uploaded["only_in_job_record"]) == (4, ["note"])
            registered = world.register(version).ok().json
            assert registered["claimed"] == ["base_model", "parameters", "metrics"]
        else:
            world.upload_quickly(version)
            registered = world.register(version, "--training-job", arn).ok().json
            assert registered["claimed"] == []
        for channel, source in (("dev", None), ("prod", "dev")):
            done = world.cli("promote", f"{MODEL}:{version}", "--to", channel, "--json", user="promoter").ok().json
            assert (done["release"], done["source"], done["changed"]) == (registered["release"], source, True)
            assert parameter(channel) == done["release_id"]
            again = world.cli("promote", f"{MODEL}:{version}", "--to", channel, "--json", user="promoter").ok().json
            assert (again["release_id"], again["changed"]) == (done["release_id"], False)

    resolved = world.cli("resolve", MODEL, "--env", "prod", "--json", user="reader").ok().json
    assert (resolved["Version"], resolved["PromotionSequence"]) == ("2.0.0", 2)
    assert resolved["WeightsBytes"] == sum(map(len, files_of("2.0.0").values()))
    assert int(str(resolved["Requests"])) <= 8
    assert_lineage_of_the_job(world, arn)
    assert_way_back(world)


def assert_lineage_of_the_job(world: World, arn: str) -> None:
    shown = world.cli("release", "show", MODEL, "--env", "prod", "--json", user="reader").ok().json
    lineage = shown["lineage"]
    assert isinstance(lineage, dict)
    assert (lineage["training_job"], lineage["source_commit"], lineage["parameters"]) == (arn, COMMIT, {"epochs": "3"})


def assert_way_back(world: World) -> None:
    back = world.cli("promote", MODEL, "--to", "prod", "--rollback-to", "1.0.0", "--json", user="promoter").ok().json
    assert (back["reason"], back["sequence"], back["version"]) == ("rollback", 3, "1.0.0")
    assert parameter("prod") == back["release_id"]
    resolved = world.cli("resolve", MODEL, "--env", "prod", "--from-parameter", "--json", user="reader").ok().json
    assert resolved["ReleaseId"] == back["release_id"]
    pulled = world.cli("pull", MODEL, "--env", "prod", "--to", "out", "--json", user="reader").ok().json
    assert pulled["release"] == back["release"]
    found = {
        path.relative_to(world.folder / "out").as_posix(): path.read_bytes()
        for path in (world.folder / "out").rglob("*")
        if path.is_file()
    }
    assert found == files_of("1.0.0")
