"""The one list of findings (cdk-nag, CloudFormation's rules) that are accepted, each with its reason; constructs apply them where they arise.

An entry is applied to the narrowest construct that has the finding, in every environment alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import aws_cdk as cdk

from constructs import IConstruct

ANY_RESOURCE = "*"


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """A rule, qualified by its plugin where it is not cdk-nag's, and why its finding is accepted."""

    rule: str
    reason: str


ACKNOWLEDGEMENTS: Mapping[str, Acknowledgement] = {
    "describe-and-interfaces": Acknowledgement(
        "AwsSolutions-IAM5",
        "EC2's Describe actions know no resource-level permissions, and ids of network interfaces do not exist before "
        "they are created. Lambda itself, not the function's code, creates them in the subnets of the function.",
    ),
    "new-interfaces": Acknowledgement(
        "AwsSolutions-IAM5",
        "Ids of network interfaces do not exist before they are created; in which subnets and with which security "
        "groups they may be created is listed.",
    ),
    "log-streams": Acknowledgement(
        "AwsSolutions-IAM5",
        "SageMaker names the log streams; the log group is the endpoint's own.",
    ),
    "ecr-authorization": Acknowledgement(
        "AwsSolutions-IAM5",
        "ecr:GetAuthorizationToken knows no resource-level permissions; pulling is limited to the listed repositories.",
    ),
    "scalable-targets": Acknowledgement(
        "AwsSolutions-IAM5",
        "Application Auto Scaling names targets and their alarms, and CloudFormation names endpoint configs; targets are limited "
        "to SageMaker's variants by conditions, alarms to the endpoint's by their prefix.",
    ),
    "cached-objects": Acknowledgement(
        "AwsSolutions-IAM5",
        "Cached objects are named by their digests, which the pull verifies; prefixes limit the rest to channel and model.",
    ),
    "cache-access-is-the-containers-own": Acknowledgement(
        "AwsSolutions-S1",
        "The cache holds copies that are verified whenever they are read, and loses them after days; nobody but the containers "
        "may read or write objects. Access is recorded by CloudTrail data events.",
    ),
    "seals-by-number": Acknowledgement(
        "AwsSolutions-IAM5",
        "A seal is named by the number that it begins with, which nobody knows before; Object Lock keeps those that are there.",
    ),
    "endpoint-logs": Acknowledgement(
        "AwsSolutions-IAM5",
        "Log groups of this environment's endpoints, whose names begin with the environment's; they are read for load receipts.",
    ),
    "counted-signatures": Acknowledgement(
        "AwsSolutions-IAM5",
        "cloudtrail:LookupEvents knows no resource-level permissions; the auditor asks for signatures alone.",
    ),
    "metadata-objects": Acknowledgement(
        "AwsSolutions-IAM5",
        "Signed metadata is kept under names that change with every version; the bucket holds nothing else.",
    ),
    "metadata-access-in-cloudtrail": Acknowledgement(
        "AwsSolutions-S1",
        "Object access is recorded by CloudTrail data events. What lies here is signed and verified on every read.",
    ),
    "token-rotated-in-registry": Acknowledgement(
        "AwsSolutions-SMG4",
        "Artifactory issues the token, so it is rotated there and put here; Secrets Manager alone cannot rotate it.",
    ),
    "runtime-of-locked-layer": Acknowledgement(
        "AwsSolutions-L1",
        "The layer's compiled wheels are locked for this runtime, which AWS supports; lock and runtime move together.",
    ),
    "keys-by-alias": Acknowledgement(
        "AwsSolutions-IAM5",
        "KMS checks the key behind an alias, whose id synth does not know; the condition kms:RequestAlias allows the named "
        "aliases alone.",
    ),
    "any-training-job": Acknowledgement(
        "AwsSolutions-IAM5",
        "Whoever starts a training job names it; the registrar reads the job's description to see whether it is one of "
        "weighbridge's, and may change none.",
    ),
    "started-training-jobs": Acknowledgement(
        "AwsSolutions-IAM5",
        "The state machine names a job after its execution, which whoever starts one names; it passes the role of governed "
        "jobs alone, and what a job may is that role's.",
    ),
    "log-delivery-and-traces": Acknowledgement(
        "AwsSolutions-IAM5",
        "CloudWatch's log deliveries and X-Ray's traces know no resource-level permissions.",
    ),
    "is-a-dead-letter-queue": Acknowledgement(
        "AwsSolutions-SQS3",
        "This is the queue of events that could not be handled; a queue of its own for it would never be looked at.",
    ),
    "what-anybody-made": Acknowledgement(
        "AwsSolutions-IAM5",
        "Whoever makes a model, a config, an endpoint or a component names it; the guard reads the descriptions of all of "
        "them, those made past weighbridge above all, and may change none.",
    ),
    "stacks-that-the-hook-is-asked-about": Acknowledgement(
        "AwsSolutions-IAM5",
        "CloudFormation asks the hook about the resources of any stack; the hook reads whether that stack is being rolled back.",
    ),
    "lists-of-endpoints": Acknowledgement(
        "AwsSolutions-IAM5",
        "SageMaker's List actions know no resource-level permissions.",
    ),
    "captured-requests": Acknowledgement(
        "AwsSolutions-IAM5",
        "SageMaker names the files of captured requests; only those below the capture's own prefix may be written.",
    ),
    "training-data-objects": Acknowledgement(
        "AwsSolutions-IAM5",
        "Objects below prefixes of the training bucket: inputs may be read, results and checkpoints written; data scientists name them.",
    ),
    "training-logs": Acknowledgement(
        "AwsSolutions-IAM5",
        "SageMaker names the log streams; all training jobs of an account share one log group.",
    ),
    "training-metrics": Acknowledgement(
        "AwsSolutions-IAM5",
        "cloudwatch:PutMetricData knows no resource-level permissions; a condition limits it to SageMaker's namespace.",
    ),
    "release-parameters": Acknowledgement(
        "AwsSolutions-IAM5",
        "The release ids of this environment's models; a model gets its parameter with its first promotion.",
    ),
    "training-data-access-in-cloudtrail": Acknowledgement(
        "AwsSolutions-S1",
        "Object access is recorded by CloudTrail data events. Datasets are named by their digests in every release.",
    ),
    "zones-from-settings": Acknowledgement(
        "CloudFormation-Validate::W3010",
        "Availability zones are settings of the environment, written out so that synth looks nothing up.",
    ),
}


def acknowledge(scope: IConstruct, name: str, *, resource: str | None = None) -> None:
    """Accept the named finding on `scope`.

    Args:
        scope: the narrowest construct that has the finding.
        name: key of the list.
        resource: for findings about a policy's resource, that resource, as written in the statement.

    Raises:
        KeyError: for a name that is not in the list.
    """
    entry = ACKNOWLEDGEMENTS[name]
    finding = "" if resource is None else f"[Resource::{_flat(cdk.Stack.of(scope).resolve(resource))}]"
    cdk.Validations.of(scope).acknowledge(cdk.Acknowledgment(id=f"{entry.rule}{finding}", reason=entry.reason))


def _flat(value: object) -> str:
    """Write an intrinsic function as cdk-nag does in its finding ids: `<LogicalId.Attribute>`, joins joined."""
    match value:
        case {"Ref": str(name)}:
            return f"<{name}>"
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"<{name}.{attribute}>"
        case {"Fn::Join": [str(separator), [*parts]]}:
            return separator.join(_flat(part) for part in parts)
        case _:
            return str(value)
