"""Seconds from the start of a process to weights in GPU memory: `python -m bench.gpu_load`, never required.

Verified pull and load beside huggingface_hub and frogml's `load_model` with the same loader, the same safetensors files
and the same nginx on loopback. `--device cpu` loads into numpy arrays: it shows that all parts work, and nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median

from bench.contenders import CLIENTS, FROGML, HUB_CLIENT, ROOT, WEIGHBRIDGE, Interpreters
from bench.dataset import HUB, MODELS, REVISION, VERSION, Dataset, make_dataset, model_path
from bench.measure import ContenderError
from bench.sizes import MIB, Shape
from bench.webserver import WebServer, find_nginx, serving

_HEADER = 1024
_LIMIT_SECONDS = 1800
_SCRIPT = CLIENTS / "load_weights.py"


def main(words: list[str] | None = None) -> int:
    """Measure every way once a round and print the medians."""
    arguments = _arguments(words)
    ours, theirs = (arguments.python or found for found in (Interpreters().dev, Interpreters().hub))
    pythons = {WEIGHBRIDGE: ours, HUB_CLIENT: theirs, FROGML: theirs}
    for python in dict.fromkeys(pythons.values()):
        _check_device(python, arguments.device)
    find_nginx()
    shape = Shape("weights", arguments.files, arguments.size * MIB)
    seconds: dict[str, list[float]] = {name: [] for name in pythons}
    with tempfile.TemporaryDirectory(prefix="weighbridge-bench-", dir=arguments.folder) as name:
        folder = Path(name)
        write_weights(folder / "www", shape)
        dataset = make_dataset(folder, (shape,))
        with serving(folder, dataset) as server:
            for number in range(arguments.rounds):
                order = [*pythons][number % len(pythons) :] + [*pythons][: number % len(pythons)]
                for way in order:
                    target = folder / f"{number}-{order.index(way)}"
                    took = _run(way, pythons[way], arguments.device, shape, target, server, dataset)
                    seconds[way].append(took)
                    print(f"bench: round {number + 1}/{arguments.rounds}: {way}: {took:.2f} s", flush=True)
    for way, found in sorted(seconds.items(), key=lambda item: median(item[1])):
        ratio = median(a / b for a, b in zip(seconds[WEIGHBRIDGE], found, strict=True))
        print(f"{way}: {median(found):.2f} s to {arguments.device} memory ({shape.bytes / 1e9:.2f} GB); "
              f"weighbridge takes {ratio:.2f}x of it")  # fmt: skip
    return 0


def write_weights(root: Path, shape: Shape) -> None:
    """Write each of the shape's files as safetensors with one float16 tensor of random bits, at the size of the shape."""
    length = shape.size - 8 - _HEADER
    for index, name in enumerate(shape.files):
        tensor = {"dtype": "F16", "shape": [length // 2], "data_offsets": [0, length]}
        path = root / model_path(shape, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.write(_HEADER.to_bytes(8, "little"))
            file.write(json.dumps({f"layer.{index}.weight": tensor}).encode().ljust(_HEADER))
            for left in range(length, 0, -MIB):
                file.write(os.urandom(min(MIB, left)))


def _arguments(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.gpu_load", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--files", type=int, default=4, help="how many safetensors files")
    parser.add_argument("--size", type=int, default=2048, help="MiB of each file")
    parser.add_argument("--rounds", type=int, default=5, help="how often everything is repeated")
    parser.add_argument("--folder", type=Path, help="where the files are written: room for twice their size")
    parser.add_argument("--python", type=Path, help="one interpreter for all: with weighbridge's dependencies, "
                        "huggingface_hub, frogml, safetensors, and torch or cupy")  # fmt: skip
    found = parser.parse_args(words)
    for name in ("files", "size", "rounds"):
        if getattr(found, name) < 1:
            parser.error(f"--{name}: at least 1")
    return found


def _check_device(python: Path, device: str) -> None:
    """Raise RuntimeError, one line, when an interpreter cannot load into the device's memory."""
    if not python.exists():
        raise RuntimeError(f"{python} is missing: run `make bench QUICK=1` once, or name another with --python")
    done = subprocess.run([python, _SCRIPT, "probe", device], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["it does not start"])[-1]
        raise RuntimeError(f"{python}: {said}")


def _run(way: str, python: Path, device: str, shape: Shape, target: Path, server: WebServer, dataset: Dataset) -> float:
    words: dict[str, list[str | Path]] = {
        WEIGHBRIDGE: ["weighbridge", device, target, server.http, dataset.manifests / f"{shape.name}.json"],
        HUB_CLIENT: ["huggingface_hub", device, target, f"bench/{shape.name}", REVISION],
        FROGML: ["frogml", device, target, MODELS, shape.name, VERSION],
    }
    began = time.monotonic()
    done = subprocess.run(
        [str(word) for word in (python, _SCRIPT, *words[way])], env=_environment(server, target),
        capture_output=True, text=True, check=False, timeout=_LIMIT_SECONDS,
    )  # fmt: skip
    if done.returncode != 0:
        raise ContenderError(f"{way}: {' '.join((done.stdout + done.stderr).split())[-400:]}")
    found = json.loads(done.stdout.strip().splitlines()[-1])
    expected = shape.bytes - shape.count * (8 + _HEADER)
    if found["bytes"] != expected:
        raise ContenderError(f"{way}: {found['bytes']} of {expected} bytes were loaded")
    # The monotonic clock is one for all processes of a machine; unloading and the interpreter's end are not counted.
    return float(found["loaded_at"]) - began


def _environment(server: WebServer, target: Path) -> Mapping[str, str]:
    kept = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES")
    return {
        **{name: os.environ[name] for name in kept if name in os.environ},
        "PYTHONPATH": str(ROOT),
        "JF_URL": server.http,
        "JF_ACCESS_TOKEN": "bench",
        "HF_ENDPOINT": f"{server.http}/artifactory/api/huggingfaceml/{HUB}",
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HOME": f"{target}-home",
    }


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (RuntimeError, ContenderError, subprocess.TimeoutExpired) as error:
        sys.exit(f"bench stopped: {error}")
