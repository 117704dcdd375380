"""What a training job runs on, checked against the catalogue of instance types before anything is deployed.

Sources: SageMaker API reference (ResourceConfig, StoppingCondition, CheckpointConfig); developer guide, "SageMaker AI
Managed Warm Pools" and "Managed Spot Training".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from weighbridge.errors import InputError
from weighbridge.instances import (
    accelerators,
    has_efa,
    has_local_storage,
    hosting_instance_types,
    is_accelerated,
    nearest,
    training_instance_types,
)

DEFAULT_VOLUME_GB = 30
VOLUME_LIMIT_GB = 16_384
INSTANCE_LIMIT = 100
RUNTIME_LIMIT_SECONDS = 28 * 86_400
KEEP_ALIVE_LIMIT_SECONDS = 21_600

Distribution = Literal["torchrun", "mpi"]
DISTRIBUTIONS: tuple[Distribution, ...] = ("torchrun", "mpi")


class Problem(NamedTuple):
    """A field that cannot be so, why, and what to do: the three parts of a one-line error."""

    field: str
    problem: str
    fix: str


class ComputeError(InputError):
    """Compute that SageMaker cannot run; `problem` says which field, why, and what to do."""

    rule = "input.training-compute"

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"training {problem.field}: {problem.problem}: {problem.fix}")
        self.problem = problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Compute:
    """Instances, disks and times of a training job.

    `volume_gb` is the size of the EBS volume in GB (10^9 bytes), None for 30 GB, or for the instance's own NVMe disks.
    `distribution` is how SageMaker's training toolkit starts the processes of a job, None for an image that does so by
    itself. `keep_alive_seconds` is how long instances are kept, and paid for, as a warm pool. `max_wait_seconds` bounds a
    spot job together with its waiting; default: twice `max_runtime_seconds`.

    Raises:
        ComputeError: rule `input.training-compute`, for what SageMaker cannot run.
    """

    instance_type: str
    instance_count: int = 1
    volume_gb: int | None = None
    efa: bool = False
    distribution: Distribution | None = None
    spot: bool = False
    checkpoints: bool = False
    max_runtime_seconds: int = 86_400
    max_wait_seconds: int | None = None
    keep_alive_seconds: int = 0

    def __post_init__(self) -> None:
        for problem in problems(self):
            raise ComputeError(problem)

    @property
    def takes_volume_key(self) -> bool:
        """Whether a KMS key of the volume may be named: NVMe disks are encrypted by the instance, and a key is refused."""
        return not has_local_storage(self.instance_type)

    @property
    def volume_size_gb(self) -> int | None:
        """The size that is asked for; None on instances with disks of their own."""
        return (self.volume_gb or DEFAULT_VOLUME_GB) if self.takes_volume_key else None

    @property
    def wait_limit_seconds(self) -> int | None:
        """MaxWaitTimeInSeconds, which only spot jobs have."""
        return (self.max_wait_seconds or 2 * self.max_runtime_seconds) if self.spot else None

    @property
    def processes_per_host(self) -> int:
        """One for each accelerator of an instance, as far as the catalogue knows them."""
        found = accelerators(self.instance_type)
        return found.count if found is not None else 1


def problems(compute: Compute) -> Iterator[Problem]:
    """Yield what SageMaker would refuse, or would take and not do, the most basic first."""
    kind = compute.instance_type
    if kind not in training_instance_types():
        near = nearest(kind, among=training_instance_types()) or ("ml.g5.xlarge",)
        alone = ", but of endpoints alone" if kind in hosting_instance_types() else ""
        yield Problem(
            "instance_type",
            f"{kind!r} is not an instance type of SageMaker training jobs{alone}",
            f"use one such as {', '.join(near)}",
        )
        return
    yield from _bounds(compute)
    yield from _hardware(compute)
    yield from _spot(compute)


def _bounds(compute: Compute) -> Iterator[Problem]:
    bounds = {
        "instance_count": (compute.instance_count, 1, INSTANCE_LIMIT),
        "volume_gb": (compute.volume_gb, 1, VOLUME_LIMIT_GB),
        "max_runtime_seconds": (compute.max_runtime_seconds, 1, RUNTIME_LIMIT_SECONDS),
        "max_wait_seconds": (compute.max_wait_seconds, 1, 2 * RUNTIME_LIMIT_SECONDS),
        "keep_alive_seconds": (compute.keep_alive_seconds, 0, KEEP_ALIVE_LIMIT_SECONDS),
    }
    for field, (value, least, most) in bounds.items():
        if value is not None and not least <= value <= most:
            yield Problem(field, f"{value} is out of range", f"give {least} to {most}")


def _hardware(compute: Compute) -> Iterator[Problem]:
    kind = compute.instance_type
    if compute.volume_gb is not None and has_local_storage(kind):
        yield Problem("volume_gb", f"{kind} trains on NVMe disks of its own, whose size is fixed", "remove it")
    if compute.efa and not has_efa(kind):
        yield Problem("efa", f"{kind} is not known to have an Elastic Fabric Adapter", "set it to false, or use one that has, such as ml.p4d.24xlarge")  # fmt: skip
    if compute.efa and compute.instance_count < 2:
        yield Problem("efa", "one instance alone has nobody to speak to", "raise instance_count, or set it to false")
    if compute.distribution is not None and not is_accelerated(kind):
        yield Problem("distribution", f"{kind} has no accelerator to spread a job over", "remove it, or use an accelerated type such as ml.g5.12xlarge")  # fmt: skip


def _spot(compute: Compute) -> Iterator[Problem]:
    if compute.spot and not compute.checkpoints:
        yield Problem("spot", "without checkpoints an interruption loses the whole training", "set checkpoints to true and write them to /opt/ml/checkpoints, or set spot to false")  # fmt: skip
    if compute.spot and compute.keep_alive_seconds:
        yield Problem("keep_alive_seconds", "spot instances are not kept warm", "set it to 0, or set spot to false")
    if compute.max_wait_seconds is not None and not compute.spot:
        yield Problem("max_wait_seconds", "only spot jobs wait", "remove it, or set spot to true")
    if compute.max_wait_seconds is not None and compute.max_wait_seconds < compute.max_runtime_seconds:
        yield Problem("max_wait_seconds", f"{compute.max_wait_seconds} s end before max_runtime_seconds, {compute.max_runtime_seconds}", "waiting and running together count: give more")  # fmt: skip
