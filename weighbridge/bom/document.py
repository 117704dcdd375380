"""The bill of materials of a release: CycloneDX JSON, valid under 1.6 and 1.7, the same bytes for the same release.

It is composed as JSON from what was recorded, and says what is not known. It never names the release, whose record holds the
bill's digest. Sources: CycloneDX 1.6 JSON (ECMA-424) and 1.7, package-url's types `huggingface` and `pypi`.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from weighbridge import canonical
from weighbridge.bom.architecture import CONFIG, CONFIG_LIMIT, Architecture, read_architecture
from weighbridge.bom.card import MODEL_CARD, MODEL_CARD_LIMIT, ModelCard, parse_card
from weighbridge.bom.checklist import missing
from weighbridge.bom.locked import LockedDependency, parse_lock
from weighbridge.bom.model import card_of, model_of
from weighbridge.bom.parts import DATASET, FILE, IMAGE, LOCK, MODEL, base_ref, named, sha256
from weighbridge.canonical import Json, JsonObject
from weighbridge.errors import InputError
from weighbridge.release import ComponentRole, FileDigests, Lineage, Release, Runtime

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:weighbridge:bom:v1")
# Which layout this is, for whoever reads the bill; the library's version would make another bill of the same release.
_TOOL: JsonObject = {"type": "application", "name": "weighbridge", "version": "bill-2"}
TEXTS: Mapping[str, int] = {MODEL_CARD: MODEL_CARD_LIMIT, CONFIG: CONFIG_LIMIT}
"""Files of a release that a bill is composed from, with the most bytes that each may have, by path."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a release is made of. `files` and `roles` by release path, `base_licences` as the base model's card names them."""

    name: str
    version: str
    files: Mapping[str, FileDigests]
    roles: Mapping[str, ComponentRole]
    runtime: Runtime
    lineage: Lineage
    base_licences: tuple[str, ...] = ()

    @classmethod
    def of(cls, release: Release) -> Contents:
        """Return what a release says that it is made of; the chunks' digests, which no bill names, are left out."""
        return cls(
            name=release.name,
            version=release.version,
            files={item.path: FileDigests(item.size, item.digest, ()) for item in release.components},
            roles={item.path: item.role for item in release.components},
            runtime=release.runtime,
            lineage=release.lineage,
        )


@dataclass(frozen=True, slots=True)
class _Dependencies:
    """The locked dependencies; `unknown` says why there are none."""

    items: tuple[LockedDependency, ...] = ()
    unknown: str | None = field(default=None)


def make_bom(*, contents: Contents, texts: Mapping[str, bytes] | None = None, lock: bytes | None = None) -> bytes:
    """Return the bill's canonical bytes.

    Args:
        texts: bytes of the files in `TEXTS`, those that the release has.
        lock: bytes of the lock file whose digest is `contents.runtime.lock`; None when nobody has them.

    Raises:
        InputError: the lock file's bytes do not hash to its digest.
    """
    texts = texts or {}
    card = parse_card(texts[MODEL_CARD]) if MODEL_CARD in texts else ModelCard()
    shape = read_architecture(config=texts.get(CONFIG), paths=contents.files.keys())
    locked = _dependencies(lock, runtime=contents.runtime)
    document = _compose(contents, card=card, shape=shape, locked=locked)
    unknown: list[Json] = [named("weighbridge:unknown", entry) for entry in missing(document)]
    if locked.unknown is not None:
        unknown.append(named("weighbridge:dependencies-unknown", locked.unknown))
    metadata = document["metadata"]
    assert isinstance(metadata, dict)
    metadata["properties"] = unknown
    # A random serial number would make another release of the same files.
    serial = uuid.uuid5(_NAMESPACE, canonical.dump(document).decode("utf-8"))
    return canonical.dump({**document, "serialNumber": f"urn:uuid:{serial}"})


def _dependencies(lock: bytes | None, *, runtime: Runtime) -> _Dependencies:
    if lock is None:
        return _Dependencies(unknown="the lock file was not at hand")
    if sha256(lock) != runtime.lock.hex:
        raise InputError(
            f"lock file: its bytes hash to sha256:{sha256(lock)}, not to {runtime.lock}: give the lock file that was "
            "installed in the runtime image",
            rule="input.lock",
        )
    try:
        return _Dependencies(items=parse_lock(lock))
    except InputError as error:
        return _Dependencies(unknown=str(error))


