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
GLASS_BROKEN = "GlassBroken"
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

_OF_A_MODEL = (("Channel", "Model"),)
_OF_A_CHANNEL = (("Channel",),)
_OF_AN_ENVIRONMENT = (("Environment",),)
_OF_A_PULL = (("Model",), ("Model", "Version"))
DIMENSIONS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    RESOLUTION_ALARMS: (("Channel", "Model"), ("Channel", "Model", "Alarm")),
    RESOLUTIONS: _OF_A_MODEL,
    RESOLUTION_REFUSALS: _OF_A_MODEL,
    RESOLUTION_ERRORS: _OF_A_MODEL,
    LOADS: _OF_A_MODEL,
    LOAD_MILLISECONDS: _OF_A_MODEL,
    VERIFIED_BYTES: _OF_A_MODEL,
    CONTAINER_REFUSALS: _OF_A_MODEL,
    PULLED_BYTES: _OF_A_PULL,
    PULL_SECONDS: _OF_A_PULL,
    PULL_RETRIES: _OF_A_PULL,
    BYTES_FROM_REGISTRY: _OF_A_PULL,
    BYTES_FROM_REGIONAL_CACHE: _OF_A_PULL,
    BYTES_FROM_LOCAL_CACHE: _OF_A_PULL,
    RUNNING_PROMOTION: (("Environment", "Endpoint"),),
    ENDPOINTS_CHECKED: _OF_AN_ENVIRONMENT,
    SEVERE_FINDINGS: _OF_AN_ENVIRONMENT,
    REVOKED_RUNNING: _OF_AN_ENVIRONMENT,
    UNPROMOTED_RELEASES: _OF_A_MODEL,
    HOURS_UNTIL_EXPIRY: _OF_A_CHANNEL,
    HOURS_UNTIL_RENEWAL: _OF_A_CHANNEL,
    TOKEN_AGE_HOURS: (("Secret",),),
    AUDIT_FINDINGS: _OF_AN_ENVIRONMENT,
    AUDITED_RELEASES: _OF_AN_ENVIRONMENT,
    GLASS_BROKEN: _OF_AN_ENVIRONMENT,
    ADMISSION_NOT_JUDGED: ((),),
}
"""Every metric of the namespace `weighbridge`, and by which sets of dimensions it is kept. No dashboard or alarm may use another.

`AdmissionNotJudged` is a filter on a log: its name ends in `-ENVIRONMENT`.
"""


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
