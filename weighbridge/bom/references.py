"""What CycloneDX's schema does not check: references that lead nowhere, two parts of one name, digests that are none."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from weighbridge.canonical import Json

_LENGTHS = {"MD5": 32, "SHA-1": 40, "SHA-256": 64, "SHA-384": 96, "SHA-512": 128}
_HEX = re.compile(r"[0-9a-f]+")
# Keys whose value is one reference, or a list of them (CycloneDX 1.6: refLinkType).
_SINGLE = frozenset({"ref"})
_LISTS = frozenset({"dependsOn", "provides", "assemblies"})


def reference_faults(document: Mapping[str, Json]) -> tuple[str, ...]:
    """Return what is wrong with a bill's references and digests, each as one line."""
    defined = Counter(ref for ref in _refs(document))
    faults = [f"bom-ref {ref!r} stands {count} times" for ref, count in sorted(defined.items()) if count > 1]
    faults += [f"reference to {ref!r}, which is nowhere" for ref in sorted(set(_links(document)) - defined.keys())]
    seen = Counter(str(item.get("ref")) for item in _objects(document.get("dependencies")))
    faults += [f"dependencies of {ref!r} stand {count} times" for ref, count in sorted(seen.items()) if count > 1]
    return (*faults, *_digest_faults(document))


def _refs(value: Json) -> Iterator[str]:
    for item in _walk(value):
        ref = item.get("bom-ref")
        if isinstance(ref, str):
            yield ref


def _links(document: Mapping[str, Json]) -> Iterator[str]:
    for item in _walk(document):
        for key, value in item.items():
            if key in _SINGLE and isinstance(value, str) and not value.startswith("urn:cdx:"):
                yield value
            elif key in _LISTS and isinstance(value, list):
                yield from (ref for ref in value if isinstance(ref, str) and not ref.startswith("urn:cdx:"))
    for composition in _objects(document.get("compositions")):
        listed = composition.get("dependencies")
        yield from (ref for ref in listed if isinstance(ref, str)) if isinstance(listed, list) else ()


def _digest_faults(document: Mapping[str, Json]) -> Iterator[str]:
    for item in _walk(document):
        for entry in _objects(item.get("hashes")):
            algorithm, content = str(entry.get("alg")), str(entry.get("content"))
            length = _LENGTHS.get(algorithm, len(content))
            if len(content) != length or not _HEX.fullmatch(content):
                yield f"{item.get('bom-ref') or item.get('name')}: {content[:80]!r} is no {algorithm}"


def _walk(value: Json) -> Iterator[Mapping[str, Json]]:
    stack: list[Json] = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            yield item
            stack += item.values()
        elif isinstance(item, list):
            stack += item


def _objects(value: Json) -> Iterator[Mapping[str, Json]]:
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))
