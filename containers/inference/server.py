"""The default model server: started by entrypoint.py on a verified folder, without any secret in its environment.

Reads WEIGHBRIDGE_MODEL_FOLDER, WEIGHBRIDGE_RELEASE, WEIGHBRIDGE_PROMOTION, WEIGHBRIDGE_BIND_HOST and SAGEMAKER_BIND_TO_PORT. SIGTERM lets the
requests in flight finish (SageMaker kills after 30 s) and exits 0.
"""

from __future__ import annotations

import os
import signal
import sys
from functools import partial
from pathlib import Path
from types import FrameType

import uvicorn

from containers.inference.application import LoadedModel, build_application
from containers.inference.model import load_model
from weighbridge.errors import WeighbridgeError
from weighbridge.logs import JsonLog
from weighbridge.names import ReleaseReference

GRACE_SECONDS = 25


def main() -> int:
    """Serve until SIGTERM; returns 0, or 1 when the model could not be loaded."""
    log = JsonLog(out=sys.stdout, err=sys.stderr).correlated(os.environ.get("WEIGHBRIDGE_PROMOTION"))
    failures: list[Exception] = []

    def failed(error: Exception) -> None:
        failures.append(error)
        rule = error.rule if isinstance(error, WeighbridgeError) else WeighbridgeError.rule
        log.error("model not loaded", rule=rule, message=" ".join(f"{type(error).__name__}: {error}".split()))
        os.kill(os.getpid(), signal.SIGTERM)

    folder = Path(os.environ["WEIGHBRIDGE_MODEL_FOLDER"])
    reference = ReleaseReference.parse(os.environ["WEIGHBRIDGE_RELEASE"], field="WEIGHBRIDGE_RELEASE")
    application = build_application(
        loaded=LoadedModel(load=partial(load_model, folder), failed=failed), reference=reference
    )
    config = uvicorn.Config(
        application,
        host=os.environ.get("WEIGHBRIDGE_BIND_HOST", "127.0.0.1"),
        port=int(os.environ["SAGEMAKER_BIND_TO_PORT"]),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = uvicorn.Server(config)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    # uvicorn handles signals while it runs and raises them once more after its graceful end: with this handler that is
    # exit status 0, and a signal that arrives before uvicorn runs is not lost.
    signal.signal(signal.SIGTERM, stop)
    server.run()
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
