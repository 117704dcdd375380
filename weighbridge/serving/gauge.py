"""What a container's start is measured by: how long it took, how many bytes were verified, or that it was refused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from weighbridge.canonical import JsonObject
from weighbridge.errors import InputError
from weighbridge.metrics import CONTAINER_REFUSALS, LOAD_MILLISECONDS, LOADS, VERIFIED_BYTES, Measurement, embedded
from weighbridge.names import ReleaseReference
from weighbridge.serving.receipt import LoadReceipt


def loaded(receipt: LoadReceipt, *, model: str, at: datetime) -> JsonObject:
    """Return the metrics of a start that succeeded, by channel and model."""
    return embedded(
        Measurement(LOADS, 1, "Count"),
        Measurement(LOAD_MILLISECONDS, round(receipt.seconds * 1000), "Milliseconds"),
        Measurement(VERIFIED_BYTES, receipt.bytes, "Bytes"),
        dimensions={"Channel": receipt.channel, "Model": model},
        by=[["Channel", "Model"]],
        at=at,
    )


def refusal(environ: Mapping[str, str], *, at: datetime) -> JsonObject:
    """Return the metric of a start that was refused; none where the environment does not say of what."""
    channel = environ.get("WEIGHBRIDGE_CHANNEL")
    try:
        model = ReleaseReference.parse(environ.get("WEIGHBRIDGE_RELEASE", "")).name
    except InputError:
        return {}
    if not channel:
        return {}
    return embedded(
        Measurement(CONTAINER_REFUSALS, 1, "Count"),
        dimensions={"Channel": channel, "Model": model},
        by=[["Channel", "Model"]],
        at=at,
    )
