"""A Lambda function whose code is one of weighbridge's handlers, with the library beside it and the layer below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

from constructs import Construct
from weighbridge_cdk.acknowledgements import ANY_RESOURCE, acknowledge
from weighbridge_cdk.assets import assemble_function
from weighbridge_cdk.egress import Authorities, function_variables
from weighbridge_cdk.layer import ARCHITECTURE, RUNTIME, DependencyLayer
from weighbridge_cdk.network import NetworkPlacement


class LibraryFunction(Construct):
    """The function `lambdas/HANDLER`, its role and its log group. Nobody may do anything with it until granted."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        handler: str,
        description: str,
        timeout: cdk.Duration,
        environment: Mapping[str, str] | None = None,
        memory_size: int = 512,
        storage_size: int | None = None,
        placement: NetworkPlacement | None = None,
        layer: lambda_.ILayerVersion | None = None,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_YEAR,
    ) -> None:
        """Create the function.

        Args:
            handler: name of the folder under `lambdas/`, whose handler.py has `handler(event, context)`.
            description: what the function does, for the console.
            timeout: how long one invocation may take.
            environment: environment variables; never a secret.
            memory_size: in MiB; CPU grows with it.
            storage_size: of /tmp, in MiB; default: Lambda's 512.
            placement: the VPC to run in, with its proxy and authorities; default: none.
            layer: the dependencies; default: the stack's DependencyLayer.
            log_retention: how long logs are kept.
        """
        super().__init__(scope, construct_id)
        self.log_group = logs.LogGroup(
            self, "Logs", retention=log_retention, removal_policy=cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
        )
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        self.log_group.grant_write(self.role)
        if placement is not None:
            self._allow_network_interfaces()
        asset = assemble_function(handler)
        egress = placement.egress if placement else None
        bundle = egress.ca_bundle if egress else None
        authorities = [] if bundle is None else [Authorities.of(self, bundle).layer]
        self.function = lambda_.Function(
            self,
            "Function",
            runtime=RUNTIME,
            architecture=ARCHITECTURE,
            code=lambda_.Code.from_asset(
                str(asset.folder), asset_hash=asset.digest, asset_hash_type=cdk.AssetHashType.CUSTOM
            ),
            handler="handler.handler",
            layers=[layer or DependencyLayer.of(self).layer, *authorities],
            role=self.role,
            log_group=self.log_group,
            description=description,
            timeout=timeout,
            memory_size=memory_size,
            ephemeral_storage_size=None if storage_size is None else cdk.Size.mebibytes(storage_size),
            environment={**function_variables(egress), **(environment or {})},
            vpc=placement.vpc if placement else None,
            vpc_subnets=ec2.SubnetSelection(subnets=list(placement.subnets)) if placement else None,
            security_groups=list(placement.security_groups) if placement else None,
        )
        acknowledge(self.function, "runtime-of-locked-layer")

    def allow(self, *actions: str, resources: Sequence[str]) -> None:
        """Let the function do `actions` on `resources` (ARNs)."""
        self.role.add_to_policy(iam.PolicyStatement(actions=list(actions), resources=list(resources)))

    def _allow_network_interfaces(self) -> None:
        # https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
        policy = iam.Policy(
            self,
            "NetworkInterfaces",
            statements=[
                iam.PolicyStatement(
                    actions=[
                        "ec2:AssignPrivateIpAddresses",
                        "ec2:CreateNetworkInterface",
                        "ec2:DeleteNetworkInterface",
                        "ec2:DescribeNetworkInterfaces",
                        "ec2:DescribeSubnets",
                        "ec2:UnassignPrivateIpAddresses",
                    ],
                    resources=["*"],
                )
            ],
            roles=[self.role],
        )
        acknowledge(policy, "describe-and-interfaces", resource=ANY_RESOURCE)
