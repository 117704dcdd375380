"""Build every image where a builder runs and its base image is given by digest; elsewhere the rules of
test_dockerfiles.py are all that is checked.

    WEIGHBRIDGE_BASE_IMAGE=python@sha256:... pytest tests/unit/serving/test_dockerfile_builds.py
    WEIGHBRIDGE_BASE_IMAGE_VLLM=ACCOUNT.dkr.ecr.REGION.amazonaws.com/vllm@sha256:... (HUGGINGFACE, PYTORCH alike)
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
DOCKERFILES = sorted((ROOT / "containers").glob("*/Dockerfile*"))
BUILD_SECONDS = 3600


def base_variable(path: Path) -> str:
    kind = path.suffix.removeprefix(".").upper()
    return f"WEIGHBRIDGE_BASE_IMAGE_{kind}" if kind else "WEIGHBRIDGE_BASE_IMAGE"


def builder() -> str | None:
    """Return the first builder that answers."""
    for name, probe in (("docker", "info"), ("podman", "info"), ("buildah", "info")):
        if shutil.which(name) and subprocess.run([name, probe], capture_output=True, check=False).returncode == 0:
            return name
    return None


def build_command(name: str, *, dockerfile: Path, base: str, tag: str) -> list[str]:
    return [name, "build", "-f", str(dockerfile), "--build-arg", f"BASE_IMAGE={base}", "-t", tag, str(ROOT)]


@pytest.mark.timeout(BUILD_SECONDS)
@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_an_image_builds(path: Path) -> None:
    base = os.environ.get(base_variable(path))
    if base is None:
        pytest.skip(f"{base_variable(path)} names no base image")
    assert re.search(r"@sha256:[0-9a-f]{64}$", base), f"{base_variable(path)}: must name an image by digest"
    name = builder()
    if name is None:
        pytest.skip("no builder answers: neither docker, podman nor buildah")
    tag = f"weighbridge-test-{path.parent.name}{path.suffix.replace('.', '-')}"
    done = subprocess.run(
        build_command(name, dockerfile=path, base=base, tag=tag), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_images_of_one_kind_share_a_variable_and_others_do_not() -> None:
    assert base_variable(Path("containers/training/Dockerfile")) == "WEIGHBRIDGE_BASE_IMAGE"
    assert base_variable(Path("containers/inference/Dockerfile.vllm")) == "WEIGHBRIDGE_BASE_IMAGE_VLLM"
