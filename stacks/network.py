"""The environment's network: created, or taken as it is."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2

from constructs import Construct
from stacks.retention import log_retention
from weighbridge.aws_endpoints import services_of
from weighbridge.settings import CreatedNetwork, EnvironmentSettings, ExistingNetwork, ProxySettings, RouteSettings
from weighbridge_cdk import Egress, NetworkPlacement, PrivateNetwork


class NetworkStack(cdk.Stack):
    """Offers `placement`: where functions and endpoints run."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: EnvironmentSettings) -> None:
        super().__init__(scope, construct_id, description=f"weighbridge {settings.environment}: network")
        url = urlsplit(settings.registry.url)
        self._host, self._port = url.hostname or "", url.port or 443
        if isinstance(settings.network, CreatedNetwork):
            self.placement = self._create(settings.network, settings=settings)
        else:
            self.placement = self._use(settings.network, settings=settings)

    def _create(self, network: CreatedNetwork, *, settings: EnvironmentSettings) -> NetworkPlacement:
        private = PrivateNetwork(
            self,
            "Network",
            cidr=network.cidr,
            availability_zones=network.availability_zones,
            registry_port=self._port,
            services=services_of(settings),
            endpoint_zones=1 if network.profile == "lean" else None,
            organization_id=network.organization_id,
            gateway_prefix_lists=network.gateway_prefix_lists,
            log_retention=log_retention(settings),
        )
        proxy = settings.egress.proxy
        if network.registry_service is not None:
            private.add_registry_service(network.registry_service, host=self._host)
        if network.route is not None:
            self._add_route(private, network.route)
        if proxy is not None:
            for peer in _peers_of(proxy):
                private.allow_workloads(peer, port=proxy.port, why="The egress proxy")
        if network.route is not None and self._is_direct(network, proxy):
            for cidr in network.route.cidrs:
                private.allow_workloads(ec2.Peer.ipv4(cidr), port=self._port, why="The registry, by the added route")
        if settings.egress.ca_bundle is not None or proxy is not None:
            direct = [self._host] if self._is_direct(network, proxy) else []
            private.use_egress(_egress(settings, direct))
        return private.placement

    def _add_route(self, private: PrivateNetwork, route: RouteSettings) -> None:
        if route.transit_gateway_id is not None:
            private.add_transit_gateway(route.transit_gateway_id, cidrs=route.cidrs)
        elif route.peer_vpc_id is not None:
            private.add_peering(
                route.peer_vpc_id,
                cidrs=route.cidrs,
                account=route.peer_account,
                region=route.peer_region,
                role_arn=route.peer_role_arn,
            )
        if route.registry_addresses:
            private.add_registry_addresses(route.registry_addresses, host=self._host)
        if route.resolver_rule_id is not None:
            private.add_resolver_rule(route.resolver_rule_id)

    def _is_direct(self, network: CreatedNetwork, proxy: ProxySettings | None) -> bool:
        """Whether the registry is reached without the proxy: there is none, or its name leads to a private address."""
        route = network.route
        named = route is not None and (bool(route.registry_addresses) or route.resolver_rule_id is not None)
        return proxy is None or named or network.registry_service is not None

    def _use(self, network: ExistingNetwork, *, settings: EnvironmentSettings) -> NetworkPlacement:
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
        peers = [_peer(name) for name in network.peers] or [ec2.Peer.any_ipv4()]
        for port in sorted({443, self._port}):
            for peer in peers:
                group.add_egress_rule(peer, ec2.Port.tcp(port), "AWS services and the registry, as the VPC routes them")
        proxy = settings.egress.proxy
        if proxy is not None:
            for peer in _peers_of(proxy):
                group.add_egress_rule(peer, ec2.Port.tcp(proxy.port), "The egress proxy")
        egress = _egress(settings, [f"{settings.region}.amazonaws.com"])
        return NetworkPlacement(vpc=vpc, subnets=tuple(vpc.isolated_subnets), security_groups=(group,), egress=egress)


def _egress(settings: EnvironmentSettings, direct: list[str]) -> Egress:
    proxy = settings.egress.proxy
    return Egress(
        proxy_url=None if proxy is None else proxy.url,
        no_proxy=(*direct, *(() if proxy is None else proxy.bypass)),
        ca_bundle=settings.egress.ca_bundle,
    )


def _peers_of(proxy: ProxySettings) -> Iterator[ec2.IPeer]:
    for name in proxy.cidrs or (proxy.security_group or "",):
        yield _peer(name)


def _peer(name: str) -> ec2.IPeer:
    if name.startswith("pl-"):
        return ec2.Peer.prefix_list(name)
    return ec2.Peer.security_group_id(name) if name.startswith("sg-") else ec2.Peer.ipv4(name)
