"""The bill of materials of a release: CycloneDX 1.6 JSON, the same bytes for the same release.

It lists the model's files with their digests, base model, datasets, runtime image and lock file, and the licences that
the model card names. It never names the release, whose record holds the bill's digest. Sources: CycloneDX 1.6 JSON
(ECMA-424), and package-url's type `huggingface`.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

import yaml

from weighbridge import canonical
from weighbridge.canonical import Json, JsonObject
from weighbridge.release import ComponentRole, FileDigests, Lineage, Runtime

MODEL_CARD = "README.md"
MODEL_CARD_LIMIT = 1024 * 1024
_ROOT = "model"
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:weighbridge:bom:v1")


def make_bom(
    *,
    name: str,
    version: str,
    files: Mapping[str, FileDigests],
    roles: Mapping[str, ComponentRole],
    runtime: Runtime,
    lineage: Lineage,
    licences: Sequence[str] = (),
) -> bytes:
    """Return the bill's canonical bytes.

    Args:
        files: digests by release path; `roles` as in `release_of`.
        licences: as `model_card_licences` found them.
    """
    components = [
        *(_file(path, files[path], role=roles.get(path, "load")) for path in sorted(files)),
        *_origins(lineage),
        *_runtime(runtime),
    ]
    model: JsonObject = {
        "type": "machine-learning-model",
        "bom-ref": _ROOT,
        "name": name,
        "version": version,
        "modelCard": _model_card(lineage),
    }
    if licences:
        model["licenses"] = [{"license": {"name": licence}} for licence in licences]
    document: JsonObject = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": model},
        "components": components,
        "dependencies": [{"ref": _ROOT, "dependsOn": [item["bom-ref"] for item in components]}],
    }
    # A random serial number would make another release of the same files.
    serial = uuid.uuid5(_NAMESPACE, canonical.dump(document).decode("utf-8"))
    return canonical.dump({**document, "serialNumber": f"urn:uuid:{serial}"})


def model_card_licences(card: bytes) -> tuple[str, ...]:
    """Return the licences in a model card's front matter (`license:`), as written; none when it cannot be read."""
    text = card.decode("utf-8", errors="replace").replace("\r\n", "\n")
    head, end, _ = text.removeprefix("---\n").partition("\n---")
    if not text.startswith("---\n") or not end:
        return ()
    try:
        found = yaml.safe_load(head)
    except (yaml.YAMLError, ValueError, RecursionError):
        return ()
    value = found.get("license") if isinstance(found, dict) else None
    values = value if isinstance(value, list) else [value]
    return tuple(item for item in values if isinstance(item, str) and item.isprintable() and 0 < len(item) <= 256)


def _file(path: str, found: FileDigests, *, role: ComponentRole) -> JsonObject:
    return {
        "type": "file",
        "bom-ref": f"file:{path}",
        "name": path,
        "hashes": _sha256(found.digest.hex),
        "properties": [
            {"name": "weighbridge:role", "value": role},
            {"name": "weighbridge:size", "value": str(found.size)},
        ],
    }


def _origins(lineage: Lineage) -> list[JsonObject]:
    found: list[JsonObject] = []
    base = lineage.base_model
    if base is not None:
        purl = f"pkg:huggingface/{base.repository}@{base.revision}"
        found.append(
            {
                "type": "machine-learning-model",
                "bom-ref": purl,
                "name": base.repository,
                "version": base.revision,
                "purl": purl,
            }
        )
    found += [
        {"type": "data", "bom-ref": f"dataset:{item.name}", "name": item.name, "hashes": _sha256(item.digest.hex)}
        for item in lineage.datasets
    ]
    return found


def _runtime(runtime: Runtime) -> list[JsonObject]:
    image, _, digest = runtime.image.rpartition("@sha256:")
    return [
        {
            "type": "container",
            "bom-ref": "image",
            "name": image,
            "version": f"sha256:{digest}",
            "hashes": _sha256(digest),
        },
        {"type": "file", "bom-ref": "lock", "name": "lock file", "hashes": _sha256(runtime.lock.hex)},
    ]


def _model_card(lineage: Lineage) -> JsonObject:
    metrics: list[Json] = [{"type": name, "value": lineage.metrics[name]} for name in sorted(lineage.metrics)]
    return {
        "modelParameters": {"datasets": [{"ref": f"dataset:{item.name}"} for item in lineage.datasets]},
        "quantitativeAnalysis": {"performanceMetrics": metrics},
    }


def _sha256(digest: str) -> list[Json]:
    return [{"alg": "SHA-256", "content": digest}]
