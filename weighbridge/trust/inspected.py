"""What an inspection statement says: its type, and the verdict that lets a release pass."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from weighbridge.canonical import Json
from weighbridge.errors import InputError, TrustError
from weighbridge.trust.times import parse_time

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


def refuse_ended_exceptions(predicate_type: str, predicate: Mapping[str, Json], *, subject: str, now: datetime) -> None:
    """Refuse to promote a release with a pickled file whose exception has ended; what was promoted before goes on loading.

    Raises:
        TrustError: rule `refused.exception`, naming the file.
    """
    excepted = predicate.get("excepted", []) if predicate_type == INSPECTION_TYPE else []
    for item in excepted if isinstance(excepted, list) else [None]:
        path, until = (item.get("path"), item.get("until")) if isinstance(item, dict) else (None, None)
        try:
            ended = not isinstance(until, str) or parse_time(until, field="until") <= now
        except InputError:
            ended = True
        if ended:
            raise TrustError(
                f"{subject}: the exception of {str(path)!a} ended at {until}: replace the file, or ask for a new exception "
                "and inspect again",
                rule="refused.exception",
            )


def _first_blocked(predicate: Mapping[str, Json]) -> str:
    files = predicate.get("files")
    for file in files if isinstance(files, list) else ():
        if isinstance(file, dict) and file.get("verdict") == "blocked":
            rules = file.get("rules")
            found = ", ".join(str(rule) for rule in rules) if isinstance(rules, list) else "no rule"
            return f" ({str(file.get('path'))!a}: {found})"
    return ""
