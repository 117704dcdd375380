"""GovernedTraining alone: what its options allow, and the request that it makes of tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import aws_cdk as cdk
import pytest
from template_view import Resource, Template, as_list, resources, statements

from weighbridge.errors import InputError
from weighbridge.jobs.compute import Compute
from weighbridge_cdk import (
    ArtifactoryConnection,
    GovernedTraining,
    PrivateNetwork,
    RegistryCredentials,
    Repositories,
)

IMAGE = f"111111111111.dkr.ecr.eu-central-1.amazonaws.com/train@sha256:{'1' * 64}"
NewStack = Callable[[], cdk.Stack]
TemplateOf = Callable[[cdk.Stack], Template]


def training(stack: cdk.Stack, *, compute: Compute | None, docker: bool = False, vpc: bool = True) -> GovernedTraining:
    connection = ArtifactoryConnection(
        stack,
        "Artifactory",
        url="https://registry.example.com/artifactory",
        repositories=Repositories(models="models", records="records"),
    )
    credentials = RegistryCredentials(stack, "Docker", connection=connection, username="trainer") if docker else None
    network = (
        PrivateNetwork(stack, "Network", cidr="10.0.0.0/16", availability_zones=["eu-central-1a"]) if vpc else None
    )
    return GovernedTraining(
        stack,
        "Training",
        connection=connection,
        hub_repository="hub",
        incoming_repository="incoming",
        pypi_repository="pypi",
        placement=network.placement if network else None,
        compute=compute,
        image_credentials=credentials,
    )


def of_jobs(template: Template) -> list[Resource]:
    return [statement for name, statement in statements(template) if name.startswith("Training")]


def test_several_instances_speak_with_each_other_and_with_nobody_more(
    new_stack: NewStack, template_of: TemplateOf
) -> None:
    stack = new_stack()
    compute = Compute(
        instance_type="ml.p4d.24xlarge",
        instance_count=2,
        efa=True,
        distribution="torchrun",
        spot=True,
        checkpoints=True,
    )
    made = training(stack, compute=compute, docker=True)
    cdk.CfnOutput(stack, "Request", value=stack.to_json_string(made.request(image=IMAGE)))
    template = template_of(stack)
    (group,) = [name for name in resources(template, "AWS::EC2::SecurityGroup") if name.startswith("TrainingWorkers")]
    own = {"Fn::GetAtt": [group, "GroupId"]}
    for kind, peer in (("Ingress", "SourceSecurityGroupId"), ("Egress", "DestinationSecurityGroupId")):
        (rule,) = [
            each["Properties"]
            for each in resources(template, f"AWS::EC2::SecurityGroup{kind}").values()
            if each["Properties"]["GroupId"] == own
        ]
        assert rule[peer] == own
        assert rule["IpProtocol"] == "-1"
    text = str(template["Outputs"]["Request"]["Value"])
    assert group in text
    assert '"KeyId"' not in text
    assert "VolumeKmsKeyId" not in text, "a key of the volume is refused on NVMe types"
    assert "TrainingRepositoryCredentialsProviderArn" in text
    (checkpoints,) = [s for s in of_jobs(template) if "/checkpoints/*" in str(s["Resource"])]
    assert set(checkpoints["Action"]) == {"s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"}
    (invoke,) = [s for s in of_jobs(template) if "lambda:InvokeFunction" in as_list(s["Action"])]
    assert "Docker" in str(invoke["Resource"])


def test_one_instance_without_checkpoints_gets_neither(new_stack: NewStack, template_of: TemplateOf) -> None:
    stack = new_stack()
    made = training(stack, compute=Compute(instance_type="ml.c6i.xlarge"))
    found: Any = made.request(image=IMAGE)
    assert found["ResourceConfig"]["VolumeKmsKeyId"] == found["OutputDataConfig"]["KmsKeyId"]
    assert found["EnableNetworkIsolation"] is False
    assert len(found["VpcConfig"]["SecurityGroupIds"]) == 1
    environment = made.environment()
    assert environment["HF_ENDPOINT"] == "https://registry.example.com/artifactory/api/huggingfaceml/hub"
    assert environment["PIP_INDEX_URL"] == "https://registry.example.com/artifactory/api/pypi/pypi/simple"
    template = template_of(stack)
    assert not [name for name in resources(template, "AWS::EC2::SecurityGroup") if name.startswith("TrainingWorkers")]
    assert not [s for s in of_jobs(template) if "checkpoints" in str(s["Resource"])]


def test_no_request_without_a_vpc_or_without_saying_what_jobs_run_on(new_stack: NewStack) -> None:
    with pytest.raises(InputError, match="has no placement: give the VPC"):
        training(new_stack(), compute=Compute(instance_type="ml.c6i.xlarge"), vpc=False).request(image=IMAGE)
    with pytest.raises(InputError, match="has no compute: say what jobs run on"):
        training(new_stack(), compute=None).request(image=IMAGE)
    with pytest.raises(InputError, match="not named by its digest"):
        training(new_stack(), compute=Compute(instance_type="ml.c6i.xlarge")).request(image="train:latest")
