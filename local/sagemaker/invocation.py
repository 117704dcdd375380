"""One call of InvokeEndpoint on its way into a container and back."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Invocation:
    """What the caller sent. `target_variant` asks for one production variant; None lets the weights decide."""

    body: bytes
    content_type: str | None = None
    accept: str | None = None
    custom_attributes: str | None = None
    inference_id: str | None = None
    target_variant: str | None = None

    def headers(self) -> dict[str, str]:
        """Return the headers that the container gets."""
        found = {
            "Content-Type": self.content_type,
            "Accept": self.accept,
            "X-Amzn-SageMaker-Custom-Attributes": self.custom_attributes,
            "X-Amzn-SageMaker-Inference-Id": self.inference_id,
        }
        return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True, slots=True)
class ContainerAnswer:
    """What the container said; `status` is 0 when it said nothing."""

    status: int
    body: bytes
    content_type: str | None = None
    custom_attributes: str | None = None


@dataclass(frozen=True, slots=True)
class InvocationResult:
    """What the caller gets: all that SageMaker hands through of a container's headers."""

    body: bytes
    content_type: str
    custom_attributes: str | None
    variant: str
