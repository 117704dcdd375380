"""Pull a base model at a pinned revision through the registry's Hugging Face proxy, with huggingface_hub as it is.

Usage: HF_ENDPOINT=https://HOST/artifactory/api/huggingfaceml/REPOSITORY HF_TOKEN=... HF_HUB_DISABLE_XET=1 \
    python examples/base_model/pull.py ORG/MODEL REVISION FOLDER

Prints one JSON object: each file's size in bytes and SHA-256. HF_TOKEN is the registry's token, not the hub's. Without
HF_HUB_DISABLE_XET=1 huggingface_hub would ask the proxy for Xet tokens, which it does not have.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from pathlib import Path

from huggingface_hub import snapshot_download


def main(repository: str, revision: str, folder: str) -> None:
    """Pull, then say what arrived."""
    snapshot_download(repository, revision=revision, local_dir=folder)
    # huggingface_hub keeps its bookkeeping inside local_dir; it is no part of the model.
    shutil.rmtree(Path(folder, ".cache"), ignore_errors=True)
    found = {}
    for path in sorted(Path(folder).rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            found[path.relative_to(folder).as_posix()] = {"size": path.stat().st_size, "sha256": digest}
    json.dump(found, sys.stdout, indent=1)


if __name__ == "__main__":
    main(*sys.argv[1:])
