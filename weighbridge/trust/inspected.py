"""What an inspection statement says: its type, and the verdict that lets a release pass."""

from __future__ import annotations

from collections.abc import Mapping

from weighbridge.canonical import Json
from weighbridge.errors import TrustError

INSPECTION_TYPE = "urn:weighbridge:inspection:v1"


def refuse_blocked(predicate_type: str, predicate: Mapping[str, Json], *, subject: str) -> None:
    """Refuse a release whose inspector did not call it clean; statements of other types pass.

    Raises:
        TrustError: rule `refused.inspection`, naming the first file that was blocked.
    """
    if predicate_type != INSPECTION_TYPE or predicate.get("verdict") == "clean":
        return
    raise TrustError(
        f"{subject}: the inspector's verdict is {predicate.get('verdict')!r}{_first_blocked(predicate)}: replace what was "
        "blocked and register another version",
        rule="refused.inspection",
    )


def _first_blocked(predicate: Mapping[str, Json]) -> str:
    files = predicate.get("files")
    for file in files if isinstance(files, list) else ():
        if isinstance(file, dict) and file.get("verdict") == "blocked":
            rules = file.get("rules")
            found = ", ".join(str(rule) for rule in rules) if isinstance(rules, list) else "no rule"
            return f" ({str(file.get('path'))!a}: {found})"
    return ""
