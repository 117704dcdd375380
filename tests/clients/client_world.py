"""The real clients as processes of their own environment, against the embedded registry and the local hub."""

from __future__ import annotations

import json
import secrets
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from local.process import environment_python
from local.registry.config import Permission, RegistryConfig, RepositoryConfig
from local.registry.process import RegistryProcess
from local.registry.standard import HUB, USERS, standard_config

LOCAL_HUB = "hf-local"
MODEL = "sentence-transformers/tiny"
SECONDS = 120


def client_config(*, hub_url: str) -> RegistryConfig:
    """The standard configuration with a local huggingfaceml repository that the scientist may write."""
    config = standard_config(hub_url=hub_url, tokens={user: secrets.token_hex(16) for user in USERS})
    local = RepositoryConfig(key=LOCAL_HUB, rclass="local", package_type="huggingfaceml")
    permissions = (
        Permission(users=("scientist",), repositories=(LOCAL_HUB,), patterns=("**",), actions="rw"),
        Permission(users=("reader",), repositories=(LOCAL_HUB, HUB), patterns=("**",), actions="r"),
    )
    return replace(config, repositories=(*config.repositories, local), permissions=(*config.permissions, *permissions))


@dataclass(frozen=True, slots=True)
class Ran:
    """What a client said. `answer` is the JSON that the script printed last; None when it failed."""

    code: int
    answer: Any
    output: str


@dataclass(frozen=True, slots=True)
class Clients:
    """Runs Python scripts with frogml and huggingface_hub as one user."""

    registry: RegistryProcess
    home: Path

    def run(self, script: str, *arguments: str | Path, user: str = "scientist", repository: str = HUB) -> Ran:
        """Run `script` (`ARGS` holds the arguments; it prints JSON as its last line) and return what it said.

        The environment holds what JFrog's guides tell users to set, and Xet is off.
        """
        token = self.registry.token(user)
        done = subprocess.run(
            [
                str(environment_python("hub")),
                "-c",
                f"import json, sys\nARGS = sys.argv[1:]\n{script}",
                *map(str, arguments),
            ],
            env={
                "PATH": "/usr/bin:/bin",
                "HOME": str(self.home),
                "HF_ENDPOINT": f"{self.registry.url}/api/huggingfaceml/{repository}",
                "HF_TOKEN": token,
                "HF_HUB_DISABLE_XET": "1",
                "HF_HUB_DISABLE_TELEMETRY": "1",
                "HF_HUB_DISABLE_PROGRESS_BARS": "1",
                "JF_URL": self.registry.url.removesuffix("/artifactory"),
                "JF_ACCESS_TOKEN": token,
            },
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        lines = done.stdout.strip().splitlines()
        answer = json.loads(lines[-1]) if done.returncode == 0 and lines else None
        return Ran(code=done.returncode, answer=answer, output=done.stdout + done.stderr)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below `folder` by its path, without huggingface_hub's own `.cache`."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".cache" not in path.relative_to(folder).parts
    }


def write_model(folder: Path) -> Path:
    """A small model: weights that go to LFS, plain files, a folder, an empty file."""
    for name, data in {
        "model.safetensors": bytes(range(256)) * 8000,
        "config.json": b'{"hidden_size": 4}\n',
        "1_Pooling/config.json": b'{"pooling": "mean"}\n',
        "tokenizer.json": '{"grüße": 1}\n'.encode(),
        "empty.txt": b"",
        "README.md": b"---\nlicense: apache-2.0\n---\n# tiny\n",
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder
