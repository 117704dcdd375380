"""A VPC without a way to the internet, and where in it functions and endpoints are placed."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_route53_targets as targets

from constructs import Construct
from weighbridge.errors import InputError
from weighbridge_cdk.acknowledgements import acknowledge

# Who needs which: the resolver and the containers read the token (secretsmanager, kms) and prove who they are (sts);
# clients in the VPC call endpoints (sagemaker.runtime); the assertion reads them (sagemaker.api), and the registrar the
# training jobs; it sets release ids (ssm) and tells owners (sns); monitoring and logs are for what callers themselves write.
INTERFACE_SERVICES = {
    "SecretsManager": ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
    "Kms": ec2.InterfaceVpcEndpointAwsService.KMS,
    "Sts": ec2.InterfaceVpcEndpointAwsService.STS,
    "SageMakerApi": ec2.InterfaceVpcEndpointAwsService.SAGEMAKER_API,
    "SageMakerRuntime": ec2.InterfaceVpcEndpointAwsService.SAGEMAKER_RUNTIME,
    "Ssm": ec2.InterfaceVpcEndpointAwsService.SSM,
    "Sns": ec2.InterfaceVpcEndpointAwsService.SNS,
    "Logs": ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
    "Monitoring": ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_MONITORING,
}


# A VPC is cut into eight ranges, of which each zone gets one.
SUBNET_BITS = 3


@dataclass(frozen=True, slots=True)
class NetworkPlacement:
    """Where something runs: a VPC, the subnets in it, and the security groups it gets."""

    vpc: ec2.IVpc
    subnets: tuple[ec2.ISubnet, ...]
    security_groups: tuple[ec2.ISecurityGroup, ...]

    @property
    def subnet_ids(self) -> list[str]:
        """Ids of the subnets."""
        return [subnet.subnet_id for subnet in self.subnets]

    @property
    def security_group_ids(self) -> list[str]:
        """Ids of the security groups."""
        return [group.security_group_id for group in self.security_groups]


class PrivateNetwork(Construct):
    """Isolated subnets, gateway endpoints for S3 and DynamoDB, interface endpoints for what weighbridge calls, flow logs.

    Availability zones are given, never looked up: synth stays offline.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        cidr: str,
        availability_zones: Sequence[str],
        registry_port: int = 443,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_YEAR,
    ) -> None:
        """Create the network.

        Args:
            cidr: IPv4 range of the VPC, such as `10.20.0.0/16`.
            availability_zones: names of one to eight zones; one subnet is created in each.
            registry_port: TCP port of the registry, open for workloads besides 443.
            log_retention: how long the record of the VPC's traffic is kept.

        Raises:
            InputError: for no zone, or more than eight.
        """
        super().__init__(scope, construct_id)
        if not 1 <= len(availability_zones) <= 2**SUBNET_BITS:
            raise InputError(f"availability_zones: {len(availability_zones)} zones: give 1 to {2**SUBNET_BITS}")
        self._cidr = cidr
        self._registry_port = registry_port
        self.vpc = self._create_vpc(availability_zones)
        self.workload_security_group = ec2.SecurityGroup(
            self, "Workload", vpc=self.vpc, allow_all_outbound=False, description="What weighbridge runs in this VPC"
        )
        for port in sorted({443, registry_port}):
            self.workload_security_group.add_egress_rule(
                ec2.Peer.any_ipv4(), ec2.Port.tcp(port), "AWS services and the registry; the VPC has no internet route"
            )
        self._endpoint_security_group = ec2.SecurityGroup(
            self, "Endpoints", vpc=self.vpc, allow_all_outbound=False, description="Interface endpoints of this VPC"
        )
        for port in sorted({443, registry_port}):
            self._endpoint_security_group.add_ingress_rule(
                ec2.Peer.ipv4(cidr), ec2.Port.tcp(port), "HTTPS from within the VPC"
            )
        self._add_flow_logs(log_retention)
        self._add_gateways()
        for name, service in INTERFACE_SERVICES.items():
            self.add_service(name, service)

    def _create_vpc(self, availability_zones: Sequence[str]) -> ec2.IVpc:
        """Create VPC and subnets, and return them as if they existed.

        The construct ec2.Vpc would compare the zones with the account's, which it has to look up.
        """
        vpc = ec2.CfnVPC(self, "Vpc", cidr_block=self._cidr, enable_dns_hostnames=True, enable_dns_support=True)
        cdk.Tags.of(vpc).add("Name", self.node.path)
        ranges = ipaddress.IPv4Network(self._cidr).subnets(prefixlen_diff=SUBNET_BITS)
        subnets = [
            ec2.PrivateSubnet(
                self,
                f"Subnet{number}",
                vpc_id=vpc.ref,
                availability_zone=zone,
                cidr_block=str(block),
                map_public_ip_on_launch=False,
            )
            for number, (zone, block) in enumerate(zip(availability_zones, ranges, strict=False), start=1)
        ]
        for subnet in subnets:
            acknowledge(subnet, "zones-from-settings")
        return ec2.Vpc.from_vpc_attributes(
            self,
            "Imported",
            vpc_id=vpc.ref,
            vpc_cidr_block=self._cidr,
            availability_zones=list(availability_zones),
            isolated_subnet_ids=[subnet.subnet_id for subnet in subnets],
            isolated_subnet_route_table_ids=[subnet.route_table.route_table_id for subnet in subnets],
        )

    @property
    def placement(self) -> NetworkPlacement:
        """Where workloads of this network run."""
        return NetworkPlacement(
            vpc=self.vpc,
            subnets=tuple(self.vpc.isolated_subnets),
            security_groups=(self.workload_security_group,),
        )

    def add_service(self, construct_id: str, service: ec2.IInterfaceVpcEndpointService) -> ec2.InterfaceVpcEndpoint:
        """Reach one more service of AWS through an interface endpoint, as an identity of this account alone."""
        endpoint = self._add_interface(construct_id, service)
        endpoint.add_to_policy(_own_principals())
        return endpoint

    def add_registry_service(self, service_name: str, *, host: str) -> ec2.InterfaceVpcEndpoint:
        """Reach the registry through its PrivateLink service, under its own host name and certificate.

        Args:
            service_name: `com.amazonaws.vpce.REGION.vpce-svc-...`, as the registry's operator gives it.
            host: the registry's host name; within the VPC it resolves to the endpoint, and nothing else changes.
        """
        endpoint = self._add_interface(
            "Registry", ec2.InterfaceVpcEndpointService(service_name, self._registry_port), private_dns=False
        )
        zone = route53.PrivateHostedZone(self, "RegistryZone", zone_name=host, vpc=self.vpc)
        target = route53.RecordTarget.from_alias(targets.InterfaceVpcEndpointTarget(endpoint))
        route53.ARecord(self, "RegistryRecord", zone=zone, target=target)
        return endpoint

    def _add_flow_logs(self, retention: logs.RetentionDays) -> None:
        group = logs.LogGroup(
            self, "FlowLogs", retention=retention, removal_policy=cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
        )
        role = iam.Role(self, "FlowLogsRole", assumed_by=iam.ServicePrincipal("vpc-flow-logs.amazonaws.com"))
        ec2.FlowLog(
            self,
            "FlowLog",
            resource_type=ec2.FlowLogResourceType.from_vpc(self.vpc),
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(group, role),
        )

    def _add_interface(
        self, name: str, service: ec2.IInterfaceVpcEndpointService, *, private_dns: bool = True
    ) -> ec2.InterfaceVpcEndpoint:
        return ec2.InterfaceVpcEndpoint(
            self,
            name,
            vpc=self.vpc,
            service=service,
            open=False,
            private_dns_enabled=private_dns,
            security_groups=[self._endpoint_security_group],
            subnets=ec2.SubnetSelection(subnets=self.vpc.isolated_subnets),
        )

    def _add_gateway(self, name: str, service: ec2.GatewayVpcEndpointAwsService) -> ec2.GatewayVpcEndpoint:
        subnets = [ec2.SubnetSelection(subnets=self.vpc.isolated_subnets)]
        return ec2.GatewayVpcEndpoint(self, name, vpc=self.vpc, service=service, subnets=subnets)

    def _add_gateways(self) -> None:
        region = cdk.Stack.of(self).region
        dynamodb = self._add_gateway("DynamoDb", ec2.GatewayVpcEndpointAwsService.DYNAMODB)
        dynamodb.add_to_policy(_own_principals("aws:ResourceAccount"))
        s3 = self._add_gateway("S3", ec2.GatewayVpcEndpointAwsService.S3)
        s3.add_to_policy(_own_principals("aws:ResourceAccount"))
        # Custom resources answer CloudFormation through its own bucket: without this, stacks hang for an hour.
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-vpce-bucketnames.html
        s3.add_to_policy(
            _anyone("s3:PutObject", f"arn:aws:s3:::cloudformation-custom-resource-response-{region.replace('-', '')}/*")
        )
        # The layers of ECR images lie in a bucket of the service.
        # https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html#ecr-minimum-s3-perms
        s3.add_to_policy(_anyone("s3:GetObject", f"arn:aws:s3:::prod-{region}-starport-layer-bucket/*"))


def _own_principals(*conditions: str) -> iam.PolicyStatement:
    """Allow identities of this account; `conditions` are further global keys that have to equal it."""
    account = dict.fromkeys(("aws:PrincipalAccount", *conditions), cdk.Aws.ACCOUNT_ID)
    return iam.PolicyStatement(
        actions=["*"], resources=["*"], principals=[iam.AnyPrincipal()], conditions={"StringEquals": account}
    )


def _anyone(action: str, resource: str) -> iam.PolicyStatement:
    return iam.PolicyStatement(actions=[action], resources=[resource], principals=[iam.AnyPrincipal()])
