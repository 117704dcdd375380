"""The environment's network: created, or taken as it is."""

from __future__ import annotations

from urllib.parse import urlsplit

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2

from constructs import Construct
from stacks.retention import log_retention
from weighbridge.settings import CreatedNetwork, EnvironmentSettings, ExistingNetwork
from weighbridge_cdk import NetworkPlacement, PrivateNetwork


class NetworkStack(cdk.Stack):
    """Offers `placement`: where functions and endpoints run."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: EnvironmentSettings) -> None:
        super().__init__(scope, construct_id, description=f"weighbridge {settings.environment}: network")
        url = urlsplit(settings.registry.url)
        host, port = url.hostname or "", url.port or 443
        if isinstance(settings.network, CreatedNetwork):
            self.placement = self._create(settings.network, settings=settings, registry_host=host, registry_port=port)
        else:
            self.placement = self._use(settings.network, registry_port=port)

    def _create(
        self, network: CreatedNetwork, *, settings: EnvironmentSettings, registry_host: str, registry_port: int
    ) -> NetworkPlacement:
        private = PrivateNetwork(
            self,
            "Network",
            cidr=network.cidr,
            availability_zones=network.availability_zones,
            registry_port=registry_port,
            log_retention=log_retention(settings),
        )
        _add_services_of_guard(private, settings)
        if network.registry_service is not None:
            private.add_registry_service(network.registry_service, host=registry_host)
        return private.placement

    def _use(self, network: ExistingNetwork, *, registry_port: int) -> NetworkPlacement:
        vpc = ec2.Vpc.from_vpc_attributes(
            self,
            "Vpc",
            vpc_id=network.vpc_id,
            availability_zones=list(network.availability_zones),
            isolated_subnet_ids=list(network.subnet_ids),
        )
        group = ec2.SecurityGroup(
            self, "Workload", vpc=vpc, allow_all_outbound=False, description="What weighbridge runs in this VPC"
        )
        for port in sorted({443, registry_port}):
            group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(port), "AWS services and the registry")
        return NetworkPlacement(vpc=vpc, subnets=tuple(vpc.isolated_subnets), security_groups=(group,))


def _add_services_of_guard(network: PrivateNetwork, settings: EnvironmentSettings) -> None:
    """Let the reconciler tell what it finds."""
    reconciler = settings.guard.reconciler
    if reconciler.enabled:
        network.add_service("Events", ec2.InterfaceVpcEndpointAwsService.EVENTBRIDGE)
        if reconciler.security_hub:
            network.add_service("SecurityHub", ec2.InterfaceVpcEndpointAwsService.SECURITYHUB)
