"""Which of SageMaker's host images runs a container: the NVIDIA driver has to know the CUDA version of the image.

The table is that of the API reference, ProductionVariant, InferenceAmiVersion (the same text is in botocore 1.44.5), with
the families of https://docs.aws.amazon.com/sagemaker/latest/dg/inference-gpu-drivers.html. A newer driver runs images of
older CUDA versions, never the other way round. A release names its image by digest, which does not tell its CUDA version:
where it is not told otherwise, the newest image that the family takes is chosen.
"""

from __future__ import annotations

from dataclasses import dataclass

from weighbridge.instances import NEURON_FAMILIES, family, takes_inference_ami

NEURON_IMAGE = "al2-ami-sagemaker-inference-neuron-2"


@dataclass(frozen=True, slots=True)
class HostImage:
    """One host image for GPUs: its NVIDIA driver, the newest CUDA version that this knows, and what it is for."""

    name: str
    driver: int
    cuda: tuple[int, int]


# Oldest first. `...-gpu-2` and `-2-1` differ in the container toolkit alone: the latter does not mount CUDA's
# compatibility libraries over those of the image.
_HOST_IMAGES = (
    HostImage("al2-ami-sagemaker-inference-gpu-2", 535, (12, 2)),
    HostImage("al2-ami-sagemaker-inference-gpu-2-1", 535, (12, 2)),
    HostImage("al2-ami-sagemaker-inference-gpu-3-1", 550, (12, 4)),
    HostImage("al2023-ami-sagemaker-inference-gpu-4-1", 580, (13, 0)),
)
_FIRST, _NEWEST = _HOST_IMAGES[0], _HOST_IMAGES[-1]
# Families that are listed with the oldest image alone, and the driver that a family has at least: H200 by AWS's table, L40S by
# caution, Blackwell because no driver before 570 knows it.
_FIRST_ONLY = frozenset(("p2", "p3", "p3dn"))
_LEAST_DRIVER = {
    "g6e": 550, "p5e": 550, "p5en": 550, "g7": 570, "g7e": 570, "p6-b200": 570, "p6-b300": 570, "p6e-gb200": 570,
}  # fmt: skip


def host_image(*, instance_type: str, cuda: str | None = None) -> str:
    """Return the value of InferenceAmiVersion: `''` where none may be chosen.

    Args:
        instance_type: a SageMaker instance type.
        cuda: the CUDA version of the container's image, `MAJOR.MINOR`; None when it is not known.

    Returns:
        With `cuda`, the oldest image that runs it, since that is nearest to what the container was built against; else, and
        where none runs it (see `host_image_problem`), the newest one.
    """
    if not takes_inference_ami(instance_type):
        return ""
    if family(instance_type) in NEURON_FAMILIES:
        return NEURON_IMAGE
    offered = _offered(instance_type)
    matching = [image for image in offered if cuda is not None and image.cuda >= _version(cuda)]
    return (matching[0] if matching else offered[-1]).name


def host_image_problem(*, instance_type: str, cuda: str) -> tuple[str, str] | None:
    """Return problem and fix when no host image of `instance_type` runs images of `cuda`, else None."""
    if not takes_inference_ami(instance_type) or family(instance_type) in NEURON_FAMILIES:
        return f"{instance_type} has no NVIDIA GPU", "remove it"
    newest = _offered(instance_type)[-1]
    if newest.cuda >= _version(cuda):
        return None
    known = ".".join(map(str, newest.cuda))
    return (
        f"images of CUDA {cuda} do not run on {instance_type}: its newest host image {newest.name} has driver "
        f"{newest.driver} for CUDA {known}",
        f"build the runtime image with CUDA {known} or older",
    )


def _offered(instance_type: str) -> tuple[HostImage, ...]:
    name = family(instance_type)
    if name in _FIRST_ONLY:
        return (_FIRST,)
    return tuple(image for image in _HOST_IMAGES[1:] if image.driver >= _LEAST_DRIVER.get(name, 0)) or (_NEWEST,)


def _version(cuda: str) -> tuple[int, int]:
    major, minor = cuda.split(".")
    return int(major), int(minor)
