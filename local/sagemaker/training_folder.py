"""What a training container finds: its /opt/ml and its environment.

Source: "How Amazon SageMaker AI Provides Training Information" (docs.aws.amazon.com); SM_* variables are those of the
sagemaker-training toolkit, which containers without it lack on AWS: nothing may depend on them alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from local.sagemaker.errors import AwsError
from local.sagemaker.shapes import JsonObject, Request, mapping, objects, required, text, texts

HOST_NAME = "algo-1"
CHECKPOINTS = "/opt/ml/checkpoints"
HYPERPARAMETERS = 100
HYPERPARAMETER_LENGTH = 2500

FetchS3 = Callable[[str, Path], None]
"""Copies every object below an S3 URI into an empty folder, keeping the paths relative to the URI."""
StoreS3 = Callable[[str, Path], None]
"""Uploads one file to an S3 URI."""


def hyperparameters(request: Request) -> dict[str, str]:
    """Return the job's hyperparameters; on the wire every value is a string."""
    return texts(request, "HyperParameters", most=HYPERPARAMETERS, longest=HYPERPARAMETER_LENGTH)


def channels(request: Request) -> dict[str, tuple[str, Request]]:
    """Return each input channel's S3 URI and its request.

    Raises:
        AwsError: for a source that is not an S3 prefix, or a name that is there twice.
    """
    found: dict[str, tuple[str, Request]] = {}
    for channel in objects(request, "InputDataConfig"):
        channel_name = text(channel, "ChannelName")
        required(channel, "DataSource")
        source = mapping(mapping(channel, "DataSource"), "S3DataSource")
        if text(source, "S3DataType") != "S3Prefix":
            raise AwsError.validation(f"InputDataConfig.{channel_name}: the local SageMaker takes S3Prefix only")
        if channel.get("InputMode", "File") != "File":
            raise AwsError.validation(f"InputDataConfig.{channel_name}: the local SageMaker takes InputMode File only")
        if channel_name in found:
            raise AwsError.validation(f"InputDataConfig: channel {channel_name!r} is there twice")
        found[channel_name] = (text(source, "S3Uri"), channel)
    return found


def checkpoints(request: Request) -> str | None:
    """Return the S3 URI of the job's checkpoints, or None when it keeps none.

    Raises:
        AwsError: for another folder than the default.
    """
    config = mapping(request, "CheckpointConfig")
    if not config:
        return None
    if config.get("LocalPath", CHECKPOINTS) != CHECKPOINTS:
        raise AwsError.validation(f"CheckpointConfig.LocalPath: the local SageMaker takes {CHECKPOINTS} only")
    return text(config, "S3Uri")


def fetch_checkpoints(uri: str, folder: Path, *, fetch_s3: FetchS3) -> None:
    """Fill the folder with the checkpoints that an interrupted job left; there need not be any."""
    with contextlib.suppress(FileNotFoundError):
        fetch_s3(uri, folder)


def write_configuration(ml: Path, request: Request) -> None:
    """Write input/config and make the folders that a job writes to."""
    for folder in ("input/config", "input/data", "model", "output/data", "checkpoints"):
        (ml / folder).mkdir(parents=True, exist_ok=True)
    resources = mapping(request, "ResourceConfig")
    documents: dict[str, JsonObject] = {
        "hyperparameters": {**hyperparameters(request)},
        "inputdataconfig": {
            channel_name: {
                "ContentType": channel.get("ContentType"),
                "RecordWrapperType": channel.get("RecordWrapperType", "None"),
                "S3DistributionType": "FullyReplicated",
                "TrainingInputMode": "File",
            }
            for channel_name, (_, channel) in channels(request).items()
        },
        "resourceconfig": {
            "current_host": HOST_NAME,
            "hosts": [HOST_NAME],
            "network_interface_name": "lo",
            "current_instance_type": resources.get("InstanceType"),
        },
    }
    for document, content in documents.items():
        (ml / "input" / "config" / f"{document}.json").write_text(json.dumps(content), encoding="utf-8")


def fetch_channel(uri: str, folder: Path, *, fetch_s3: FetchS3) -> None:
    """Fill a channel's folder; `file:///FOLDER` is taken besides S3.

    Raises:
        OSError: when nothing lies there.
    """
    folder.mkdir(parents=True)
    source = _file_path(uri)
    if source is None:
        fetch_s3(uri, folder)
    else:
        shutil.copytree(source, folder, dirs_exist_ok=True)
    if not any(folder.iterdir()):
        raise FileNotFoundError(f'No S3 objects found under S3 URL "{uri}" given in input data source.')


def store(uri: str, file: Path, *, store_s3: StoreS3) -> None:
    """Hand a file over; `file:///FOLDER/NAME` is taken besides S3."""
    target = _file_path(uri)
    if target is None:
        store_s3(uri, file)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)


def toolkit_environment(ml: Path, request: Request) -> dict[str, str]:
    """Return the SM_* variables."""
    values = hyperparameters(request)
    names = sorted(channels(request))
    environment = {
        "SM_MODEL_DIR": str(ml / "model"),
        "SM_INPUT_DIR": str(ml / "input"),
        "SM_INPUT_CONFIG_DIR": str(ml / "input" / "config"),
        "SM_OUTPUT_DIR": str(ml / "output"),
        "SM_OUTPUT_DATA_DIR": str(ml / "output" / "data"),
        "SM_CHANNELS": json.dumps(names),
        "SM_HPS": json.dumps(values),
        "SM_HOSTS": json.dumps([HOST_NAME]),
        "SM_CURRENT_HOST": HOST_NAME,
        "SM_NUM_CPUS": str(os.cpu_count() or 1),
        "SM_NUM_GPUS": "0",
    }
    environment |= {f"SM_CHANNEL_{name.upper()}": str(ml / "input" / "data" / name) for name in names}
    return environment | {f"SM_HP_{name.upper()}": value for name, value in values.items()}


def _file_path(uri: str) -> Path | None:
    parts = urlsplit(uri)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None
