"""The settings of one endpoint beyond its size: server, capacity, capture, inference component; and of the cache."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

ServerKind = Literal["vllm", "lmi", "hugging_face", "custom"]


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """What a container becomes once its release is verified; see `weighbridge_cdk.Server`.

    `tensor_parallel_size` and `options` are for `vllm` and `lmi`, `task` for `hugging_face`, `command` for `custom`.
    """

    kind: ServerKind
    tensor_parallel_size: int = 1
    options: tuple[str, ...] = ()
    task: str | None = None
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AutoscalingSettings:
    """`minimum` to `maximum` instances, each with `concurrency` requests at one time, or `invocations_per_minute`."""

    minimum: int
    maximum: int
    concurrency: int | None
    invocations_per_minute: int | None


@dataclass(frozen=True, slots=True)
class DataCaptureSettings:
    """`percentage` of requests and answers are recorded below `prefix` of `bucket`, encrypted with the key `key_arn`."""

    bucket: str
    key_arn: str
    percentage: int
    prefix: str


@dataclass(frozen=True, slots=True)
class ComponentSettings:
    """An inference component with `minimum` (0: scale to zero) to `maximum` copies on at most `instances` instances.

    A copy has `concurrency` requests at one time; it reserves `memory_mb` MiB and `accelerators` accelerators.
    """

    minimum: int
    maximum: int
    instances: int
    concurrency: int
    memory_mb: int
    accelerators: int | None


@dataclass(frozen=True, slots=True)
class CacheSettings:
    """Each model has a cache bucket in the region; its objects expire after `days`."""

    days: int = 30
