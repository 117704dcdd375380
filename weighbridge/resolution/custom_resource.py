"""The resolution behind `Custom::WeighbridgePromotedModel`: properties in, attributes out."""

from __future__ import annotations

from weighbridge.customresource import Event
from weighbridge.names import ReleaseId
from weighbridge.resolution.resolution import ResolutionRequest


def request_of(event: Event) -> ResolutionRequest:
    """Read the properties `ModelName`, `ReleaseId`, `InstanceType` and, where it is known, `ImageCuda`.

    Raises:
        InputError: naming the property.
    """
    return ResolutionRequest(
        model=event.text("ModelName"),
        release_id=ReleaseId.parse(event.text("ReleaseId"), field="ResourceProperties.ReleaseId"),
        instance_type=event.text("InstanceType"),
        cuda=event.text("ImageCuda") if "ImageCuda" in event.properties else None,
    )
