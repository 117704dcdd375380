"""The one list of cdk-nag findings that are accepted, each with its reason; constructs apply them where they arise.

An entry is applied to the narrowest construct that has the finding, in every environment alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import aws_cdk as cdk

from constructs import IConstruct


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """A rule of the pack AwsSolutions, and why its finding is accepted."""

    rule: str
    reason: str


ACKNOWLEDGEMENTS: Mapping[str, Acknowledgement] = {
    "network-interfaces": Acknowledgement(
        "AwsSolutions-IAM5",
        "EC2 knows no resource-level permissions for Describe actions, and the ids of network interfaces do not exist "
        "before they are created; creation is limited to this network's subnets and security groups.",
    ),
    "log-streams": Acknowledgement(
        "AwsSolutions-IAM5",
        "The container names its log streams itself; the log group is the endpoint's own.",
    ),
    "ecr-authorization": Acknowledgement(
        "AwsSolutions-IAM5",
        "ecr:GetAuthorizationToken knows no resource-level permissions; pulling is limited to the listed repositories.",
    ),
    "metadata-objects": Acknowledgement(
        "AwsSolutions-IAM5",
        "TUF metadata is kept under names that change with every version; the bucket holds nothing else.",
    ),
    "metadata-access-in-cloudtrail": Acknowledgement(
        "AwsSolutions-S1",
        "Object access is recorded by CloudTrail data events; what lies here is public signed metadata, verified on "
        "every read.",
    ),
    "token-rotated-by-registry": Acknowledgement(
        "AwsSolutions-SMG4",
        "Artifactory issues the token, so whoever administers Artifactory rotates it; Secrets Manager cannot.",
    ),
}


def acknowledge(scope: IConstruct, *names: str) -> None:
    """Accept the named findings on `scope`.

    Raises:
        KeyError: for a name that is not in the list.
    """
    for name in names:
        entry = ACKNOWLEDGEMENTS[name]
        cdk.Validations.of(scope).acknowledge(cdk.Acknowledgment(id=entry.rule, reason=entry.reason))
