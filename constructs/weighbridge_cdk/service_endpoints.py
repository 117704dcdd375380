"""Endpoints of AWS's services in a VPC, with policies: for whom, and for what belongs to whom."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam

from constructs import Construct
from weighbridge.aws_endpoints import SERVICES
from weighbridge.errors import InputError

# Those whose every call that weighbridge makes names a resource that could be somebody else's: what is read, signed with or
# told there. The other services have calls without a resource, for which aws:ResourceAccount is absent.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-resourceaccount
RESOURCE_BOUND = frozenset({"kms", "secretsmanager", "sns"})


class ServiceEndpoints(Construct):
    """Interface endpoints under the services' own names. Their security group lets nobody in until someone is named."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        vpc: ec2.IVpc,
        subnets: Sequence[ec2.ISubnet],
        services: Sequence[str],
        organization_id: str | None = None,
    ) -> None:
        """Create the endpoints.

        Args:
            vpc: the VPC.
            subnets: where they get their network interfaces, at most one subnet in a zone.
            services: their names, as in `com.amazonaws.REGION.NAME`.
            organization_id: what may be reached is this organisation's; default: the account's.

        Raises:
            InputError: for a service that weighbridge does not know.
        """
        super().__init__(scope, construct_id)
        self.security_group = ec2.SecurityGroup(
            self,
            "SecurityGroup",
            vpc=vpc,
            allow_all_outbound=False,
            description="Interface endpoints of AWS services",
        )
        for name in services:
            if name not in SERVICES:
                raise InputError(f"services: {name!r} is not known: give some of {', '.join(SERVICES)}")
            endpoint = ec2.InterfaceVpcEndpoint(
                self,
                "".join(part.capitalize() for part in name.split(".")),
                vpc=vpc,
                service=ec2.InterfaceVpcEndpointAwsService(name),
                open=False,
                private_dns_enabled=True,
                security_groups=[self.security_group],
                subnets=ec2.SubnetSelection(subnets=list(subnets)),
            )
            endpoint.add_to_policy(own_principals(organization_id, bound=name in RESOURCE_BOUND))


def add_gateways(
    scope: Construct, *, vpc: ec2.IVpc, subnets: Sequence[ec2.ISubnet], organization_id: str | None = None
) -> None:
    """Create the gateway endpoints of S3 and DynamoDB on the route tables of `subnets`; they cost nothing."""
    region, selected = cdk.Stack.of(scope).region, [ec2.SubnetSelection(subnets=list(subnets))]
    dynamodb = ec2.GatewayVpcEndpoint(
        scope, "DynamoDb", vpc=vpc, service=ec2.GatewayVpcEndpointAwsService.DYNAMODB, subnets=selected
    )
    dynamodb.add_to_policy(own_principals(organization_id, bound=True))
    s3 = ec2.GatewayVpcEndpoint(scope, "S3", vpc=vpc, service=ec2.GatewayVpcEndpointAwsService.S3, subnets=selected)
    s3.add_to_policy(own_principals(organization_id, bound=True))
    # Custom resources answer CloudFormation through its own bucket: without this, stacks hang for an hour.
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-vpce-bucketnames.html
    s3.add_to_policy(
        _anyone("s3:PutObject", f"arn:aws:s3:::cloudformation-custom-resource-response-{region.replace('-', '')}/*")
    )
    # The layers of ECR images lie in a bucket of the service.
    # https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html#ecr-minimum-s3-perms
    s3.add_to_policy(_anyone("s3:GetObject", f"arn:aws:s3:::prod-{region}-starport-layer-bucket/*"))


def own_principals(organization_id: str | None, *, bound: bool) -> iam.PolicyStatement:
    """Allow identities of this account; with `bound`, only on resources of the account, or of the organisation."""
    conditions = {"aws:PrincipalAccount": cdk.Aws.ACCOUNT_ID}
    if bound and organization_id is None:
        conditions["aws:ResourceAccount"] = cdk.Aws.ACCOUNT_ID
    elif bound:
        conditions["aws:ResourceOrgID"] = str(organization_id)
    return iam.PolicyStatement(
        actions=["*"], resources=["*"], principals=[iam.AnyPrincipal()], conditions={"StringEquals": conditions}
    )


def _anyone(action: str, resource: str) -> iam.PolicyStatement:
    return iam.PolicyStatement(actions=[action], resources=[resource], principals=[iam.AnyPrincipal()])
