"""WB-C3: Captured requests and answers hold what users sent."""

from __future__ import annotations

from collections.abc import Iterator

from weighbridge.checks.rule import ENDPOINT_CONFIG, Properties, Rule, is_true, mapping


def check(config: Properties) -> Iterator[str]:
    """Yield DataCaptureConfig.KmsKeyId when data is captured without a key; capture is on unless it is switched off."""
    capture = mapping(config.get("DataCaptureConfig"))
    if capture and is_true(capture.get("EnableCapture", True)) and not capture.get("KmsKeyId"):
        yield "DataCaptureConfig.KmsKeyId"


RULE = Rule(
    id="WB-C3",
    kinds=(ENDPOINT_CONFIG,),
    reason="Captured requests and answers hold what users sent.",
    fix="Give DataCaptureConfig.KmsKeyId, or capture nothing.",
    check=check,
)
