"""Rights that SageMaker needs for every container, be it one that serves or one that trains."""

from __future__ import annotations

import re
from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from constructs import Construct
from weighbridge.errors import InputError
from weighbridge_cdk.acknowledgements import ANY_RESOURCE, acknowledge
from weighbridge_cdk.network import NetworkPlacement

_ECR = re.compile(r"([0-9]{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/([a-z0-9][a-z0-9._/-]*)")


def allow_network_interfaces(scope: Construct, *, role: iam.IRole, placement: NetworkPlacement) -> None:
    """Let SageMaker join the container to `placement`: interfaces in its subnets, with its security groups."""
    # https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html (CreateModel and CreateTrainingJob with a VPC)
    stack = cdk.Stack.of(scope)
    interfaces = stack.format_arn(service="ec2", resource="network-interface", resource_name="*")
    subnets = [stack.format_arn(service="ec2", resource="subnet", resource_name=name) for name in placement.subnet_ids]
    groups = [
        stack.format_arn(service="ec2", resource="security-group", resource_name=name)
        for name in placement.security_group_ids
    ]
    describe = ["DhcpOptions", "NetworkInterfaces", "SecurityGroups", "Subnets", "Vpcs"]
    statements = [
        iam.PolicyStatement(actions=[f"ec2:Describe{what}" for what in describe], resources=[ANY_RESOURCE]),
        iam.PolicyStatement(actions=["ec2:CreateNetworkInterface"], resources=[interfaces, *subnets, *groups]),
        iam.PolicyStatement(
            actions=[
                "ec2:CreateNetworkInterfacePermission",
                "ec2:DeleteNetworkInterface",
                "ec2:DeleteNetworkInterfacePermission",
            ],
            resources=[interfaces],
        ),
    ]
    policy = iam.Policy(scope, "NetworkInterfaces", statements=statements, roles=[role])
    acknowledge(policy, "describe-and-interfaces", resource=ANY_RESOURCE)
    acknowledge(policy, "new-interfaces", resource=interfaces)


def allow_images(scope: Construct, *, role: iam.IRole, repositories: Sequence[str]) -> None:
    """Let SageMaker pull from these ECR repositories (`ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME`), and from no other.

    Raises:
        InputError: when an entry is not an ECR repository.
    """
    if not repositories:
        return
    statements = [
        iam.PolicyStatement(actions=["ecr:GetAuthorizationToken"], resources=[ANY_RESOURCE]),
        iam.PolicyStatement(
            actions=["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            resources=[_repository_arn(scope, repository) for repository in repositories],
        ),
    ]
    policy = iam.Policy(scope, "Images", statements=statements, roles=[role])
    acknowledge(policy, "ecr-authorization", resource=ANY_RESOURCE)


def _repository_arn(scope: Construct, repository: str) -> str:
    match = _ECR.fullmatch(repository)
    if match is None:
        raise InputError(
            f"image_repositories: {repository!r} is not an ECR repository: "
            "give ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME without a tag"
        )
    account, region, name = match.groups()
    return cdk.Stack.of(scope).format_arn(
        service="ecr", account=account, region=region, resource="repository", resource_name=name
    )
