"""A proxy and private authorities reach every function and every container, and nothing of either is there without them."""

from __future__ import annotations

import json
from pathlib import Path

import aws_cdk as cdk
import pytest
from botocore.loaders import Loader
from template_view import Template, logical_id, only, resources, statements, text

from tools.synthesis import ROOT
from weighbridge.errors import InputError
from weighbridge.names import Digest
from weighbridge_cdk import (
    ArtifactoryConnection,
    ChannelPin,
    Egress,
    GovernedEndpoint,
    GovernedTraining,
    PrivateNetwork,
    PromotedModel,
    Repositories,
)

CERTIFICATE = ROOT / "tests" / "unit" / "settings" / "private-authority.pem"
PROXY = "http://proxy.example.com:3128"
TRUSTING = ("REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE", "SSL_CERT_FILE")


def build(folder: Path, egress: Egress | None) -> tuple[cdk.App, cdk.Stack]:
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = cdk.App(
        outdir=str(folder), analytics_reporting=False, builtin_cloud_formation_validation=False, context=context
    )
    stack = cdk.Stack(app, "Alone", env=cdk.Environment(account="111111111111", region="eu-central-1"))
    network = PrivateNetwork(
        stack,
        "Network",
        cidr="10.0.0.0/16",
        availability_zones=["eu-central-1a", "eu-central-1b"],
        services=["kms", "ssm"],
    )
    if egress is not None:
        network.use_egress(egress)
    connection = ArtifactoryConnection(
        stack,
        "Artifactory",
        url="https://registry.example.com/artifactory",
        repositories=Repositories(models="models", records="records"),
    )
    model = PromotedModel(
        stack,
        "Model",
        model_name="minilm",
        release_id="1@sha256:" + "a" * 64,
        instance_type="ml.c6i.xlarge",
        channel=ChannelPin(name="prod", root_digest=Digest("b" * 64)),
        connection=connection,
        placement=network.placement,
    )
    GovernedEndpoint(stack, "Endpoint", endpoint_name="minilm", model=model, placement=network.placement)
    training = GovernedTraining(
        stack,
        "Training",
        connection=connection,
        hub_repository="hub",
        incoming_repository="incoming",
        placement=network.placement,
    )
    cdk.CfnOutput(stack, "Environment", value=stack.to_json_string(dict(training.environment())))
    return app, stack


def synthesized(folder: Path, egress: Egress | None) -> Template:
    import cdk_nag

    from weighbridge_cdk import GovernedModelChecks

    app, stack = build(folder, egress)
    cdk.Validations.of(app).add_plugins(cdk_nag.AwsSolutionsChecks(), GovernedModelChecks())
    app.synth()
    template: Template = json.loads((folder / f"{stack.stack_name}.template.json").read_text())
    return template


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("egress")


@pytest.fixture(scope="module")
def with_egress(folder: Path) -> Template:
    return synthesized(folder, Egress(proxy_url=PROXY, no_proxy=(".corp.example",), ca_bundle=CERTIFICATE))


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return synthesized(tmp_path_factory.mktemp("plain"), None)


def in_vpc(template: Template) -> list[dict[str, object]]:
    return [
        each["Properties"]
        for each in resources(template, "AWS::Lambda::Function").values()
        if "VpcConfig" in each["Properties"]
    ]


def container(template: Template) -> dict[str, object]:
    environment: dict[str, object] = only(template, "AWS::SageMaker::Model")["Properties"]["PrimaryContainer"][
        "Environment"
    ]
    return environment


def test_functions_in_the_vpc_get_the_proxy_and_the_file(with_egress: Template) -> None:
    functions = in_vpc(with_egress)
    assert functions
    layer = {"Ref": logical_id(with_egress, "AWS::Lambda::LayerVersion", starting="AuthoritiesLayer")}
    for function in functions:
        variables = function["Environment"]["Variables"]  # type: ignore[index]
        assert variables["HTTPS_PROXY"] == PROXY
        assert {variables[name] for name in TRUSTING} == {"/opt/weighbridge/ca-bundle.pem"}
        assert layer in function["Layers"]  # type: ignore[operator]


