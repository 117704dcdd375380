"""What a bill of materials lists beyond the release itself: one line for each component, so that two bills can be compared."""

from __future__ import annotations

from weighbridge import canonical
from weighbridge.canonical import Json
from weighbridge.verification.gates import BOM_LIMIT

# Files, datasets, base model, image and lock file stand in the release too, and are compared from there.
_TOLD = ("file:", "dataset:", "pkg:huggingface/")
_TOLD_WHOLE = frozenset({"image", "lock", "model"})


def bill_lines(data: bytes) -> tuple[str, ...]:
    """Return `TYPE NAME VERSION` of each component of a CycloneDX bill, sorted; nested components too.

    Raises:
        TrustError: rule `refused.json`.
    """
    document = canonical.parse_object(data, what="bill of materials", limit=BOM_LIMIT)
    return tuple(sorted(set(_lines(document.get("components"), depth=0))))


def _lines(components: Json, *, depth: int) -> list[str]:
    found: list[str] = []
    for item in components if isinstance(components, list) else ():
        if not isinstance(item, dict):
            continue
        reference = str(item.get("bom-ref", ""))
        if not (reference.startswith(_TOLD) or reference in _TOLD_WHOLE):
            words = (item.get("type"), item.get("name"), item.get("version") or _hash(item.get("hashes")))
            found.append(" ".join(word for word in words if isinstance(word, str) and word))
        if depth < 8:
            found += _lines(item.get("components"), depth=depth + 1)
    return found


def _hash(hashes: Json) -> str | None:
    first = hashes[0] if isinstance(hashes, list) and hashes else None
    content = first.get("content") if isinstance(first, dict) else None
    return content if isinstance(content, str) else None
