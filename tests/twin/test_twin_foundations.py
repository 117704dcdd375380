"""The app's own stacks of `dev`, deployed with the unmodified CDK CLI; judged by what is there afterwards."""

from __future__ import annotations

from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from local.aws.cdk import CdkCli, CdkError, Deployment
from local.aws.settings import TwinEnvironment, reader_secret, write_settings
from tools.synthesis import synthesize
from weighbridge.trust import load_signer

pytestmark = pytest.mark.twin

DIGEST = f"sha256:{'a' * 64}"
STACKS = ("network", "registry", "governance", "training")
TRAINING = {
    "runtime_image": f"000000000000.dkr.ecr.eu-central-1.amazonaws.com/weighbridge-inference@{DIGEST}",
    "runtime_lock": DIGEST,
    "training_secret": "weighbridge/dev/artifactory-training",
    "registrar_secret": "weighbridge/dev/artifactory-registrar",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("foundations")


@pytest.fixture(scope="module")
def cdk(twin, folder: Path) -> CdkCli:
    dev = TwinEnvironment(name="dev", root_digest=DIGEST, models=("minilm",), training=TRAINING)
    settings = write_settings([dev], folder=folder / "environments", registry_url="http://127.0.0.1:9/artifactory")
    context = {"weighbridge:environments": str(settings), "weighbridge:layer": "host"}
    synthesis = synthesize(outdir=folder / "app", validation=False, context=context)
    return twin.cdk(folder / "cdk", app=str(synthesis.folder))


@pytest.fixture(scope="module")
def deployed(cdk: CdkCli) -> Deployment:
    return cdk.deploy(*(f"weighbridge-dev/{stack}" for stack in STACKS))


@pytest.fixture(scope="module")
def resources(deployed: Deployment) -> dict[str, str]:
    """Physical ids by `STACK/TYPE`; of several resources of a type, one."""
    return {
        f"{name.removeprefix('weighbridge-dev-')}/{event.resource_type.removeprefix('AWS::')}": event.physical_id
        for name, outcome in deployed.outcomes.items()
        for event in outcome.events
        if event.status == "CREATE_COMPLETE"
    }


def test_every_stack_of_the_environment_is_created(twin, deployed):
    assert twin.bootstrap.outcomes["CDKToolkit"].status == "CREATE_COMPLETE"
    assert {name: outcome.status for name, outcome in deployed.outcomes.items()} == {
        f"weighbridge-dev-{stack}": "CREATE_COMPLETE" for stack in STACKS
    }
    assert [outcome.failures for outcome in deployed.outcomes.values()] == [()] * len(STACKS)


def test_the_network_has_no_internet_and_logs_its_traffic(twin, resources):
    ec2 = boto3.client("ec2", **twin.aws.client_options())
    vpc = resources["network/EC2::VPC"]
    ours = [{"Name": "vpc-id", "Values": [vpc]}]
    endpoints = ec2.describe_vpc_endpoints(Filters=ours)["VpcEndpoints"]
    assert {"com.amazonaws.eu-central-1.s3", "com.amazonaws.eu-central-1.secretsmanager"} <= {
        endpoint["ServiceName"] for endpoint in endpoints
    }
    assert len(ec2.describe_subnets(Filters=ours)["Subnets"]) == 2
    routes = [route for table in ec2.describe_route_tables(Filters=ours)["RouteTables"] for route in table["Routes"]]
    assert not [route for route in routes if route.get("DestinationCidrBlock") == "0.0.0.0/0"]
    flows = ec2.describe_flow_logs(Filters=[{"Name": "resource-id", "Values": [vpc]}])["FlowLogs"]
    assert [flow["TrafficType"] for flow in flows] == ["ALL"]


def test_the_secret_has_no_value_until_somebody_puts_one_there(twin, resources):
    secrets = boto3.client("secretsmanager", **twin.aws.client_options())
    arn = resources["registry/SecretsManager::Secret"]
    assert arn.startswith("arn:aws:secretsmanager:eu-central-1:000000000000:secret:weighbridge/dev/artifactory-reader-")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        secrets.get_secret_value(SecretId=arn)


def test_table_and_bucket_take_what_the_resolver_writes(twin, resources):
    options = twin.aws.client_options()
    table = resources["governance/DynamoDB::Table"]
    assert boto3.client("dynamodb", **options).describe_table(TableName=table)["Table"]["TableStatus"] == "ACTIVE"
    bucket = resources["governance/S3::Bucket"]
    assert boto3.client("s3", **options).get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"


def test_a_key_of_the_registrar_signs_what_its_public_half_verifies(twin, deployed):
    kms = boto3.client("kms", **twin.aws.client_options())
    signer = load_signer(deployed.outcomes["weighbridge-dev-training"].outputs["StatementsKey"], kms_client=kms)
    signature = signer.sign(b"statement" * 1000)
    signer.public_key.verify_signature(signature, b"statement" * 1000)


def test_the_resolver_really_runs_and_its_refusal_is_the_reason_of_the_stack(twin, cdk, deployed):
    ssm = boto3.client("ssm", **twin.aws.client_options())
    name = "/weighbridge/dev/minilm/release-id"
    ssm.put_parameter(Name=name, Value=f"1@{DIGEST}", Type="String", Overwrite=True)
    outcome = cdk.deploy("weighbridge-dev/inference-minilm").outcomes["weighbridge-dev-inference-minilm"]
    assert outcome.status == "ROLLBACK_COMPLETE"
    cause = outcome.failures[0]
    assert cause.resource_type == "Custom::WeighbridgePromotedModel"
    assert reader_secret("dev") in cause.reason
    assert cause.reason.endswith("[registry.auth]")


def test_a_synth_that_fails_is_an_error_with_the_cause_not_an_outcome(twin, tmp_path, deployed):
    broken = twin.cdk(tmp_path, app="sh -c 'echo weighbridge: dev.yaml is broken >&2; exit 2'")
    with pytest.raises(CdkError, match=r"dev\.yaml is broken"):
        broken.deploy("weighbridge-dev/network")