def test_what_has_an_endpoint_in_the_vpc_or_lies_on_the_machine_meets_no_proxy(with_egress: Template) -> None:
    (function,) = in_vpc(with_egress)
    hosts = function["Environment"]["Variables"]["NO_PROXY"].split(",")  # type: ignore[index]
    assert hosts == [
        "127.0.0.1", "localhost", "169.254.169.254", "169.254.170.2", "ssm.eu-central-1.amazonaws.com",
        "s3.eu-central-1.amazonaws.com", "dynamodb.eu-central-1.amazonaws.com", "ddb.eu-central-1.amazonaws.com",
        "kms.eu-central-1.amazonaws.com", ".corp.example",
    ]  # fmt: skip
    asked = [host for host in hosts if not host.startswith("ssm.")]
    assert str(container(with_egress)["NO_PROXY"]).split(",") == asked


def test_the_shipped_file_holds_the_public_authorities_and_our_own(with_egress: Template, folder: Path) -> None:
    digest = str(container(with_egress)["WEIGHBRIDGE_CA_DIGEST"])
    shipped = [path for path in folder.rglob("*.pem") if path.name != "cacert.pem"]
    assert len(shipped) == 2, "one in the layer, one as an object"
    for path in shipped:
        assert path.read_bytes().count(b"BEGIN CERTIFICATE") > 50
        assert str(Digest.of(path.read_bytes())) == digest
        assert CERTIFICATE.read_bytes().strip() in path.read_bytes()


def test_a_container_is_told_place_and_digest_of_the_file(with_egress: Template) -> None:
    environment = container(with_egress)
    assert environment["HTTPS_PROXY"] == PROXY
    assert str(environment["WEIGHBRIDGE_CA_BUNDLE"]).startswith("s3://cdk-hnb659fds-assets-111111111111-eu-central-1/")
    assert all(len(str(value)) <= 1024 for value in environment.values())


def test_serving_and_training_role_may_read_that_object_alone(with_egress: Template) -> None:
    place = str(container(with_egress)["WEIGHBRIDGE_CA_BUNDLE"]).removeprefix("s3://")
    granted = [each for name, each in statements(with_egress) if "Authorities" in name]
    assert len(granted) == 2
    for statement in granted:
        assert (statement["Action"], statement["Effect"]) == ("s3:GetObject", "Allow")
        assert f":s3:::{place}" in json.dumps(statement["Resource"])
        assert "*" not in json.dumps(statement["Resource"])


def test_training_jobs_are_told_the_same(with_egress: Template) -> None:
    output = json.dumps(with_egress["Outputs"]["Environment"])
    assert PROXY in output
    assert str(container(with_egress)["WEIGHBRIDGE_CA_DIGEST"]) in output


def test_without_egress_nothing_speaks_of_it(without: Template) -> None:
    for word in ("HTTPS_PROXY", "NO_PROXY", "WEIGHBRIDGE_CA", "CA_BUNDLE", "Authorities"):
        assert word not in text(without)


def test_two_synths_ship_the_same_bytes(with_egress: Template, tmp_path: Path) -> None:
    again = synthesized(tmp_path, Egress(proxy_url=PROXY, no_proxy=(".corp.example",), ca_bundle=CERTIFICATE))
    layers = [only(found, "AWS::Lambda::LayerVersion", starting="Authorities") for found in (again, with_egress)]
    assert layers[0]["Properties"]["Content"] == layers[1]["Properties"]["Content"]
    assert container(again) == container(with_egress)


def test_hosts_that_no_variable_holds_are_refused() -> None:
    long = Egress(proxy_url=PROXY, no_proxy=tuple(f"host-{n}.example.com" for n in range(40)))
    with pytest.raises(InputError, match="name domains"):
        long.container_proxy()
    assert len(long.function_proxy()["NO_PROXY"]) > 512


@pytest.mark.parametrize("region", ["eu-central-1", "ap-southeast-1"])
def test_all_endpoints_fit_into_a_variable_of_a_training_job(region: str) -> None:
    stack = cdk.Stack(cdk.App(), "Fits", env=cdk.Environment(account="111111111111", region=region))
    network = PrivateNetwork(stack, "Network", cidr="10.0.0.0/16", availability_zones=[f"{region}a"])
    network.use_egress(Egress(proxy_url=PROXY, no_proxy=("registry.example.com",)))
    egress = network.placement.egress
    assert egress is not None
    shape = Loader().load_service_model("sagemaker", "service-2")["shapes"]["TrainingEnvironmentValue"]
    assert 400 < len(egress.container_proxy()["NO_PROXY"]) <= shape["max"] == 512
