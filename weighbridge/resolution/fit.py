"""Does a release fit an instance: can its bytes arrive in time, and is there room for them?

Estimates err towards refusing, since a refusal costs a minute and a rollout that runs out of time an hour. Network
figures are the baselines of https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-network-bandwidth.html
(not the burst figures), of which a quarter to a half is assumed, since the bytes are fetched, hashed and loaded:

    medium, large, xlarge   baseline from 0.75 Gbit/s (burstable and `medium` types from 0.25)    64 MiB/s (32 MiB/s)
    2xlarge to 8xlarge      baseline from 2.5 Gbit/s                                              128 MiB/s
    9xlarge and larger      baseline from 9 Gbit/s                                                256 MiB/s

Weights are taken to fill an accelerator as they lie on disk, spread over all accelerators of the instance, and to need a
fifth more for activations, cache and the driver's context: the least that servers run with, so what is refused could
not have started. What passes may still be too small for long contexts, or for a server that widens the weights.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from weighbridge.errors import DoesNotFitError, InputError
from weighbridge.host_images import host_image, host_image_problem
from weighbridge.instances import (
    accelerators,
    has_local_storage,
    hosting_instance_types,
    local_storage_gb,
    nearest,
)

MEBIBYTE = 1024 * 1024
GIBIBYTE = 1024 * MEBIBYTE
GIGABYTE = 1000**3
# SageMaker API reference, ProductionVariant: ContainerStartupHealthCheckTimeoutInSeconds and VolumeSizeInGB.
STARTUP_LIMIT_SECONDS = 3600
VOLUME_LIMIT_GB = 512
# Starting the container, verifying the chain, starting the model server; and room for the image's layers and logs.
STARTUP_BASE_SECONDS = 300
VOLUME_BASE_GB = 30
MEMORY_FACTOR_PERCENT = 120


@dataclass(frozen=True, slots=True)
class Fit:
    """What an endpoint's config needs for a release on an instance type.

    `startup_seconds` is 60 to 3,600, `volume_gb` 1 to 512; `ami` is empty where SageMaker lets nobody choose. `problem`
    is the arithmetic, when the release does not fit: the numbers are at their limits then.
    """

    startup_seconds: int
    volume_gb: int
    ami: str
    problem: str = ""

    def require(self) -> Fit:
        """Return this fit.

        Raises:
            DoesNotFitError: with the arithmetic.
        """
        if self.problem:
            raise DoesNotFitError(self.problem)
        return self


def fit(*, load_bytes: int, instance_type: str, cuda: str | None = None) -> Fit:
    """Return what `load_bytes` bytes need on `instance_type`, in an image built with that CUDA version, if it is known.

    Raises:
        InputError: for an instance type that endpoints do not have.
    """
    if instance_type not in hosting_instance_types():
        near = ", ".join(nearest(instance_type, among=hosting_instance_types())) or "see the SageMaker documentation"
        raise InputError(f"InstanceType: {instance_type!r} is not an instance type of SageMaker endpoints: {near}")
    speed = bytes_per_second(instance_type)
    seconds = STARTUP_BASE_SECONDS + -(-load_bytes // speed)
    volume = VOLUME_BASE_GB + -(-load_bytes // GIBIBYTE)
    return Fit(
        startup_seconds=min(seconds, STARTUP_LIMIT_SECONDS),
        volume_gb=min(volume, VOLUME_LIMIT_GB),
        ami=host_image(instance_type=instance_type, cuda=cuda),
        problem=_time_problem(load_bytes, instance_type, speed, seconds)
        or _room_problem(load_bytes, instance_type, volume)
        or _memory_problem(load_bytes, instance_type)
        or _host_problem(instance_type, cuda),
    )


def fit_anyhow(*, load_bytes: int, instance_type: str, cuda: str | None = None) -> Fit:
    """Return `fit`, or SageMaker's limits with the problem, for an instance type that this version does not know."""
    try:
        return fit(load_bytes=load_bytes, instance_type=instance_type, cuda=cuda)
    except InputError as error:
        return Fit(STARTUP_LIMIT_SECONDS, VOLUME_LIMIT_GB, ami="", problem=str(error))


def bytes_per_second(instance_type: str) -> int:
    """Return the rate at which a release is assumed to arrive, verified and loaded."""
    _, family, size = instance_type.split(".")
    match = re.fullmatch(r"([0-9]*)xlarge", size)
    multiple = int(match[1] or 1) if match else 0
    if multiple > 8:
        return 256 * MEBIBYTE
    if multiple > 1:
        return 128 * MEBIBYTE
    return (32 if size == "medium" or (family.startswith("t") and not family.startswith("trn")) else 64) * MEBIBYTE


def _time_problem(load_bytes: int, instance_type: str, speed: int, seconds: int) -> str:
    if seconds <= STARTUP_LIMIT_SECONDS:
        return ""
    return (
        f"{load_bytes:,} bytes at {speed // MEBIBYTE} MiB/s on {instance_type} take "
        f"{seconds - STARTUP_BASE_SECONDS:,} s, with {STARTUP_BASE_SECONDS} s to start {seconds:,} s; SageMaker waits "
        f"{STARTUP_LIMIT_SECONDS:,} s: choose a larger instance type or a smaller release"
    )


def _room_problem(load_bytes: int, instance_type: str, volume: int) -> str:
    disks = local_storage_gb(instance_type)
    if disks is not None:
        if load_bytes <= disks * GIGABYTE:
            return ""
        return f"{load_bytes:,} bytes do not fit the {disks:,} GB of disks of {instance_type}: choose a larger one"
    if volume <= VOLUME_LIMIT_GB or has_local_storage(instance_type):
        return ""
    return (
        f"{load_bytes:,} bytes and {VOLUME_BASE_GB} GiB for image and logs need a volume of {volume:,} GiB on "
        f"{instance_type}; SageMaker gives {VOLUME_LIMIT_GB}: choose an instance type with disks of its own"
    )


def _memory_problem(load_bytes: int, instance_type: str) -> str:
    found = accelerators(instance_type)
    if found is None or load_bytes * MEMORY_FACTOR_PERCENT <= found.total_gib * GIBIBYTE * 100:
        return ""
    needed = load_bytes * MEMORY_FACTOR_PERCENT // 100 / GIBIBYTE
    return (
        f"{load_bytes:,} bytes of weights x {MEMORY_FACTOR_PERCENT / 100:.1f} need {needed:,.1f} GiB of accelerator memory; "
        f"{instance_type} has {found.count} x {found.kind} of {found.memory_gib} GiB, {found.total_gib:,} GiB in all: "
        "choose an instance type with more, or a smaller or quantised release"
    )


def _host_problem(instance_type: str, cuda: str | None) -> str:
    found = None if cuda is None else host_image_problem(instance_type=instance_type, cuda=cuda)
    return "" if found is None else ": ".join(found)
