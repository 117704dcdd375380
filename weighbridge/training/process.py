"""A training job as a process: what SageMaker and whoever started the job see when it ends."""

from __future__ import annotations

import os
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from weighbridge.authorities import trust_authorities
from weighbridge.environment import ml_root
from weighbridge.errors import InputError, WeighbridgeError
from weighbridge.logs import JsonLog
from weighbridge.termination import EXIT_STATUS, Terminated, stopping_on_sigterm
from weighbridge.training.contract import TrainingJob, write_failure

STOPPED_RULE = "training.stopped"
STOPPED = "stopped by SIGTERM: no release comes of this job"
GRACE_SECONDS = 10.0
"""SageMaker sends SIGKILL 120 s after SIGTERM; an upload that hangs must not keep the job from saying why it ended."""

Body = Callable[[TrainingJob], None]


def run_job(
    *,
    arguments: Sequence[str],
    environ: Mapping[str, str],
    log: JsonLog,
    body: Body,
    leave: Callable[[int], None] = os._exit,
) -> int:
    """Run `body` under SageMaker's training contract and return the exit status.

    Args:
        leave: ends the process after a SIGTERM. An ordinary exit would wait for threads that still upload.

    Returns:
        0 when the body returned: SageMaker then says `Completed`, and the registrar may look. Otherwise, after exactly
        one error line in the log and the same line in /opt/ml/output/failure: the error's own status (see
        weighbridge.errors), or 143 after a SIGTERM (StopTrainingJob, a spot interruption).
    """
    root: Path | None = None
    try:
        root = ml_root(environ)
        if list(arguments) != ["train"]:
            raise InputError(f"argument {' '.join(arguments)!r}: this container knows 'train' only")
        _run(root, environ=environ, log=log, body=body, leave=leave)
    except Terminated:
        leave(_failed(root, log=log, rule=STOPPED_RULE, status=EXIT_STATUS, message=STOPPED))
        return EXIT_STATUS
    except WeighbridgeError as error:
        return _failed(root, log=log, rule=error.rule, status=error.exit_code, message=str(error))
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        text = f"{type(error).__name__}: {error} (in {place.name}, line {place.lineno})"
        return _failed(root, log=log, rule=WeighbridgeError.rule, status=WeighbridgeError.exit_code, message=text)
    return 0


def _run(root: Path, *, environ: Mapping[str, str], log: JsonLog, body: Body, leave: Callable[[int], None]) -> None:
    def end() -> None:
        # Whoever catches Terminated on its way may wait for threads that upload; this does not.
        leave(_failed(root, log=log, rule=STOPPED_RULE, status=EXIT_STATUS, message=STOPPED))

    last = threading.Timer(GRACE_SECONDS, end)
    last.daemon = True
    try:
        with stopping_on_sigterm(also=last.start):
            trust_authorities(environ)
            body(TrainingJob.read(environ))
    finally:
        last.cancel()


def _failed(root: Path | None, *, log: JsonLog, rule: str, status: int, message: str) -> int:
    line = " ".join(message.split())
    log.error("failed", rule=rule, message=line)
    if root is not None:
        write_failure(root=root, message=f"{line} [{rule}]")
    return status
