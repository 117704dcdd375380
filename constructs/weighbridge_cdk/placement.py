"""Where in a VPC functions, endpoints and training jobs are placed, and how they get out of it."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import aws_ec2 as ec2

from weighbridge_cdk.egress import Egress


@dataclass(frozen=True, slots=True)
class NetworkPlacement:
    """Where something runs: a VPC, the subnets in it, and the security groups it gets.

    `egress` is the proxy to use and the authorities to trust; None for direct ways and public authorities.
    """

    vpc: ec2.IVpc
    subnets: tuple[ec2.ISubnet, ...]
    security_groups: tuple[ec2.ISecurityGroup, ...]
    egress: Egress | None = None

    @property
    def subnet_ids(self) -> list[str]:
        """Ids of the subnets."""
        return [subnet.subnet_id for subnet in self.subnets]

    @property
    def security_group_ids(self) -> list[str]:
        """Ids of the security groups."""
        return [group.security_group_id for group in self.security_groups]
