"""What is known of SageMaker instance types: which exist, which carry a GPU, which bring their own disks.

`instance_types.json` is generated from botocore by tools/generate_instance_types.py. The families with local NVMe disks
are those of https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/InstanceStorage.html; for them SageMaker takes no volume
size (https://docs.aws.amazon.com/sagemaker/latest/dg/host-instance-storage.html).
"""

from __future__ import annotations

import difflib
import functools
import json
from importlib import resources

# fmt: off
_GPU_FAMILIES = frozenset(
    ("g4dn", "g5", "g6", "g6e", "g7", "g7e", "p2", "p3", "p3dn", "p4d", "p4de", "p5", "p5e", "p5en", "p6-b200",
     "p6-b300", "p6e-gb200")
)
_NEURON_FAMILIES = frozenset(
    ("inf2", "trn1", "trn1n", "trn2")
)
_LOCAL_STORAGE_FAMILIES = frozenset(
    ("c5d", "c6gd", "m5d", "m6gd", "r5d", "r6gd", "r7gd", "dl1", "g4dn", "g5", "g6", "g6e", "g7", "g7e", "p3dn",
     "p4d", "p4de", "p5", "p5e", "p5en", "p6-b200", "p6-b300", "p6e-gb200", "trn1", "trn1n", "trn2")
)
# Disks of one instance in GB (10^9 bytes), where they are sure and small enough to matter; source as above.
_LOCAL_STORAGE_GB = {
    "ml.g4dn.xlarge": 125, "ml.g4dn.2xlarge": 225, "ml.g4dn.4xlarge": 225, "ml.g4dn.8xlarge": 900,
    "ml.g4dn.12xlarge": 900, "ml.g4dn.16xlarge": 900,
    "ml.g5.xlarge": 250, "ml.g5.2xlarge": 450, "ml.g5.4xlarge": 600, "ml.g5.8xlarge": 900,
    "ml.g6.xlarge": 250, "ml.g6.2xlarge": 450, "ml.g6.4xlarge": 600, "ml.g6.8xlarge": 900,
}
# fmt: on
# Images of SageMaker's hosts, from the API reference (ProductionVariant, InferenceAmiVersion). A newer NVIDIA driver
# runs images for older CUDA versions, not the other way round, and a release names its image by digest, which does not
# tell its CUDA version: so the newest, but for families whose GPUs are listed with the oldest image alone.
_AMI_GPU = "al2023-ami-sagemaker-inference-gpu-4-1"
_AMI_OLD_GPU = "al2-ami-sagemaker-inference-gpu-2"
_AMI_NEURON = "al2-ami-sagemaker-inference-neuron-2"
_OLD_GPU_FAMILIES = frozenset(("p2", "p3", "p3dn"))


@functools.cache
def _known(use: str) -> tuple[str, ...]:
    data = resources.files("weighbridge").joinpath("instance_types.json").read_text(encoding="utf-8")
    return tuple(json.loads(data)[use])


def hosting_instance_types() -> tuple[str, ...]:
    """Return every instance type that a SageMaker endpoint can have, sorted."""
    return _known("hosting")


def training_instance_types() -> tuple[str, ...]:
    """Return every instance type that a SageMaker training job can have, sorted."""
    return _known("training")


def nearest(value: str, *, among: tuple[str, ...]) -> tuple[str, ...]:
    """Return up to three known types that look like `value`."""
    return tuple(difflib.get_close_matches(value, among, n=3, cutoff=0.6))


def family(instance_type: str) -> str:
    """Return `g5` of `ml.g5.xlarge`."""
    return instance_type.split(".")[1]


def takes_inference_ami(instance_type: str) -> bool:
    """Whether `InferenceAmiVersion` may be chosen: SageMaker lists images for GPUs, Inferentia2 and Trainium only."""
    return family(instance_type) in _GPU_FAMILIES | _NEURON_FAMILIES


def has_local_storage(instance_type: str) -> bool:
    """Whether the instance brings NVMe disks of its own, so that no volume size may be given."""
    return family(instance_type) in _LOCAL_STORAGE_FAMILIES


def local_storage_gb(instance_type: str) -> int | None:
    """Return the size of the instance's own disks in GB (10^9 bytes); None where there are none, or it is not known."""
    return _LOCAL_STORAGE_GB.get(instance_type)


def inference_ami_version(instance_type: str) -> str:
    """Return SageMaker's host image for an accelerated instance type (see `takes_inference_ami`), else ''."""
    if not takes_inference_ami(instance_type):
        return ""
    if family(instance_type) in _NEURON_FAMILIES:
        return _AMI_NEURON
    return _AMI_OLD_GPU if family(instance_type) in _OLD_GPU_FAMILIES else _AMI_GPU