def _compose(contents: Contents, *, card: ModelCard, shape: Architecture, locked: _Dependencies) -> JsonObject:
    lineage = contents.lineage
    files = [_file(contents, path) for path in sorted(contents.files)]
    others = [*_origins(contents), *_runtime(contents.runtime)]
    libraries = [_library(item) for item in locked.items]
    direct = [str(item["bom-ref"]) for item in (*files, *others)]
    model = model_of(contents.name, contents.version, lineage=lineage, card=card)
    model["modelCard"] = card_of(lineage, card=card, shape=shape)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": model,
            "lifecycles": [{"phase": "post-build"}],
            "tools": {"components": [_TOOL]},
        },
        "components": [*files, *others, *libraries],
        "dependencies": [
            {"ref": MODEL, "dependsOn": direct},
            {"ref": LOCK, "dependsOn": [item.purl for item in locked.items]},
        ],
        "compositions": [
            {"aggregate": "complete", "assemblies": [str(item["bom-ref"]) for item in files]},
            {"aggregate": "unknown" if locked.unknown else "complete", "dependencies": [LOCK]},
        ],
        "formulation": [{"bom-ref": "formulation", "workflows": [_training(contents)]}],
    }


def _file(contents: Contents, path: str) -> JsonObject:
    found = contents.files[path]
    return {
        "type": "file",
        "bom-ref": f"{FILE}{path}",
        "name": path,
        "hashes": _hashes(found.digest.hex),
        "properties": [
            named("weighbridge:role", contents.roles.get(path, "load")),
            named("weighbridge:size", str(found.size)),
        ],
    }


def _origins(contents: Contents) -> list[JsonObject]:
    lineage, found = contents.lineage, list[JsonObject]()
    base = lineage.base_model
    if base is not None:
        purl = base_ref(base)
        component: JsonObject = {
            "type": "machine-learning-model",
            "bom-ref": purl,
            "name": base.repository,
            "version": base.revision,
            "purl": purl,
        }
        if base.owner:
            component["supplier"] = {"name": base.owner}
        if contents.base_licences:
            component["licenses"] = [
                {"license": {"name": item, "acknowledgement": "declared"}} for item in contents.base_licences
            ]
        found.append(component)
    found += [
        {
            "type": "data",
            "bom-ref": f"{DATASET}{item.name}",
            "name": item.name,
            "hashes": _hashes(item.digest.hex),
            "data": [{"type": "dataset", "name": item.name}],
        }
        for item in lineage.datasets
    ]
    return found


def _runtime(runtime: Runtime) -> list[JsonObject]:
    image, _, digest = runtime.image.rpartition("@sha256:")
    return [
        {
            "type": "container",
            "bom-ref": IMAGE,
            "name": image,
            "version": f"sha256:{digest}",
            "hashes": _hashes(digest),
        },
        {"type": "file", "bom-ref": LOCK, "name": "lock file", "hashes": _hashes(runtime.lock.hex)},
    ]


def _library(item: LockedDependency) -> JsonObject:
    return {
        "type": "library",
        "bom-ref": item.purl,
        "name": item.name,
        "version": item.version,
        "purl": item.purl,
        "hashes": [{"alg": "SHA-256", "content": digest} for digest in item.hashes],
        "properties": [
            named("weighbridge:hashes", "archives of which one may be installed, from the lock file"),
            *(named("weighbridge:installed-where", marker) for marker in item.markers),
        ],
    }


def _training(contents: Contents) -> JsonObject:
    lineage, base = contents.lineage, contents.lineage.base_model
    inputs: list[Json] = [] if base is None else [{"resource": {"ref": base_ref(base)}}]
    inputs += [{"resource": {"ref": f"{DATASET}{item.name}"}} for item in lineage.datasets]
    if lineage.parameters:
        parameters: list[Json] = [
            {"name": name, "value": lineage.parameters[name]} for name in sorted(lineage.parameters)
        ]
        inputs.append({"parameters": parameters})
    facts: Sequence[tuple[str, str | None]] = (
        ("weighbridge:training-job", lineage.training_job),
        ("weighbridge:source-commit", lineage.source_commit),
    )
    found: JsonObject = {
        "bom-ref": "training",
        "uid": f"training:{contents.name}:{contents.version}",
        "name": "training",
        "taskTypes": ["build"],
        "outputs": [{"type": "artifact", "resource": {"ref": MODEL}}],
        "properties": [named(name, value) for name, value in facts if value is not None],
    }
    return {**found, "inputs": inputs} if inputs else found


def _hashes(digest: str) -> list[Json]:
    return [{"alg": "SHA-256", "content": digest}]
