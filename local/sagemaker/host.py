"""What every container here shares: identity, folders, images, logs, times."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from local.sagemaker.images import Image, ImageStore
from local.sagemaker.logs import Logs
from local.sagemaker.processes import Watchdog


@dataclass(frozen=True, slots=True)
class Timing:
    """How long things take.

    `time_scale` multiplies the waits of a deployment (between traffic shifts, before the old fleet ends), and
    `startup_scale` the startup health check's time-out. `grace_seconds` lie between SIGTERM and SIGKILL (30 on AWS),
    `training_grace_seconds` when a job is stopped (120 on AWS). `start_attempts` is how often a container is started
    until it once was healthy, `restarts` how often after that.
    """

    time_scale: float = 1.0
    startup_scale: float = 1.0
    grace_seconds: float = 30.0
    training_grace_seconds: float = 120.0
    close_seconds: float = 5.0
    start_attempts: int = 2
    restarts: int = 3
    poll_seconds: float = 0.1


@dataclass(frozen=True, slots=True)
class Account:
    """Whose resources these are."""

    account_id: str = "000000000000"
    region: str = "eu-central-1"

    def arn(self, *, kind: str, name: str) -> str:
        """Return the ARN of a resource; SageMaker writes names in lower case there."""
        return f"arn:aws:sagemaker:{self.region}:{self.account_id}:{kind}/{name.lower()}"


@dataclass(frozen=True, slots=True)
class Host:
    """Where containers run. `environment` is injected into each: the role's identity and the way to AWS."""

    account: Account
    folder: Path
    images: ImageStore
    logs: Logs
    watchdog: Watchdog
    timing: Timing
    environment: Mapping[str, str] = field(default_factory=dict)

    def container_environment(self, *, image: Image, own: Mapping[str, str], folder: Path) -> dict[str, str]:
        """Return the whole environment of a container whose /opt/ml is `folder`/ml.

        Of this process's own environment only PATH and LANG go in, as no image has others from its host.
        """
        for name in ("home", "tmp"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": os.environ.get("LANG", "C.UTF-8"),
            "HOME": str(folder / "home"),
            "TMPDIR": str(folder / "tmp"),
            "PYTHONPATH": str(self.images.unpacked(image)),
            **image.environment,
            **own,
            **self.environment,
            "WEIGHBRIDGE_ML_ROOT": str(folder / "ml"),
        }


def remove_folder(folder: Path) -> None:
    """Remove a container's folder, if it is there; a container may have taken its own write permission away."""
    for path, _, _ in os.walk(folder):
        with contextlib.suppress(FileNotFoundError):
            Path(path).chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)
