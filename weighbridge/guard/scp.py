"""A service control policy for an environment's account: what serves comes through CloudFormation, what trains is governed.

A service control policy denies and never allows, and binds everybody in the account but AWS's own service-linked roles.
Condition keys: Service Authorization Reference, "Actions, resources, and condition keys for Amazon SageMaker AI".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from weighbridge.canonical import Json, JsonObject
from weighbridge.errors import InputError
from weighbridge.settings import EnvironmentSettings, ExistingNetwork

HOSTING = (
    "sagemaker:CreateEndpoint",
    "sagemaker:CreateEndpointConfig",
    "sagemaker:CreateInferenceComponent",
    "sagemaker:CreateModel",
    "sagemaker:UpdateEndpoint",
    "sagemaker:UpdateInferenceComponent",
)
TRAINING = "sagemaker:CreateTrainingJob"
# The CDK's default qualifier; https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-env.html
QUALIFIER = "hnb659fds"
# https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html
SIZE_LIMIT = 5120
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+")


def service_control_policy(settings: EnvironmentSettings, *, execution_roles: Sequence[str] = ()) -> JsonObject:
    """Return the policy for the environment's account.

    Args:
        settings: the environment.
        execution_roles: ARNs of the roles that CloudFormation deploys with; default: the one of `cdk bootstrap`.

    Raises:
        InputError: for what is not the ARN of one role: a pattern would open the door again.
    """
    roles = list(execution_roles) or [_bootstrapped_role(settings)]
    for role in roles:
        if not _ROLE.fullmatch(role):
            raise InputError(f"--execution-role: {role!r} is not a role's ARN: give arn:aws:iam::ACCOUNT:role/NAME")
    return {"Version": "2012-10-17", "Statement": [_hosting(roles), *_training(settings)]}


def _hosting(roles: Sequence[str]) -> JsonObject:
    return _deny("HostThroughCloudFormation", *HOSTING, condition={"ArnNotEquals": {"aws:PrincipalArn": list(roles)}})


def _training(settings: EnvironmentSettings) -> list[Json]:
    if settings.training is None:
        return [_deny("TrainNothing", TRAINING)]
    found: list[Json] = [
        _deny("TrainInSubnets", TRAINING, condition={"Null": {"sagemaker:VpcSubnets": "true"}}),
        _deny("TrainInSecurityGroups", TRAINING, condition={"Null": {"sagemaker:VpcSecurityGroupIds": "true"}}),
        _deny("TrainWithoutShell", TRAINING, condition={"Bool": {"sagemaker:EnableRemoteDebug": "true"}}),
    ]
    if isinstance(settings.network, ExistingNetwork):
        ours: JsonObject = {"sagemaker:VpcSubnets": list(settings.network.subnet_ids)}
        found.append(_deny("TrainInOurSubnets", TRAINING, condition={"ForAnyValue:StringNotEquals": ours}))
    return found


def _deny(sid: str, *actions: str, condition: Mapping[str, Json] | None = None) -> JsonObject:
    statement: JsonObject = {"Sid": sid, "Effect": "Deny", "Action": list(actions), "Resource": "*"}
    return statement if condition is None else {**statement, "Condition": dict(condition)}


def partition_of(region: str) -> str:
    """Return the partition of AWS that a region is in."""
    found = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
    return next((partition for start, partition in found.items() if region.startswith(start)), "aws")


def _bootstrapped_role(settings: EnvironmentSettings) -> str:
    account, region = settings.account, settings.region
    return f"arn:{partition_of(region)}:iam::{account}:role/cdk-{QUALIFIER}-cfn-exec-role-{account}-{region}"
