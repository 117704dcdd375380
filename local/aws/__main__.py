"""The local AWS as a process: `python -m local.aws --folder FOLDER`, in the environment `twin`.

Its first line says where it listens. It ends with SIGTERM, and what it started ends with it.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from local.aws.cloud import extend, report_training_job
from local.aws.emulator import Emulator, configure, lend_cryptography
from local.aws.gateway import Gateway
from local.aws.images import folder_image
from local.aws.objects import Objects
from local.aws.scope import ACCOUNT, REGION, Scope, variables
from local.aws.server import listen, serve
from local.process import announce
from local.sagemaker.api import application
from local.sagemaker.host import Account, Timing
from local.sagemaker.images import Image, project_image
from local.sagemaker.service import LocalSageMaker

# Waits between traffic shifts are minutes on AWS, for alarms to ring; here nothing rings.
TIME_SCALE = 0.02
GRACE_SECONDS = 5.0


def main() -> int:
    """Serve until SIGTERM."""
    arguments = _parse()
    folder: Path = arguments.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    scope = Scope(account=arguments.account, region=arguments.region)
    listener = listen(arguments.port)
    port = listener.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    configure(scope=scope, port=port, folder=folder)
    lend_cryptography()
    emulator = Emulator(scope=scope)
    images = _images(arguments.image)
    references = {image.repository: image.reference for image in images}
    objects = Objects(url=url, scope=scope)
    with LocalSageMaker(
        folder=folder / "sagemaker",
        images=images,
        environment=variables(url=url, scope=scope),
        log=emulator.put_log_line,
        fetch_s3=objects.fetch,
        store_s3=objects.store,
        on_training_state=lambda detail: report_training_job(emulator, detail),
        timing=Timing(
            time_scale=arguments.time_scale, grace_seconds=GRACE_SECONDS, training_grace_seconds=GRACE_SECONDS
        ),
        account=Account(account_id=scope.account, region=scope.region),
    ) as sagemaker:
        extend(emulator, sagemaker=sagemaker, scope=scope)
        gateway = Gateway(
            emulator=emulator.app,
            sagemaker=application(sagemaker),
            on_ready=lambda: announce(url=url, pid=os.getpid(), images=references),
        )
        serve(gateway, listener)
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.aws", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where everything is written")
    parser.add_argument("--port", type=int, default=0, help="TCP port on 127.0.0.1; 0: the system chooses")
    parser.add_argument("--account", default=ACCOUNT, help="twelve digits")
    parser.add_argument("--region", default=REGION)
    parser.add_argument("--time-scale", type=float, default=TIME_SCALE, help="multiplies the waits of a rollout")
    parser.add_argument(
        "--image",
        type=Path,
        action="append",
        default=[],
        help="a folder with entrypoint.py, in place of this checkout's images",
    )
    return parser.parse_args()


def _images(folders: list[Path]) -> list[Image]:
    images = [folder_image(folder.resolve()) for folder in folders]
    # Tests of the emulator alone need no environment for real containers.
    return images or [project_image("inference"), project_image("training")]


if __name__ == "__main__":
    sys.exit(main())
