"""Bring safetensors files and load them into a device's memory. Usage:

load_weights.py probe DEVICE
load_weights.py weighbridge DEVICE FOLDER ORIGIN MANIFEST
load_weights.py huggingface_hub DEVICE FOLDER MODEL REVISION
load_weights.py frogml DEVICE FOLDER REPOSITORY NAME VERSION

Prints JSON: the bytes of all tensors, and the monotonic clock's time when the last of them lay in the device's memory.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Load = Callable[[Path], Any]


def loader(device: str) -> tuple[Load, Callable[[], None]]:
    """Return what loads one file and what waits until everything has arrived; the files are memory-mapped, by all alike."""
    if device == "cpu":
        return importlib.import_module("safetensors.numpy").load_file, lambda: None
    if importlib.util.find_spec("torch"):
        torch = importlib.import_module("torch")
        if torch.cuda.is_available():
            load_file = importlib.import_module("safetensors.torch").load_file
            return lambda path: load_file(path, device="cuda:0"), torch.cuda.synchronize
    if importlib.util.find_spec("cupy"):
        cupy = importlib.import_module("cupy")
        if cupy.cuda.is_available():
            from_disk = importlib.import_module("safetensors.numpy").load_file
            return (
                lambda path: {name: cupy.asarray(tensor) for name, tensor in from_disk(path).items()},
                cupy.cuda.Device().synchronize,
            )
    sys.exit("no GPU that torch or cupy can use: --device cpu shows that the parts work")


def by_weighbridge(folder: Path, origin: str, manifest: str) -> None:
    """A container's way after the chain is verified: bench.gpu_load compares the download and the load."""
    from bench.dataset import MODELS, RECORDS
    from weighbridge.names import Digest
    from weighbridge.pull import pull
    from weighbridge.registry import ArtifactoryClient, StaticToken
    from weighbridge.release import parse_release

    data = Path(manifest).read_bytes()
    release = parse_release(data, expected=Digest.of(data))
    client = ArtifactoryClient(url=f"{origin}/artifactory", tokens=StaticToken(token="bench"))
    pull(client=client, release=release, repository=MODELS, destination=folder, records_repository=RECORDS)


def by_huggingface_hub(folder: Path, model: str, revision: str) -> None:
    """snapshot_download, which compares sizes."""
    importlib.import_module("huggingface_hub").snapshot_download(model, revision=revision, local_dir=folder)


def by_frogml(folder: Path, repository: str, name: str, version: str) -> None:
    """frogml's load_model for models of plain files."""
    frogml = importlib.import_module("frogml")
    frogml.files.load_model(repository=repository, model_name=name, version=version, target_path=str(folder))


WAYS: dict[str, Callable[..., None]] = {
    "weighbridge": by_weighbridge,
    "huggingface_hub": by_huggingface_hub,
    "frogml": by_frogml,
}


def main(way: str, device: str, *words: str) -> None:
    """Bring, load, say when."""
    load, synchronize = loader(device)
    if way == "probe":
        return
    folder = Path(words[0])
    WAYS[way](folder, *words[1:])
    held = [load(path) for path in sorted(folder.rglob("*.safetensors"))]
    synchronize()
    loaded_at = time.monotonic()
    count = sum(int(tensor.nbytes) for file in held for tensor in file.values())
    print(json.dumps({"bytes": count, "loaded_at": loaded_at}))


if __name__ == "__main__":
    main(*sys.argv[1:])
