"""Models on disk, laid out so that a plain web server answers every client: weighbridge, frogml, huggingface_hub, curl."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.sizes import MIB, Shape
from weighbridge.names import Digest
from weighbridge.release import Lineage, Runtime, build_release

MODELS, RECORDS, HUB = "bench-models", "bench-records", "bench-hub"
VERSION, REVISION = "1.0.0", "0123456789abcdef0123456789abcdef01234567"
_RUNTIME = Runtime(image="registry.example.com/docker/inference@sha256:" + "a" * 64, lock=Digest("b" * 64))


@dataclass(frozen=True, slots=True)
class Dataset:
    """`root` is what the web server serves, `digests` maps URL paths to SHA-256, `manifests` holds release.json files."""

    root: Path
    digests: Path
    manifests: Path


def make_dataset(folder: Path, shapes: Sequence[Shape]) -> Dataset:
    """Write the models below `folder`; random bytes, so that nothing on the way can compress them."""
    found = Dataset(root=folder / "www", digests=folder / "digests.map", manifests=folder / "manifests")
    found.manifests.mkdir(parents=True, exist_ok=True)
    lines: list[str] = []
    for shape in shapes:
        lines += _make_model(found, shape)
    found.digests.write_text("".join(lines))
    return found


def model_path(shape: Shape, file: str) -> str:
    """URL path of a file in the models repository."""
    return f"artifactory/{MODELS}/models/{shape.name}/{VERSION}/{file}"


def _make_model(found: Dataset, shape: Shape) -> list[str]:
    files: dict[str, Path] = {}
    for name in shape.files:
        path = found.root / model_path(shape, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.stat().st_size != shape.size:
            with path.open("wb") as file:
                for left in range(shape.size, 0, -MIB):
                    file.write(os.urandom(min(MIB, left)))
        files[name] = path
    built = build_release(name=shape.name, version=VERSION, files=files, runtime=_RUNTIME, lineage=Lineage())
    (found.manifests / f"{shape.name}.json").write_bytes(built.release.to_bytes())
    records = f"artifactory/{RECORDS}/{shape.name}/releases/{built.release.digest.hex}"
    for name, data in built.sidecars.items():
        _write(found.root / records / name, data)
    _frogml(found, shape, {item.path: item.digest.hex for item in built.release.components})
    _hub(found, shape, {item.path: item.digest.hex for item in built.release.components})
    return [f"/{model_path(shape, item.path)} {item.digest.hex};\n" for item in built.release.components]


def _frogml(found: Dataset, shape: Shape, digests: dict[str, str]) -> None:
    artifacts = [
        {
            "artifact_path": name,
            "size": shape.size,
            "checksums": {"sha2": digest},
            "download_url": f"http://127.0.0.1/{model_path(shape, name)}",
        }
        for name, digest in digests.items()
    ]
    manifest = {
        "id": shape.name,
        "version": VERSION,
        "created_date": "2026-11-24T00:00:00Z",
        "model_artifacts": artifacts,
        "model_format": {"framework": "files", "framework_version": "", "serialization_format": "files",
                         "runtime": "python", "runtime_version": "3.11"},
    }  # fmt: skip
    api = f"artifactory/api/machinelearning/{MODELS}/model/entity-manifest/{shape.name}/{VERSION}"
    _write(found.root / api, json.dumps(manifest).encode())


def _hub(found: Dataset, shape: Shape, digests: dict[str, str]) -> None:
    name = f"bench/{shape.name}"
    info = {
        "_id": REVISION[:24], "id": name, "modelId": name, "sha": REVISION, "private": False, "tags": [],
        "siblings": [{"rfilename": file} for file in digests],
    }  # fmt: skip
    tree = [
        {
            "type": "file",
            "oid": hashlib.sha1(file.encode(), usedforsecurity=False).hexdigest(),
            "size": shape.size,
            "path": file,
            "lfs": {"oid": digest, "size": shape.size, "pointerSize": 134},
        }
        for file, digest in digests.items()
    ]
    api = f"artifactory/api/huggingfaceml/{HUB}/api/models/{name}"
    _write(found.root / api / "revision" / REVISION, json.dumps(info).encode())
    _write(found.root / api / "tree" / REVISION, json.dumps(tree).encode())


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
