"""Metrics as lines of a log: CloudWatch's embedded metric format needs no permission, no client and no route.

Source: CloudWatch User Guide, "Specification: Embedded metric format".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from weighbridge.canonical import JsonObject

NAMESPACE = "weighbridge"
RESOLUTION_ALARMS = "ResolutionAlarms"
HOURS_UNTIL_EXPIRY = "HoursUntilExpiry"
HOURS_UNTIL_RENEWAL = "HoursUntilRenewal"
TOKEN_AGE_HOURS = "TokenAgeHours"  # noqa: S105 - a metric
ENDPOINTS_CHECKED = "EndpointsChecked"
SEVERE_FINDINGS = "SevereFindings"
REVOKED_RUNNING = "RevokedRunning"
AUDIT_FINDINGS = "AuditFindings"
AUDITED_RELEASES = "AuditedReleases"
ADMISSION_NOT_JUDGED = "AdmissionNotJudged"
RESOLUTIONS = "Resolutions"
RESOLUTION_REFUSALS = "ResolutionRefusals"
RESOLUTION_ERRORS = "ResolutionErrors"
LOADS = "Loads"
LOAD_MILLISECONDS = "LoadMilliseconds"
VERIFIED_BYTES = "VerifiedBytes"
CONTAINER_REFUSALS = "ContainerRefusals"
RUNNING_PROMOTION = "RunningPromotion"
UNPROMOTED_RELEASES = "UnpromotedReleases"
PULLED_BYTES = "PulledBytes"
PULL_SECONDS = "PullSeconds"
PULL_RETRIES = "PullRetries"
BYTES_FROM_REGISTRY = "BytesFromRegistry"
BYTES_FROM_REGIONAL_CACHE = "BytesFromRegionalCache"
BYTES_FROM_LOCAL_CACHE = "BytesFromLocalCache"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One whole value of a metric; `unit` is one of CloudWatch's (`Count`, `Seconds`, ..., `None`)."""

    name: str
    value: int
    unit: str = "None"


def embedded(
    *measurements: Measurement, dimensions: Mapping[str, str], by: Sequence[Sequence[str]], at: datetime
) -> JsonObject:
    """Return the fields of one line that CloudWatch makes metrics of, in the namespace `weighbridge`.

    Args:
        dimensions: names and values.
        by: the sets of dimensions, by name, that a metric is kept for.
        at: when it was measured.
    """
    return {
        "_aws": {
            "Timestamp": int(at.timestamp() * 1000),
            "CloudWatchMetrics": [
                {
                    "Namespace": NAMESPACE,
                    "Dimensions": [list(names) for names in by],
                    "Metrics": [{"Name": each.name, "Unit": each.unit} for each in measurements],
                }
            ],
        },
        **dimensions,
        **{each.name: each.value for each in measurements},
    }
