"""Policies for the role that CloudFormation deploys an environment's stacks with, in place of AdministratorAccess.

What each type of resource takes comes from CloudFormation's own schemas (resource_actions.json, written by
tools/generate_resource_actions.py); on what it may be done, from how the stacks and CloudFormation name things.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Literal, get_args

from weighbridge.canonical import Json, JsonObject
from weighbridge.errors import InputError
from weighbridge.guard.scp import QUALIFIER, partition_of
from weighbridge.settings import CreatedNetwork, EnvironmentSettings

Part = Literal["access", "network", "models", "runtime"]
PARTS: tuple[Part, ...] = get_args(Part)
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html (white space does not count)
SIZE_LIMIT = 6144
# CloudFormation cuts the stack's name in the names that it makes, where a service allows 64 characters or fewer.
PREFIX_LIMIT = 20
PASSED_TO = ("events", "hooks.cloudformation", "lambda", "sagemaker", "states", "vpc-flow-logs")
SERVICE_ROLES = ("dynamodb.application-autoscaling", "hooks.cloudformation", "sagemaker.application-autoscaling")
_ACTIONS = Path(__file__).with_name("resource_actions.json")
_ACCESS = ("iam", "kms", "secretsmanager", "ssm")
_NETWORK = ("ec2", "route53", "route53resolver")
_MODELS = ("application-autoscaling", "cloudformation", "dynamodb", "s3", "sagemaker")
_RUNTIME = ("cloudwatch", "events", "lambda", "logs", "sns", "sqs", "states")
_ASSETS = ("s3:GetObject", "s3:GetObjectVersion")
_CHANGES_OF_ROLES = ("AttachRolePolicy", "CreateRole", "DeleteRolePolicy", "DetachRolePolicy", "PutRolePolicy")
# With a key, on behalf of whoever CloudFormation lets use it, and never by itself.
_KEY_USE = (
    "kms:CreateGrant", "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:RevokeGrant",
)  # fmt: skip
_KEY_USERS = ("dynamodb", "events", "lambda", "s3", "secretsmanager", "sqs", "states")
# What the service authorization reference lists without a resource.
_EVERYWHERE = frozenset(
    {"cloudwatch:GetMetricData", "kms:CreateKey", "lambda:CreateEventSourceMapping", "logs:CreateLogDelivery",
     "logs:DeleteLogDelivery", "logs:DeleteResourcePolicy", "logs:PutResourcePolicy", "route53:CreateHostedZone"}
)  # fmt: skip


@cache
def resource_actions() -> Mapping[str, tuple[str, ...]]:
    """Return the actions that CloudFormation needs for each type of resource that a stack may hold."""
    found = json.loads(_ACTIONS.read_text(encoding="utf-8"))
    return {kind: tuple(actions) for kind, actions in found.items()}


def execution_policy(settings: EnvironmentSettings, *, part: Part, boundary: str | None = None) -> JsonObject:
    """Return one of the four policies that the role needs together.

    Args:
        settings: the environment.
        part: `access` (roles, keys, secrets, parameters), `network`, `models` (SageMaker and what is kept) or `runtime`
            (functions, events, logs): one policy would be too long.
        boundary: name of a managed policy; roles are then made and changed with it as their permissions boundary alone.

    Raises:
        InputError: for a boundary that the role itself could change.
    """
    found = _Policies(settings, boundary=boundary)
    if part == "access":
        statements = found.access()
    elif part == "network":
        statements = found.network()
    else:
        statements = found.services(_MODELS if part == "models" else _RUNTIME)
    return {"Version": "2012-10-17", "Statement": list(statements)}


class _Policies:
    def __init__(self, settings: EnvironmentSettings, *, boundary: str | None) -> None:
        self._settings = settings
        self._partition = partition_of(settings.region)
        self._full = f"weighbridge-{settings.environment}"
        self._prefix = f"{self._full}-"[:PREFIX_LIMIT]
        self._boundary = None if boundary is None else self._arn("iam", f"policy/{boundary}", region="")
        if boundary is not None and (boundary.startswith(self._prefix) or "*" in boundary):
            raise InputError(
                f"--boundary: {boundary!r} could be changed by the role itself: "
                f"give the name of a policy that does not begin with {self._prefix!r}"
            )

    def access(self) -> Iterator[JsonObject]:
        """Roles and policies by their prefix, keys that are made, secrets that are never read, parameters."""
        actions = self._actions(*_ACCESS)
        yield self._look("LookAtAccess", actions)
        roles, policies = (self._arn("iam", f"{kind}/{self._prefix}*", region="") for kind in ("role", "policy"))
        changes = [f"iam:{name}" for name in _CHANGES_OF_ROLES]
        bounded = {} if self._boundary is None else {"StringEquals": {"iam:PermissionsBoundary": self._boundary}}
        attaching = {"ArnLike": {"iam:PolicyARN": policies}}
        by_name = {"AttachRolePolicy", "DetachRolePolicy"}
        yield _allow(
            "ChangeRoles", [each for each in changes if each.partition(":")[2] not in by_name], [roles], bounded
        )
        yield _allow("AttachOurPolicies", sorted(f"iam:{name}" for name in by_name), [roles], {**bounded, **attaching})
        if self._boundary is not None:
            yield _allow("BoundRoles", ["iam:PutRolePermissionsBoundary"], [roles], bounded)
        passed: JsonObject = {"iam:PassedToService": [f"{name}.amazonaws.com" for name in PASSED_TO]}
        yield _allow("PassRoles", ["iam:PassRole"], [roles], {"StringEquals": passed})
        linked: JsonObject = {"iam:AWSServiceName": [f"{name}.amazonaws.com" for name in SERVICE_ROLES]}
        linked_roles = self._arn("iam", "role/aws-service-role/*", region="")
        yield _allow("LinkServices", ["iam:CreateServiceLinkedRole"], [linked_roles], {"StringEquals": linked})
        apart = {*changes, "iam:CreateServiceLinkedRole", "iam:PassRole"}
        rest = [each for each in actions if each.startswith("iam:") and not _looks(each) and each not in apart]
        yield _allow("RolesAndPolicies", rest, [roles, policies])
        yield from self._keys(actions)
        secrets = self._arn("secretsmanager", "secret:*")
        yield _allow("SecretsUnread", _of("secretsmanager", actions), [secrets])
        own = self._arn("ssm", f"parameter/weighbridge/{self._settings.environment}/*")
        bootstrap = self._arn("ssm", f"parameter/cdk-bootstrap/{QUALIFIER}/version")
        yield _allow("Parameters", [each for each in _of("ssm", actions) if each != "ssm:GetParameters"], [own])
        yield _allow("ReadParameters", ["ssm:GetParameters"], [own, bootstrap])
        bucket = f"cdk-{QUALIFIER}-assets-{self._settings.account}-{self._settings.region}"
        yield _allow("Assets", list(_ASSETS), [f"arn:{self._partition}:s3:::{bucket}/*"])

    def network(self) -> Iterator[JsonObject]:
        """EC2 in the region, and DNS. Where the VPC exists, security groups and flow logs are left of it."""
        actions = self._actions(*_NETWORK)
        yield self._look("LookAtNetwork", actions)
        here = {"StringEquals": {"aws:RequestedRegion": self._settings.region}}
        created = isinstance(self._settings.network, CreatedNetwork)
        ec2 = _of("ec2", actions)
        yield _allow("Network", ec2 if created else [each for each in ec2 if "SecurityGroup" in each], ["*"], here)
        if not created:
            yield _allow("Tag", ["ec2:CreateTags", "ec2:DeleteTags"], [self._arn("ec2", "security-group/*")])
            return
        yield _allow("MakeZones", ["route53:CreateHostedZone"], ["*"])
        zones = [f"arn:{self._partition}:route53:::{kind}/*" for kind in ("change", "hostedzone")]
        yield _allow("Names", [each for each in _of("route53", actions) if each not in _EVERYWHERE], zones)
        yield _allow("ResolverRules", _of("route53resolver", actions), ["*"], here)
        route = self._settings.network.route if isinstance(self._settings.network, CreatedNetwork) else None
        if route is not None and route.peer_role_arn is not None:
            yield _allow("AcceptPeering", ["sts:AssumeRole"], [route.peer_role_arn])

    def services(self, services: Sequence[str]) -> Iterator[JsonObject]:
        """Services by the names that the stacks give, and that CloudFormation makes of the stacks' names."""
        actions = [each for each in self._actions(*services) if each not in _ASSETS]
        yield self._look("Look", actions)
        here = {"StringEquals": {"aws:RequestedRegion": self._settings.region}}
        wide = [each for each in actions if each in _EVERYWHERE or each.startswith("cloudformation:")]
        yield _allow("WithoutResource", [each for each in wide if not _looks(each)], ["*"], here)
        for service, resources in self._resources().items():
            if service in services:
                rest = [each for each in _of(service, actions) if each not in _EVERYWHERE]
                yield _allow(service.replace("-", "").capitalize(), rest, resources)

    def _resources(self) -> dict[str, list[str]]:
        prefix, full = f"{self._prefix}*", f"{self._full}-*"
        return {
            "application-autoscaling": [self._arn("application-autoscaling", "scalable-target/*")],
            "cloudwatch": [
                self._arn("cloudwatch", f"alarm:{prefix}"),
                self._arn("cloudwatch", f"dashboard/{self._full}", region=""),
                self._arn("cloudwatch", f"dashboard/{full}", region=""),
            ],
            "dynamodb": [self._arn("dynamodb", f"table/{prefix}")],
            "events": [self._arn("events", f"{kind}/{prefix}") for kind in ("event-bus", "rule")],
            "lambda": [
                self._arn("lambda", f"function:{prefix}"),
                # CloudFormation names these by their logical id, or by a number.
                *(self._arn("lambda", f"{kind}:*") for kind in ("event-source-mapping", "layer")),
            ],
            "logs": [self._arn("logs", f"log-group:{prefix}")],
            "s3": [f"arn:{self._partition}:s3:::{prefix}"],
            "sagemaker": [
                self._arn("sagemaker", name)
                for name in (
                    "endpoint-config/*", f"endpoint/{full}", f"inference-component/{full}", "model/*",
                    "notebook-instance-lifecycle-config/*", f"studio-lifecycle-config/{full}",
                )
            ],
            "sns": [self._arn("sns", prefix)],
            "sqs": [self._arn("sqs", prefix)],
            "states": [self._arn("states", "stateMachine:*")],
        }  # fmt: skip

    def _keys(self, actions: Sequence[str]) -> Iterator[JsonObject]:
        region = self._settings.region
        through: JsonObject = {"kms:ViaService": [f"{name}.{region}.amazonaws.com" for name in _KEY_USERS]}
        keys, aliases = self._arn("kms", "key/*"), self._arn("kms", "alias/*")
        yield _allow("MakeKeys", ["kms:CreateKey"], ["*"])
        yield _allow("KeysThroughServices", list(_KEY_USE), [keys], {"StringLike": through})
        # A schema names kms:ReEncrypt, which is the call; the actions are ReEncryptFrom and ReEncryptTo.
        apart = {*_KEY_USE, "kms:CreateKey", "kms:ReEncrypt"}
        yield _allow("Keys", [each for each in _of("kms", actions) if each not in apart], [keys, aliases])

    def _actions(self, *services: str) -> list[str]:
        every = {action for actions in resource_actions().values() for action in actions}
        return sorted(each for each in every if each.partition(":")[0] in services)

    def _look(self, sid: str, actions: Sequence[str]) -> JsonObject:
        return _allow(sid, [each for each in actions if _looks(each)], ["*"])

    def _arn(self, service: str, resource: str, *, region: str | None = None) -> str:
        place = self._settings.region if region is None else region
        return f"arn:{self._partition}:{service}:{place}:{self._settings.account}:{resource}"


def _looks(action: str) -> bool:
    """Whether an action only lists or describes: what resources there are, never what lies in them."""
    return action.partition(":")[2].startswith(("Describe", "List", "BatchDescribe"))


def _of(service: str, actions: Sequence[str]) -> list[str]:
    return [each for each in actions if each.startswith(f"{service}:") and not _looks(each)]


def _allow(
    sid: str, actions: Sequence[str], resources: Sequence[str], condition: Mapping[str, Json] | None = None
) -> JsonObject:
    statement: JsonObject = {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": list(resources)}
    return {**statement, "Condition": dict(condition)} if condition else statement
