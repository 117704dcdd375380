r"""Properties written in a URL: `k=v1,v2;k2=v`, where `\` escapes `,`, `|`, `=`, `;` and itself."""

from __future__ import annotations

from local.registry.errors import RefusalError


def parse_properties(text: str) -> dict[str, tuple[str, ...]]:
    """Read properties.

    Raises:
        RefusalError: 400 for an entry without a name or a value.
    """
    found: dict[str, tuple[str, ...]] = {}
    for entry in _split(text, separators=";|"):
        if not entry:
            continue
        name, *values = _split(entry, separators="=")
        if not name or not values:
            raise RefusalError(400, f"The property '{entry}' is not of the form key=value")
        found[_plain(name)] = tuple(_plain(value) for value in _split("=".join(values), separators=","))
    return found


def _split(text: str, *, separators: str) -> list[str]:
    parts = [""]
    escaped = False
    for character in text:
        if not escaped and character in separators:
            parts.append("")
            continue
        parts[-1] += character
        escaped = character == "\\" and not escaped
    return parts


def _plain(text: str) -> str:
    found = ""
    escaped = False
    for character in text:
        if character == "\\" and not escaped:
            escaped = True
            continue
        found += character
        escaped = False
    return found
