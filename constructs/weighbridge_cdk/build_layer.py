"""Build the Lambda layer that DependencyLayer reads, with pip, from the lock file that the package ships.

    python -m weighbridge_cdk.build_layer

It needs pip and a package index, once for each release of weighbridge; every synth after it is offline. The standard library
alone is imported here, so that the file also runs by its path before anything is installed.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

TARGETS = ("lambda", "host")
# Lambda's own interpreter and the C library of its Amazon Linux 2023 (glibc 2.34).
LAMBDA_PYTHON = "3.13"
LAMBDA_PLATFORMS = ("manylinux2014_x86_64", "manylinux_2_28_x86_64", "manylinux_2_34_x86_64")


def pip_arguments(*, target: str, lock: Path, folder: Path) -> list[str]:
    """Return pip's arguments that install `lock` below `folder`: wheels alone, each with the digest that the lock names."""
    platform: list[str] = []
    if target == "lambda":
        platform = ["--python-version", LAMBDA_PYTHON, "--implementation", "cp"]
        for name in LAMBDA_PLATFORMS:
            platform += ["--platform", name]
    return [
        "install", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps", "--only-binary=:all:",
        "--require-hashes", "--no-compile", *platform, "--target", str(folder / "python"), "-r", str(lock),
    ]  # fmt: skip


def build(*, target: str, lock: Path, folder: Path) -> None:
    """Build the layer in `folder`, whole or not at all; what is there already is left as it is.

    Raises:
        RuntimeError: when pip fails, with the end of what it said.
    """
    if folder.is_dir():
        return
    draft = folder.with_suffix(".draft")
    shutil.rmtree(draft, ignore_errors=True)
    command = [sys.executable, "-m", "pip", *pip_arguments(target=target, lock=lock, folder=draft)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise RuntimeError(f"pip could not build the layer for {target}:\n{tail}")
    shutil.rmtree(draft / "python" / "bin", ignore_errors=True)
    draft.rename(folder)


def main() -> int:
    """Build the layer for AWS Lambda, or for this machine, where DependencyLayer looks for it."""
    parser = argparse.ArgumentParser(prog="python -m weighbridge_cdk.build_layer", description=main.__doc__)
    parser.add_argument("--target", choices=TARGETS, default=TARGETS[0], help="default: lambda")
    parser.add_argument("--lock", type=Path, help="default: the lock file that weighbridge ships")
    parser.add_argument("--folder", type=Path, help="default: where DependencyLayer looks")
    given = parser.parse_args()
    lock, folder = given.lock, given.folder
    if lock is None or folder is None:
        from weighbridge_cdk.layer import layer_folder, layer_lock

        lock, folder = lock or layer_lock(), folder or layer_folder(target=given.target)
    try:
        build(target=given.target, lock=lock, folder=folder)
    except RuntimeError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    print(folder)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
