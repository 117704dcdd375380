"""The same facts as a bill of materials, a release and signed statements each tell them: part to value, comparable as they are.

Parts are `name`, `version`, `file PATH`, `runtime image`, `lock file`, `base model`, `dataset NAME`, `training job`, `source commit`,
`parameter NAME`, `metric NAME` and `dependency NAME VERSION`. Whoever tells nothing of a part does not name it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from weighbridge.bom.checklist import select
from weighbridge.bom.locked import LockedDependency
from weighbridge.bom.parts import BASE, DATASET, FILE, LIBRARY
from weighbridge.canonical import Json
from weighbridge.release import Release

Facts = Mapping[str, str]
_WORKFLOW = "formulation[].workflows[]"


def bom_facts(document: Mapping[str, Json]) -> Facts:
    """Return what a bill says; what it says in another form, or twice, is told as it stands."""
    found = {
        "name": _first(document, "metadata.component.name"),
        "version": _first(document, "metadata.component.version"),
        "training job": _first(document, f"{_WORKFLOW}.properties[name=weighbridge:training-job].value"),
        "source commit": _first(document, f"{_WORKFLOW}.properties[name=weighbridge:source-commit].value"),
    }
    told = {part: value for part, value in found.items() if value is not None}
    for item in select(document, "components[]"):
        if isinstance(item, dict):
            _add(told, *_component(item))
    for item in select(document, f"{_WORKFLOW}.inputs[].parameters[]"):
        if isinstance(item, dict):
            _add(told, f"parameter {item.get('name')}", str(item.get("value")))
    for item in select(document, "metadata.component.modelCard.quantitativeAnalysis.performanceMetrics[]"):
        if isinstance(item, dict):
            _add(told, f"metric {item.get('type')}", str(item.get("value")))
    return told


def release_facts(release: Release) -> Facts:
    """Return what a release says; dependencies stand in its lock file."""
    lineage, base = release.lineage, release.lineage.base_model
    found = {"name": release.name, "version": release.version}
    found |= {f"file {item.path}": f"sha256:{item.digest.hex}" for item in release.components}
    found |= {"runtime image": release.runtime.image, "lock file": str(release.runtime.lock)}
    if base is not None:
        found["base model"] = f"{base.repository}@{base.revision}"
    found |= {f"dataset {item.name}": f"sha256:{item.digest.hex}" for item in lineage.datasets}
    if lineage.training_job is not None:
        found["training job"] = lineage.training_job
    if lineage.source_commit is not None:
        found["source commit"] = lineage.source_commit
    found |= {f"parameter {name}": value for name, value in lineage.parameters.items()}
    return found | {f"metric {name}": value for name, value in lineage.metrics.items()}


def lock_facts(dependencies: Sequence[LockedDependency]) -> Facts:
    """Return what a lock file says."""
    return {f"dependency {item.name} {item.version}": _hashes(item.hashes) for item in dependencies}


def provenance_facts(predicate: Mapping[str, Json]) -> Facts:
    """Return what the registrar's provenance says (`weighbridge.trust.provenance`)."""
    definition = "buildDefinition"
    found = {
        "name": _first(predicate, f"{definition}.externalParameters.name"),
        "version": _first(predicate, f"{definition}.externalParameters.version"),
        "training job": _first(predicate, "runDetails.metadata.invocationId"),
    }
    told = {part: value for part, value in found.items() if value is not None}
    for item in select(predicate, f"{definition}.resolvedDependencies[]"):
        if isinstance(item, dict):
            told |= _resolved(item)
    for path, part in (("externalParameters.parameters", "parameter"), ("internalParameters.metrics", "metric")):
        for values in select(predicate, f"{definition}.{path}"):
            if isinstance(values, dict):
                told |= {f"{part} {name}": str(value) for name, value in values.items()}
    return told


def inspection_facts(predicate: Mapping[str, Json]) -> Facts:
    """Return what an inspection says of files that it read to the end."""
    return {
        f"file {item['path']}": f"sha256:{item['sha256']}"
        for item in select(predicate, "files[]")
        if isinstance(item, dict) and isinstance(item.get("path"), str) and isinstance(item.get("sha256"), str)
    }


def image_facts(predicate: Mapping[str, Json]) -> Facts:
    """Return what the builder of the runtime image says."""
    lock = predicate.get("lock")
    return {"lock file": lock} if isinstance(lock, str) else {}


def licences(document: Mapping[str, Json]) -> Mapping[str, tuple[str, ...]]:
    """Return the licences that a bill names, by part: `model`, `base model` and `dependency NAME VERSION`; unreadable ones too."""
    found: dict[str, tuple[str, ...]] = {}
    for path in ("metadata.component", "components[]"):
        for item in select(document, path):
            entries = item.get("licenses") if isinstance(item, dict) else None
            if isinstance(item, dict) and isinstance(entries, list) and entries:
                part = "model" if path == "metadata.component" else _component(item)[0]
                found[part] = tuple(_licence(entry) for entry in entries)
    return found


def _component(item: Mapping[str, Json]) -> tuple[str, str]:
    ref, name = str(item.get("bom-ref")), str(item.get("name"))
    digests = [str(entry.get("content")) for entry in _list(item.get("hashes")) if isinstance(entry, dict)]
    if ref.startswith(LIBRARY):
        return f"dependency {name} {item.get('version')}", _hashes(digests)
    if ref.startswith(BASE):
        return "base model", f"{name}@{item.get('version')}"
    kinds: Sequence[tuple[str, Callable[[], tuple[str, str]]]] = (
        (FILE, lambda: (f"file {name}", _hashes(digests))),
        (DATASET, lambda: (f"dataset {name}", _hashes(digests))),
    )
    for prefix, told in kinds:
        if ref.startswith(prefix):
            return told()
    if ref == "image":
        return "runtime image", f"{name}@{item.get('version')}"
    return ("lock file", _hashes(digests)) if ref == "lock" else (f"component {ref}", _hashes(digests))


def _resolved(item: Mapping[str, Json]) -> dict[str, str]:
    name, uri, digest = str(item.get("name")), str(item.get("uri")), item.get("digest")
    values = digest if isinstance(digest, dict) else {}
    if name == "runtime image":
        return {name: f"{uri.removeprefix('oci://')}@sha256:{values.get('sha256')}"}
    if name == "base model":
        return {name: uri.removeprefix(BASE)}
    if name == "source":
        return {"source commit": str(values.get("gitCommit"))}
    return {name: f"sha256:{values.get('sha256')}"} if name == "lock file" or name.startswith("dataset ") else {}


def _add(told: dict[str, str], part: str, value: str) -> None:
    # Two values of one part agree with nobody.
    told[part] = value if told.get(part, value) == value else f"{told[part]} and {value}"


def _hashes(digests: Sequence[str]) -> str:
    return " ".join(f"sha256:{digest}" for digest in sorted(digests)) or "no digest"


def _first(document: Mapping[str, Json], path: str) -> str | None:
    found = next(select(document, path), None)
    return found if isinstance(found, str) else None


def _licence(item: Json) -> str:
    if isinstance(item, dict):
        told = item.get("license")
        values = [item.get("expression"), *((told.get("id"), told.get("name")) if isinstance(told, dict) else ())]
        for value in values:
            if isinstance(value, str):
                return value
    # What cannot be read is not allowed by any policy.
    return "unreadable"


def _list(value: Json) -> Sequence[Json]:
    return value if isinstance(value, list) else ()
