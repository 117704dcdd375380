"""The release: one immutable record that binds weights, runtime image and dependencies with where they came from.

The SHA-256 of the record's bytes is the release digest. `parse_release` therefore hashes the raw bytes before it looks
into them, and accepts one spelling of each record only: RFC 8785 canonical JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Literal, TypedDict, cast

from weighbridge import canonical
from weighbridge.canonical import Json, JsonObject
from weighbridge.errors import InputError, IntegrityError, TrustError
from weighbridge.names import Digest, ReleaseReference, check_name
from weighbridge.release.paths import check_paths

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

SCHEMA = "weighbridge.release/v1"
CHUNK_SIZE = 16 * 1024 * 1024
CHUNKS_PATH = "chunks.json"
BOM_PATH = "bom.cdx.json"
RELEASE_LIMIT = 8 * 1024 * 1024

ComponentRole = Literal["load", "code", "record"]
LineageField = Literal["base_model", "datasets", "training_job", "source_commit", "parameters", "metrics"]


@dataclass(frozen=True, slots=True)
class Component:
    """One file. `size` is in bytes; `role` is `load` (reaches a serving container), `code` or `record`."""

    path: str
    size: int
    digest: Digest
    role: ComponentRole


@dataclass(frozen=True, slots=True)
class Chunks:
    """Reference to the sidecar that holds the digests of each file's chunks (see chunks.py). Sizes in bytes."""

    size: int
    digest: Digest
    path: str = CHUNKS_PATH
    chunk_size: int = CHUNK_SIZE


@dataclass(frozen=True, slots=True)
class Bom:
    """Reference to the bill of materials (CycloneDX JSON). `size` is in bytes."""

    size: int
    digest: Digest
    path: str = BOM_PATH


@dataclass(frozen=True, slots=True)
class Runtime:
    """What the model runs in: `image` is `HOST/PATH@sha256:HEX`, `lock` the digest of the dependencies' lock file."""

    image: str
    lock: Digest


@dataclass(frozen=True, slots=True)
class BaseModel:
    """The model that was fine-tuned: hub `repository` (`owner/name`) at a 40-hex `revision`."""

    repository: str
    revision: str

    @property
    def owner(self) -> str:
        """The hub account that owns the repository; empty for the hub's few repositories without one."""
        owner, slash, _ = self.repository.partition("/")
        return owner if slash else ""


