"""Notices as findings of AWS Security Hub, in its finding format (ASFF), under the account's own product.

Security Hub takes the same id again as an update. A provider closes a finding by archiving it; the workflow status belongs
to people. Source: Security Hub User Guide, "Required top-level ASFF attributes" and "BatchImportFindings for finding providers".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from botocore.exceptions import BotoCoreError, ClientError

from weighbridge.canonical import JsonObject
from weighbridge.errors import CloudError
from weighbridge.reconciliation.notice import Notice
from weighbridge.trust.times import format_time

MOST_FINDINGS = 100
TITLE_LIMIT, DESCRIPTION_LIMIT, REMEDY_LIMIT, ID_LIMIT = 256, 1024, 512, 512
TYPE = "Software and Configuration Checks/AWS Security Best Practices/Model Supply Chain"


class SecurityHub(Protocol):
    """What is used of boto3's client `securityhub`."""

    def batch_import_findings(self, *, Findings: Sequence[JsonObject]) -> Mapping[str, object]:  # noqa: N803
        """Import findings; answers FailedCount and FailedFindings."""
        ...


@dataclass(frozen=True, slots=True)
class Product:
    """Where findings of an account belong: its default product in a region."""

    partition: str
    region: str
    account: str

    @property
    def arn(self) -> str:
        """The product's ARN."""
        return f"arn:{self.partition}:securityhub:{self.region}:{self.account}:product/{self.account}/default"


class SecurityHubOutlet:
    """Needs securityhub:BatchImportFindings on the product."""

    def __init__(self, *, client: SecurityHub, product: Product) -> None:
        self._client = client
        self._product = product

    def send(self, notices: Sequence[Notice]) -> None:
        """See `Outlet.send`."""
        for start in range(0, len(notices), MOST_FINDINGS):
            findings = [as_finding(each, product=self._product) for each in notices[start : start + MOST_FINDINGS]]
            try:
                answer = self._client.batch_import_findings(Findings=findings)
            except (BotoCoreError, ClientError) as error:
                raise CloudError(f"securityhub:BatchImportFindings: {error}: is Security Hub enabled here?") from error
            if answer.get("FailedCount"):
                said = str(answer.get("FailedFindings"))[:300]
                raise CloudError(f"securityhub:BatchImportFindings: {answer['FailedCount']} not taken: {said}")


def as_finding(notice: Notice, *, product: Product) -> JsonObject:
    """Return a notice in Security Hub's format."""
    finding, about = notice.finding, notice.finding.about
    done = notice.state == "resolved"
    fields = {
        "weighbridge/environment": notice.environment,
        "weighbridge/kind": finding.kind,
        "weighbridge/place": finding.place or "-",
        "weighbridge/release": finding.release or "-",
    }
    return {
        "SchemaVersion": "2018-10-08",
        "Id": notice.id[:ID_LIMIT],
        "ProductArn": product.arn,
        "ProductName": "weighbridge",
        "GeneratorId": f"weighbridge/{finding.kind}",
        "AwsAccountId": product.account,
        "Types": [TYPE],
        "CreatedAt": format_time(notice.first_seen),
        "FirstObservedAt": format_time(notice.first_seen),
        "UpdatedAt": format_time(notice.at),
        "LastObservedAt": format_time(notice.at),
        "Severity": {"Label": "INFORMATIONAL" if done else about.severity},
        "Title": about.title[:TITLE_LIMIT],
        "Description": finding.message[:DESCRIPTION_LIMIT],
        "Remediation": {"Recommendation": {"Text": about.remedy[:REMEDY_LIMIT]}},
        "ProductFields": fields,
        "Resources": [
            {
                "Type": "Other",
                "Id": finding.arn,
                "Partition": product.partition,
                "Region": product.region,
                "Details": {"Other": {"endpoint": finding.endpoint}},
            }
        ],
        "Compliance": {"Status": "PASSED" if done else "FAILED"},
        "RecordState": "ARCHIVED" if done else "ACTIVE",
    }
