"""`weighbridge diff` on the command line, over a channel in a registry and an AWS in memory."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from tests.integration.cli.cli_world import ACCOUNT, MODEL, REGION, World, start_registry

pytestmark = pytest.mark.twin
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
PARAMETER = f"/weighbridge/prod/{MODEL}/release-id"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """1.0.0 and 2.0.0 in dev and prod."""
    with start_registry(tmp_path_factory.mktemp("registry")) as registry:
        world = World(folder=tmp_path_factory.mktemp("world"), registry=registry)
        world.found_channels()
        for version in ("1.0.0", "2.0.0"):
            world.upload_quickly(version)
            world.register(version).ok()
            for channel in ("dev", "prod"):
                world.cli("promote", f"{MODEL}:{version}", "--to", channel, "--no-parameter", user="promoter").ok()
        yield world


def ids(world: World) -> dict[str, str]:
    shown = world.cli("channel", "show", MODEL, "--env", "prod", "--json", user="reader").ok().json
    promotions = shown["promotions"]
    assert isinstance(promotions, list)
    return {str(item["version"]): str(item["release_id"]) for item in promotions if isinstance(item, dict)}


def test_two_promotions_are_compared_without_aws(world: World) -> None:
    command = ("diff", "--env", "prod", "--from", "1", "--to-head")
    said = world.cli(*command, user="reader").ok()
    assert f"{MODEL}: 1.0.0 (1) -> 2.0.0 (2)" in said.out.splitlines()
    assert "  version: 1.0.0 -> 2.0.0" in said.out.splitlines()
    assert world.cli(*command, "--fail", user="reader").status == 1
    assert "| `version` | `1.0.0` | `2.0.0` |" in world.cli(*command, "--markdown", user="reader").ok().out
    same = world.cli("diff", "--env", "prod", "--from", "2", "--to", "2", "--fail", user="reader")
    assert (same.status, same.out.splitlines()[-1]) == (0, "0 of 1 models would change on the next deployment")


def test_what_the_next_deployment_would_change_is_asked_of_aws(world: World) -> None:
    known = ids(world)
    with mock_aws():
        ssm = boto3.client("ssm", region_name=REGION, **_credentials())
        nothing = world.cli("diff", "--env", "prod", "--json", user="reader", **CREDENTIALS).ok().json
        assert _model(nothing)["after"] is None
        ssm.put_parameter(Name=PARAMETER, Value=known["1.0.0"], Type="String")
        _serve(known["1.0.0"])
        stays = world.cli("diff", "--env", "prod", "--fail", "--json", user="reader", **CREDENTIALS).ok().json
        assert not _model(stays)["changed"]
        ssm.put_parameter(Name=PARAMETER, Value=known["2.0.0"], Type="String", Overwrite=True)
        moves = world.cli("diff", "--env", "prod", "--fail", "--json", user="reader", **CREDENTIALS)
    assert moves.status == 1
    found = _model(moves.json)
    before, after = found["before"], found["after"]
    assert isinstance(before, dict)
    assert isinstance(after, dict)
    assert (before["release_id"], after["release_id"]) == (known["1.0.0"], known["2.0.0"])


def test_a_channel_that_cannot_be_read_is_not_the_same_as_no_change(world: World) -> None:
    said = world.cli("diff", "--env", "prod", "--from", "1", "--to-head", token="wrong")
    assert said.status == 2
    assert "could not look at minilm" in said.err


def _model(document: object) -> dict[str, object]:
    assert isinstance(document, dict)
    (model,) = document["models"]
    assert isinstance(model, dict)
    return model


def _credentials() -> dict[str, str]:
    return {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}


def _serve(release_id: str) -> None:
    """Let an endpoint run that says it serves 1.0.0."""
    client = boto3.client("sagemaker", region_name=REGION, **_credentials())
    variables = {
        "WEIGHBRIDGE_RELEASE": f"registry.example.com/prod-models/{MODEL}:1.0.0@sha256:{'a' * 64}",
        "WEIGHBRIDGE_PROMOTION": release_id,
    }
    client.create_model(
        ModelName="model",
        PrimaryContainer={"Image": "image", "Environment": variables},
        ExecutionRoleArn=f"arn:aws:iam::{ACCOUNT}:role/serving",
    )
    client.create_endpoint_config(
        EndpointConfigName="config",
        ProductionVariants=[
            {"VariantName": "all", "ModelName": "model", "InstanceType": "ml.c5.xlarge", "InitialInstanceCount": 1}
        ],
    )
    client.create_endpoint(EndpointName=f"weighbridge-prod-{MODEL}", EndpointConfigName="config")