@dataclass(frozen=True, slots=True)
class Dataset:
    """A training input, named by its digest."""

    name: str
    digest: Digest


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a release comes from. `parameters` and `metrics` are text (decimals as they were printed).

    `claimed` names the fields that only the training job asserts; the rest was read by the registrar itself.
    """

    base_model: BaseModel | None = None
    datasets: tuple[Dataset, ...] = ()
    training_job: str | None = None
    source_commit: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, str] = field(default_factory=dict)
    claimed: tuple[LineageField, ...] = ()


@dataclass(frozen=True, slots=True)
class Release:
    """One release. Its value is checked when it is made.

    Raises:
        InputError: naming the field, when a value breaks the schema, the path rules or the name rule.
    """

    name: str
    version: str
    components: tuple[Component, ...]
    chunks: Chunks
    runtime: Runtime
    lineage: Lineage
    bom: Bom | None = None

    def __post_init__(self) -> None:
        check_name(self.name, field="release name")
        check_name(self.version, field="release version")
        _check_schema(_to_json(self))
        check_paths(component.path for component in self.components)
        _check_lines(self)
        ordered = sorted(self.components, key=lambda component: component.path)
        if list(self.components) != ordered:
            raise InputError("components: not sorted by path", rule="input.release")

    def to_bytes(self) -> bytes:
        """Return the RFC 8785 bytes, whose SHA-256 is the release digest."""
        return canonical.dump(_to_json(self))

    @property
    def digest(self) -> Digest:
        """The release digest."""
        return Digest.of(self.to_bytes())

    @property
    def load_components(self) -> tuple[Component, ...]:
        """The files that reach a serving container."""
        return tuple(component for component in self.components if component.role == "load")

    @property
    def load_bytes(self) -> int:
        """Sum of the sizes of `load_components`, in bytes."""
        return sum(component.size for component in self.load_components)

    def reference(self, *, host: str, repository: str) -> ReleaseReference:
        """Return `HOST/REPOSITORY/NAME:VERSION@sha256:RELEASE_DIGEST`."""
        return ReleaseReference(
            host=host, repository=repository, name=self.name, version=self.version, digest=self.digest
        )


def parse_release(data: bytes, *, expected: Digest) -> Release:
    """Return the release whose bytes are `data`, if they hash to `expected`.

    Raises:
        IntegrityError: when the bytes do not hash to `expected`.
        TrustError: rule `refused.json` or `refused.release`, when they are not a canonical, well-formed release.
    """
    found = Digest.of(data)
    if found != expected:
        raise IntegrityError(f"release.json: the bytes hash to {found}, not to {expected}")
    document = canonical.parse_object(data, what="release.json", limit=RELEASE_LIMIT)
    try:
        _check_schema(document)
        release = _from_json(cast(_ReleaseDocument, document))
        spelling = release.to_bytes()
    except (InputError, ValueError) as error:
        raise TrustError(f"release.json ({found}): {error}", rule="refused.release") from error
    if spelling != data:
        raise TrustError(f"release.json ({found}): not RFC 8785 canonical JSON", rule="refused.release")
    return release


class _ComponentDocument(TypedDict):
    path: str
    size: int
    sha256: str
    role: ComponentRole


class _ChunksDocument(TypedDict):
    path: str
    size: int
    sha256: str
    chunk_size: int


class _BomDocument(TypedDict):
    path: str
    size: int
    sha256: str


class _RuntimeDocument(TypedDict):
    image: str
    lock: str


class _BaseModelDocument(TypedDict):
    repository: str
    revision: str


class _DatasetDocument(TypedDict):
    name: str
    sha256: str


class _LineageDocument(TypedDict):
    base_model: _BaseModelDocument | None
    datasets: list[_DatasetDocument]
    training_job: str | None
    source_commit: str | None
    parameters: dict[str, str]
    metrics: dict[str, str]
    claimed: list[LineageField]


class _ReleaseDocument(TypedDict):
    name: str
    version: str
    components: list[_ComponentDocument]
    chunks: _ChunksDocument
    runtime: _RuntimeDocument
    lineage: _LineageDocument
    bom: _BomDocument | None


@cache
def _validator() -> Draft202012Validator:
    # Imported when the first document is read: it takes longer than all the rest where its extras are installed.
    from jsonschema import Draft202012Validator

    text = resources.files("weighbridge.release").joinpath("release.v1.schema.json").read_text("utf-8")
    return Draft202012Validator(json.loads(text))


def _check_schema(document: JsonObject) -> None:
    error = next(_validator().iter_errors(document), None)
    if error is not None:
        raise InputError(f"{error.json_path}: {error.message[:300]}", rule="input.release")


def _check_lines(release: Release) -> None:
    # A pattern's `$` also matches before a final line break, and these texts end up in URLs and log lines.
    lineage, base = release.lineage, release.lineage.base_model
    lines = [release.runtime.image, lineage.training_job, lineage.source_commit, *lineage.parameters, *lineage.metrics]
    lines += [item.name for item in lineage.datasets]
    lines += [] if base is None else [base.repository, base.revision]
    for line in lines:
        if line is not None and not line.isprintable():
            raise InputError(f"{line!r} holds control or invisible characters", rule="input.release")


def _to_json(release: Release) -> JsonObject:
    chunks, runtime, bom = release.chunks, release.runtime, release.bom
    return {
        "schema": SCHEMA,
        "name": release.name,
        "version": release.version,
        "components": [
            {"path": item.path, "size": item.size, "sha256": item.digest.hex, "role": item.role}
            for item in release.components
        ],
        "chunks": {
            "path": chunks.path,
            "size": chunks.size,
            "sha256": chunks.digest.hex,
            "chunk_size": chunks.chunk_size,
        },
        "runtime": {"image": runtime.image, "lock": str(runtime.lock)},
        "lineage": _lineage_to_json(release.lineage),
        "bom": None if bom is None else {"path": bom.path, "size": bom.size, "sha256": bom.digest.hex},
    }


def _lineage_to_json(lineage: Lineage) -> Json:
    base = lineage.base_model
    return {
        "base_model": None if base is None else {"repository": base.repository, "revision": base.revision},
        "datasets": [{"name": item.name, "sha256": item.digest.hex} for item in lineage.datasets],
        "training_job": lineage.training_job,
        "source_commit": lineage.source_commit,
        "parameters": dict(lineage.parameters),
        "metrics": dict(lineage.metrics),
        "claimed": list(lineage.claimed),
    }


def _from_json(document: _ReleaseDocument) -> Release:
    chunks, runtime, bom = document["chunks"], document["runtime"], document["bom"]
    return Release(
        name=document["name"],
        version=document["version"],
        components=tuple(
            Component(path=item["path"], size=item["size"], digest=Digest(item["sha256"]), role=item["role"])
            for item in document["components"]
        ),
        chunks=Chunks(
            path=chunks["path"], size=chunks["size"], digest=Digest(chunks["sha256"]), chunk_size=chunks["chunk_size"]
        ),
        runtime=Runtime(image=runtime["image"], lock=Digest.parse(runtime["lock"], field="lock")),
        lineage=_lineage_from_json(document["lineage"]),
        bom=None if bom is None else Bom(path=bom["path"], size=bom["size"], digest=Digest(bom["sha256"])),
    )


def _lineage_from_json(document: _LineageDocument) -> Lineage:
    base = document["base_model"]
    return Lineage(
        base_model=None if base is None else BaseModel(repository=base["repository"], revision=base["revision"]),
        datasets=tuple(Dataset(name=item["name"], digest=Digest(item["sha256"])) for item in document["datasets"]),
        training_job=document["training_job"],
        source_commit=document["source_commit"],
        parameters=document["parameters"],
        metrics=document["metrics"],
        claimed=tuple(document["claimed"]),
    )
