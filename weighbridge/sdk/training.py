"""What the SDK's defaults config does not reach: the keys of a job's output and volumes, and where its output goes.

SDK v3's ModelTrainer makes its own output and compute before it reads the config (sagemaker-train 1.27, model_post_init), so that
these have to be arguments. They are read from the same config that the SDK itself reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from weighbridge.errors import InputError
from weighbridge.instances import has_local_storage
from weighbridge.jobs.compute import DEFAULT_VOLUME_GB, Compute

RULE = "input.sdk-defaults"


class TrainerArguments(TypedDict):
    """Arguments of ModelTrainer."""

    compute: object
    output_data_config: object


def governed(
    instance_type: str = "ml.m5.xlarge", *, instance_count: int = 1, volume_gb: int = DEFAULT_VOLUME_GB
) -> TrainerArguments:
    """Return the arguments by which a job encrypts its output and its volumes: `ModelTrainer(..., **governed("ml.g5.xlarge"))`.

    Args:
        volume_gb: size of the EBS volume; has no effect on types that train on NVMe disks of their own.

    Raises:
        InputError: rule `input.sdk-defaults`, when the SDK finds no defaults of weighbridge's, or
            `input.training-compute`, for an instance type that does not exist.
    """
    from sagemaker.core.config.config import load_sagemaker_config
    from sagemaker.train.configs import Compute as TrainerCompute
    from sagemaker.train.configs import OutputDataConfig

    Compute(instance_type=instance_type, instance_count=instance_count)
    config = load_sagemaker_config()
    output = _mapping(config, "SageMaker", "PythonSDK", "Modules", "ModelTrainer", "outputDataConfig")
    compute: dict[str, object] = {"instance_type": instance_type, "instance_count": instance_count}
    if not has_local_storage(instance_type):
        resources = _mapping(config, "SageMaker", "TrainingJob", "ResourceConfig")
        compute |= {"volume_size_in_gb": volume_gb, "volume_kms_key_id": resources["VolumeKmsKeyId"]}
    return {"compute": TrainerCompute(**compute), "output_data_config": OutputDataConfig(**output)}


def _mapping(config: object, *path: str) -> Mapping[str, object]:
    found = config
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    if not isinstance(found, Mapping):
        raise InputError(
            f"the SDK's defaults config: {'.'.join(path)} is missing: let SAGEMAKER_ADMIN_CONFIG_OVERRIDE name weighbridge's "
            "(docs/sdk.md)",
            rule=RULE,
        )
    return found
