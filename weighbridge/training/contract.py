"""SageMaker's training contract: what lies below /opt/ml, and what a job leaves there.

Source: "How Amazon SageMaker AI Provides Training Information" and "... Processes Training Output" (docs.aws.amazon.com,
your-algorithms-training-algo). The files are the platform's; SM_* variables are added by toolkits and serve as fallback.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from weighbridge.environment import ml_root
from weighbridge.errors import InputError

RULE = "input.training-job"
FAILURE_LIMIT = 1024


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """One job. `channels` are folders by channel name; `arn` and `name` are None outside SageMaker.

    `first_process` tells whether this is the process that writes results: rank 0 on the first host.
    """

    ml_root: Path
    hyperparameters: Mapping[str, str]
    channels: Mapping[str, Path]
    arn: str | None
    name: str | None
    first_process: bool = True

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """Read the job's configuration.

        Raises:
            InputError: rule `input.training-job`, when a file is malformed.
        """
        root = ml_root(environ)
        return cls(
            ml_root=root,
            hyperparameters=_hyperparameters(root, environ),
            channels=_channels(root, environ),
            arn=environ.get("TRAINING_JOB_ARN"),
            name=environ.get("TRAINING_JOB_NAME"),
            first_process=_first_host(root) and environ.get("RANK", "0") == "0",
        )

    @property
    def model_folder(self) -> Path:
        """What SageMaker packs into model.tar.gz when the job ends; here it holds a pointer only."""
        return self.ml_root / "model"

    def channel_file(self, *, channel: str, name: str) -> Path:
        """Return one file of an input channel.

        Raises:
            InputError: naming the channels that there are, or the file that is missing.
        """
        folder = self.channels.get(channel)
        if folder is None:
            known = ", ".join(sorted(self.channels)) or "none"
            raise InputError(f"input channel {channel!r}: not given to this job (channels: {known})", rule=RULE)
        path = folder / name
        if not path.is_file():
            raise InputError(f"input channel {channel!r}: holds no file {name!r}", rule=RULE)
        return path

    def scratch(self, name: str) -> Path:
        """Return a folder of the job's own, which SageMaker uploads nowhere."""
        folder = self.ml_root / "work" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def write_failure(*, root: Path, message: str) -> None:
    """Leave the reason that DescribeTrainingJob shows as FailureReason (its first 1,024 characters)."""
    folder = root / "output"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "failure").write_text(" ".join(message.split())[:FAILURE_LIMIT] + "\n", encoding="utf-8")


def _hyperparameters(root: Path, environ: Mapping[str, str]) -> Mapping[str, str]:
    path = root / "input" / "config" / "hyperparameters.json"
    if path.exists():
        found = _object(path.read_bytes(), what="hyperparameters.json")
    else:
        found = _object(environ.get("SM_HPS", "{}").encode(), what="SM_HPS")
    return {name: _plain(value) for name, value in found.items()}


def _plain(value: object) -> str:
    # Older estimators of the SageMaker SDK hand every value over as JSON inside the string: "\"text\"".
    if isinstance(value, str):
        if len(value) > 1 and value[0] == value[-1] == '"':
            return value[1:-1]
        return value
    return json.dumps(value)


def _channels(root: Path, environ: Mapping[str, str]) -> Mapping[str, Path]:
    path = root / "input" / "config" / "inputdataconfig.json"
    if path.exists():
        return {
            name: root / "input" / "data" / name for name in _object(path.read_bytes(), what="inputdataconfig.json")
        }
    prefix = "SM_CHANNEL_"
    found = {
        name.removeprefix(prefix).lower(): Path(value) for name, value in environ.items() if name.startswith(prefix)
    }
    data = root / "input" / "data"
    if not found and data.is_dir():
        return {folder.name: folder for folder in data.iterdir() if folder.is_dir()}
    return found


def _first_host(root: Path) -> bool:
    path = root / "input" / "config" / "resourceconfig.json"
    if not path.exists():
        return True
    found = _object(path.read_bytes(), what="resourceconfig.json")
    hosts = found.get("hosts")
    return not isinstance(hosts, list) or not hosts or found.get("current_host") == min(hosts)


def _object(data: bytes, *, what: str) -> dict[str, object]:
    try:
        value = json.loads(data)
    except ValueError as error:
        raise InputError(f"{what}: not JSON", rule=RULE) from error
    if not isinstance(value, dict):
        raise InputError(f"{what}: not a JSON object", rule=RULE)
    return value
