"""What the settings make of identities: roles that are exchanged, secrets that are rotated, images from the registry."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
import yaml
from canaries import VALUE, holding, in_the_shell
from template_view import Template, resources, text

from stacks import EnvironmentStage
from stacks.registry import RegistryStack
from tools.synthesis import ROOT
from weighbridge.settings import EnvironmentSettings, load_settings
from weighbridge.settings.roles import exchanged_roles
from weighbridge_cdk import NetworkPlacement, PrivateNetwork

KEYS = {
    "targets": "awskms:alias/targets", "revocations": "awskms:alias/revocations",
    "promoters": ["awskms:alias/promoter"], "registrar": "awskms:alias/registrar",
    "inspector": "awskms:alias/inspector", "snapshot": "awskms:alias/online", "timestamp": "awskms:alias/online",
}  # fmt: skip
IMAGES = {"repository": "ml-docker", "username": "svc-images"}


def settings_of(folder: Path, *, exchanging: bool, **registry: Any) -> EnvironmentSettings:
    key = folder / "root.pem"
    key.write_text(f"-----BEGIN PRIVATE KEY-----\n{VALUE}\n-----END PRIVATE KEY-----\n", encoding="utf-8")
    document = yaml.safe_load((ROOT / "environments" / "dev.yaml").read_text(encoding="utf-8"))
    document["registry"] |= {"images": IMAGES, **registry}
    for part, name in ((document["training"], "runtime_image"), (document["training"]["job"], "image")):
        part[name] = f"registry.example.com/ml-docker/{name.replace('_', '-')}@sha256:{'a' * 64}"
    document["trust"] = {"keys": {**KEYS, "root": [f"file:{key}"]}}
    if exchanging:
        document["registry"]["credentials"] = {"iam": {"expires_in": 1800}}
        for key in ("training_secret", "registrar_secret"):
            del document["training"][key]
    path = folder / "dev.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return load_settings(path)


def synthesized(folder: Path, build: Callable[[cdk.App], object]) -> dict[str, Template]:
    context = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    app = cdk.App(
        outdir=str(folder), analytics_reporting=False, builtin_cloud_formation_validation=False, context=context
    )
    build(app)
    app.synth()
    return {path.name: json.loads(path.read_text()) for path in folder.rglob("*.template.json")}


@pytest.fixture(scope="module")
def exchanging(tmp_path_factory: pytest.TempPathFactory) -> tuple[EnvironmentSettings, list[Template]]:
    folder = tmp_path_factory.mktemp("exchanging")
    settings = settings_of(folder, exchanging=True)
    with in_the_shell():
        found = synthesized(folder / "out", lambda app: EnvironmentStage(app, settings=settings))
    assert holding(folder / "out", VALUE) == []  # neither of the shell nor of the key file
    return settings, list(found.values())


def test_an_exchanging_environment_has_no_secret(exchanging: tuple[EnvironmentSettings, list[Template]]) -> None:
    _, templates = exchanging
    for template in templates:
        assert not resources(template, "AWS::SecretsManager::Secret")
        assert "secretsmanager:GetSecretValue" not in text(template)
        assert "WEIGHBRIDGE_TOKEN_SECRET_ID" not in text(template)


def test_every_role_that_asks_the_registry_has_the_name_that_setup_binds(
    exchanging: tuple[EnvironmentSettings, list[Template]],
) -> None:
    settings, templates = exchanging
    named: dict[str, str] = {}
    asking: set[str] = set()
    for template in templates:
        roles = resources(template, "AWS::IAM::Role")
        named |= {
            name: role["Properties"]["RoleName"] for name, role in roles.items() if "RoleName" in role["Properties"]
        }
        for function in resources(template, "AWS::Lambda::Function").values():
            variables = function["Properties"].get("Environment", {}).get("Variables", {})
            if "WEIGHBRIDGE_TOKEN_IAM" in variables:
                assert variables["WEIGHBRIDGE_TOKEN_IAM_EXPIRES_IN"] == "1800"
                asking.add(function["Properties"]["Role"]["Fn::GetAtt"][0])
        for model in resources(template, "AWS::SageMaker::Model").values():
            assert model["Properties"]["PrimaryContainer"]["Environment"]["WEIGHBRIDGE_TOKEN_IAM"] == "1"
            asking.add(model["Properties"]["ExecutionRoleArn"]["Fn::GetAtt"][0])
    assert asking <= set(named)
    assert sorted(named.values()) == sorted(role.name for role in exchanged_roles(settings))
    (outputs,) = [found["Outputs"] for found in templates if "TrainingEnvironment" in found.get("Outputs", {})]
    assert '"WEIGHBRIDGE_TOKEN_IAM": "1"' in json.dumps(outputs["TrainingEnvironment"]).replace('\\"', '"')


def test_models_and_jobs_log_in_to_the_registry_for_their_images(
    exchanging: tuple[EnvironmentSettings, list[Template]],
) -> None:
    _, templates = exchanging
    models = [model for found in templates for model in resources(found, "AWS::SageMaker::Model").values()]
    assert models
    for model in models:
        config = model["Properties"]["PrimaryContainer"]["ImageConfig"]
        assert config["RepositoryAccessMode"] == "Vpc"
        assert "RepositoryCredentialsProviderArn" in config["RepositoryAuthConfig"]
    invoking = [
        found for found in templates if '"lambda:InvokeFunction"' in text(found) and "ImagesFunction" in text(found)
    ]
    assert len(invoking) >= 2  # the endpoint's role and the training jobs'


def test_a_rotation_comes_with_every_secret_that_is_created(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, exchanging=False, rotation={"days": 7, "grace_hours": 12})

    def build(app: cdk.App) -> None:
        network = PrivateNetwork(
            cdk.Stack(app, "net"), "Network", cidr="10.0.0.0/16", availability_zones=["eu-central-1a"]
        )
        placement: NetworkPlacement = network.placement
        RegistryStack(app, "registry", settings=settings, placement=placement)

    template = synthesized(tmp_path / "out", build)["registry.template.json"]
    secrets = resources(template, "AWS::SecretsManager::Secret")
    schedules = resources(template, "AWS::SecretsManager::RotationSchedule")
    assert {entry["Properties"]["Name"] for entry in secrets.values()} == {
        "weighbridge/dev/artifactory-reader", "weighbridge/dev/artifactory-images"
    }  # fmt: skip
    assert {entry["Properties"]["SecretId"]["Ref"] for entry in schedules.values()} == set(secrets)
    assert len(resources(template, "AWS::CloudWatch::Alarm")) == 4
    graces = [
        entry["Properties"]["Environment"]["Variables"].get("WEIGHBRIDGE_TOKEN_GRACE_SECONDS")
        for entry in resources(template, "AWS::Lambda::Function").values()
    ]
    assert sorted(filter(None, graces)) == [str(12 * 3600)] * 2


def test_without_settings_nothing_rotates_and_images_come_from_ecr(templates: dict[str, Template]) -> None:
    for template in templates.values():
        assert not resources(template, "AWS::SecretsManager::RotationSchedule")
        for model in resources(template, "AWS::SageMaker::Model").values():
            assert "ImageConfig" not in model["Properties"]["PrimaryContainer"]
