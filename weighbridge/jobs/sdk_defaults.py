"""The SageMaker Python SDK's defaults config: what a plain `ModelTrainer(...)` of SDK v3 takes without being told.

The SDK reads the file on every call and validates it with a schema of its own (sagemaker.core.config.config_schema). Which of its
keys reach ModelTrainer was measured with sagemaker-train 1.27: role, network, encryption between instances and environment do;
keys of output and volume do not, for which there is `weighbridge.sdk.governed` (docs/sdk.md).
"""

from __future__ import annotations

from weighbridge.canonical import Json, JsonObject
from weighbridge.jobs.request import INPUT, OUTPUT, TrainingPlatform

SCHEMA_VERSION = "1.0"
# Where the SDK puts source code: jobs may read below input/ alone.
CODE_PREFIX = f"{INPUT}sdk"


def defaults_parameter(environment: str) -> str:
    """Return the name of the SSM parameter that holds the environment's defaults config, as JSON, which is YAML."""
    return f"/weighbridge/{environment}/training/sdk-defaults"


def sdk_defaults(platform: TrainingPlatform) -> JsonObject:
    """Return the file's content for the jobs of `platform`; it holds ids and no secret."""
    job: JsonObject = {
        "RoleArn": platform.role,
        "VpcConfig": {"Subnets": [*platform.subnets], "SecurityGroupIds": [*platform.security_groups]},
        "Environment": dict(sorted(platform.environment.items())),
        "OutputDataConfig": {"KmsKeyId": platform.key},
        "ResourceConfig": {"VolumeKmsKeyId": platform.key},
        "EnableInterContainerTrafficEncryption": True,
        "EnableNetworkIsolation": False,
    }
    # ModelTrainer looks here first, and would take the network from above without its encryption.
    trainer: dict[str, Json] = {
        "networking": {
            "subnets": [*platform.subnets],
            "security_group_ids": [*platform.security_groups],
            "enable_inter_container_traffic_encryption": True,
            "enable_network_isolation": False,
        },
        "outputDataConfig": {"s3_output_path": f"s3://{platform.bucket}/{OUTPUT}", "kms_key_id": platform.key},
    }
    modules: JsonObject = {
        "ModelTrainer": trainer,
        "Session": {"DefaultS3Bucket": platform.bucket, "DefaultS3ObjectKeyPrefix": CODE_PREFIX},
        "TelemetryOptOut": True,
    }
    return {"SchemaVersion": SCHEMA_VERSION, "SageMaker": {"TrainingJob": job, "PythonSDK": {"Modules": modules}}}


def lifecycle_script(*, parameter: str, region: str, home: str) -> str:
    """Return the script that a notebook runs when it starts: it fetches the defaults, and every kernel and shell finds them.

    They are the administrator's, so that a user's own file (~/.config/sagemaker/config.yaml) still counts, and wins.

    Args:
        parameter: name of the SSM parameter with the defaults.
        region: where it is.
        home: the notebook user's home folder.
    """
    return f"""#!/bin/bash
set -euo pipefail
folder="{home}/.weighbridge"
startup="{home}/.ipython/profile_default/startup"
mkdir -p "$folder" "$startup"
aws ssm get-parameter --region "{region}" --name "{parameter}" --query Parameter.Value --output text >"$folder/defaults.yaml.new"
mv "$folder/defaults.yaml.new" "$folder/defaults.yaml"
cat >"$startup/00-weighbridge.py" <<'END'
import os

os.environ.setdefault("SAGEMAKER_ADMIN_CONFIG_OVERRIDE", os.path.expanduser("~/.weighbridge/defaults.yaml"))
os.environ.setdefault("SAGEMAKER_VALIDATE_ROLE", "false")
END
line='export SAGEMAKER_ADMIN_CONFIG_OVERRIDE="$HOME/.weighbridge/defaults.yaml" SAGEMAKER_VALIDATE_ROLE=false'
grep -qxF "$line" "{home}/.bashrc" 2>/dev/null || echo "$line" >>"{home}/.bashrc"
if [ "$(id -u)" = 0 ]; then chown -R --reference="{home}" "$folder" "{home}/.ipython" "{home}/.bashrc"; fi
"""
