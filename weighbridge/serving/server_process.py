"""Hand the process over to the model server: nothing of what the start sequence knew goes with it.

The server *replaces* this process (execve) instead of being its child. A child of the same user could read its parent's
memory and /proc/PARENT/environ, where the token's id and the role's credential address stand; after execve neither
exists any more. Signals and the exit status are then the server's own, and no process is left behind when one is killed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from weighbridge.errors import InputError
from weighbridge.serving.environment import ContainerEnvironment

_NAMES = frozenset({
    "HF_HOME", "HF_TASK", "HOME", "LANG", "LD_LIBRARY_PATH", "PATH", "PYTHONPATH", "PYTHONUNBUFFERED",
    "PYTHONDONTWRITEBYTECODE", "TMPDIR", "TZ", "VIRTUAL_ENV",
})  # fmt: skip
_PREFIXES = ("CUDA_", "LC_", "MKL_", "MMS_", "NCCL_", "NVIDIA_", "OMP_", "OPENBLAS_", "OPTION_", "SAGEMAKER_", "SERVING_", "SM_VLLM_", "TORCH_", "TS_", "VLLM_")  # fmt: skip
_SECRET_WORDS = ("CREDENTIAL", "KEY", "PASSWORD", "SECRET", "TOKEN")


@dataclass(frozen=True, slots=True)
class ServerProcess:
    """What is to be executed: the words of the command, the whole environment, and the user to become."""

    command: tuple[str, ...]
    environ: Mapping[str, str]
    user: int | None


def plan_server(
    *, environment: ContainerEnvironment, default_command: Sequence[str], environ: Mapping[str, str], token: str
) -> ServerProcess:
    """Return the server's command and environment.

    In the command `{model}` stands for the model folder and `{port}` for the port. The environment is an allow-list of
    plain runtime settings; a name that sounds like a secret, or a value that holds `token`, is left out whatever it is.

    Raises:
        InputError: when the command's program does not exist.
    """
    words = environment.server_command or tuple(default_command)
    values = {"{model}": str(environment.model_folder), "{port}": str(environment.port)}
    command = tuple(_fill(word, values) for word in words)
    if shutil.which(command[0], path=environ.get("PATH")) is None:
        raise InputError(f"WEIGHBRIDGE_SERVER_COMMAND: program {command[0]!r} is not in this image")
    kept = {name: value for name, value in environ.items() if reaches_server(name) and token not in value}
    return ServerProcess(
        command=command,
        environ={
            **kept,
            "HF_HUB_OFFLINE": "1",
            "TRANSFORMERS_OFFLINE": "1",
            "SAGEMAKER_BIND_TO_PORT": str(environment.port),
            "WEIGHBRIDGE_BIND_HOST": environment.bind_host,
            "WEIGHBRIDGE_MODEL_FOLDER": str(environment.model_folder),
            "WEIGHBRIDGE_RELEASE": str(environment.reference),
            "WEIGHBRIDGE_PROMOTION": str(environment.promotion),
        },
        user=environment.server_user,
    )


def become(server: ServerProcess) -> None:
    """Replace this process by the server; never returns.

    Raises:
        InputError: rule `input.server`, when the user cannot be changed or the program cannot be executed.
    """
    program = shutil.which(server.command[0], path=server.environ.get("PATH")) or server.command[0]
    try:
        if server.user is not None:
            os.setgroups([])
            os.setgid(server.user)
            os.setuid(server.user)
            os.chdir(Path("/"))
        os.execve(program, server.command, dict(server.environ))  # noqa: S606 - no shell is wanted
    except OSError as error:
        raise InputError(
            f"model server {server.command[0]!r}: cannot be started: {error}", rule="input.server"
        ) from error


def reaches_server(name: str) -> bool:
    """Whether a variable of the container is handed on to its server."""
    return (name in _NAMES or name.startswith(_PREFIXES)) and not any(word in name.upper() for word in _SECRET_WORDS)


def _fill(word: str, values: Mapping[str, str]) -> str:
    for place, value in values.items():
        word = word.replace(place, value)
    return word
