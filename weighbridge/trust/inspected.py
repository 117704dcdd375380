"""What an inspection statement says: its type, and the verdict that lets a release pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from securesystemslib.signer import Key

from weighbridge import canonical
from weighbridge.canonical import Json
from weighbridge.errors import InputError, TrustError
from weighbridge.names import Digest
from weighbridge.release import Release
from weighbridge.trust.exceptions import ROLE, PickleException, parse_exceptions
from weighbridge.trust.times import format_time, parse_time

INSPECTION_TYPE = "urn:weighbridge:inspection:v1"
_PICKLE = "inspect.format.pickle"


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


def scanned_by(predicate: Mapping[str, Json], scanner: str) -> bool:
    """Tell whether an inspection says that the scanner of this name judged every file."""
    runs = predicate.get("scanners")
    return isinstance(runs, list) and any(
        isinstance(run, dict) and run.get("name") == scanner and run.get("complete") is True for run in runs
    )


def refuse_unsigned_exceptions(
    predicate: Mapping[str, Json], *, release: Release, keys: Sequence[Key], moment: datetime
) -> int:
    """Refuse an inspection that let a pickled file pass without an exception that one of `keys` signed; return how many it let pass.

    Args:
        predicate: of a verified inspection; it holds the signed lists of exceptions.
        keys: of the policy's role `exceptions`.
        moment: of the promotion, at which every exception has to be in force.

    Raises:
        TrustError: rule `refused.exception`, naming the file.
    """
    paths = _excepted(predicate)
    allowed: dict[Digest, PickleException] = {}
    lists = predicate.get("exceptions", []) if paths else []
    for item in lists if isinstance(lists, list) else [None]:
        try:
            allowed |= parse_exceptions(canonical.dump(item), keys=keys)
        except InputError:
            continue
    what, digests = f"{release.name}:{release.version}", {item.path: item.digest for item in release.components}
    for path, until in paths.items():
        digest = digests.get(path)
        exception = None if digest is None else allowed.get(digest)
        if exception is None or (until is not None and format_time(exception.expires) != until):
            raise TrustError(
                f"{what}: no key of the policy's role {ROLE!r} lets {path!a} pass: sign the exception with trust.keys.exceptions "
                "(`weighbridge except`) and inspect again",
                rule="refused.exception",
            )
        if exception.expires <= moment:
            raise TrustError(
                f"{what}: the exception of {path!a} ended at {format_time(exception.expires)}: replace the file, or ask for a "
                "new exception and inspect again",
                rule="refused.exception",
            )
    return len(paths)


def _excepted(predicate: Mapping[str, Json]) -> dict[str, str | None]:
    """Return the files that an exception let pass, with its end: those that are said to be, and whatever else is pickled."""
    files, excepted = predicate.get("files"), predicate.get("excepted", [])
    found: dict[str, str | None] = {}
    for file in files if isinstance(files, list) else ():
        rules = file.get("rules") if isinstance(file, dict) else None
        if isinstance(file, dict) and isinstance(rules, list) and _PICKLE in rules and file.get("verdict") != "blocked":
            found[str(file.get("path"))] = None
    for item in excepted if isinstance(excepted, list) else [None]:
        found[str(item.get("path")) if isinstance(item, dict) else ""] = (
            str(item.get("until")) if isinstance(item, dict) else ""
        )
    return found


def _first_blocked(predicate: Mapping[str, Json]) -> str:
    files = predicate.get("files")
    for file in files if isinstance(files, list) else ():
        if isinstance(file, dict) and file.get("verdict") == "blocked":
            rules = file.get("rules")
            found = ", ".join(str(rule) for rule in rules) if isinstance(rules, list) else "no rule"
            return f" ({str(file.get('path'))!a}: {found})"
    return ""
