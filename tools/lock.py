"""Resolve every lock file anew, hash-locked and for all supported Python versions, with uv.

Usage: python3 tools/lock.py        (uv must be on PATH)
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OPTIONS = ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-header", "--no-annotate", "--quiet"]

# ministack pins botocore exactly and SageMaker's SDK wants an older rich, so neither is held to the deploy environment's
# versions. locks/NAME.exclude lists what is left out of NAME: dependencies that its packages declare and never import here.
LOCKS = (
    ("requirements.in", None),
    ("requirements-dev.in", "requirements.txt"),
    ("locks/layer.in", "requirements.txt"),
    ("locks/hub.in", "requirements.txt"),
    ("locks/serve.in", "requirements.txt"),
    ("locks/twin.in", None),
    ("locks/sdk.in", None),
    ("locks/bench.in", None),
    ("locks/scan.in", None),
    ("locks/scan-modelaudit.in", None),
)


def main() -> int:
    uv = shutil.which("uv")
    if uv is None:
        print("uv is needed to resolve lock files: pip install uv", file=sys.stderr)
        return 1
    for source, constraint in LOCKS:
        target = source.removesuffix(".in") + ".txt"
        bound = ["-c", constraint] if constraint else []
        exclude = source.removesuffix(".in") + ".exclude"
        left_out = ["--excludes", exclude] if (ROOT / exclude).exists() else []
        print(f"lock: {target}", flush=True)
        subprocess.run([uv, "pip", "compile", *OPTIONS, *bound, *left_out, source, "-o", target], cwd=ROOT, check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
