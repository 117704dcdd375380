"""What JFrog Xray says of a release's files: a violation asks for a revocation, and "not scanned" is never clean.

Sources: Xray REST API, Artifact Scan Status (POST /xray/api/v1/artifact/status) and Violations (POST /xray/api/v1/violations).
Xray looks for malice in models in Hugging Face repositories alone: for other repositories `DONE` says little, so that its
verdict is a third opinion beside the gate and stands for nothing by itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from weighbridge.canonical import Json
from weighbridge.errors import RegistryError, RegistryNotFoundError
from weighbridge.layout import ChannelLayout
from weighbridge.registry import Location
from weighbridge.registry.http import Http
from weighbridge.release import Release

Opinion = Literal["clean", "violation", "not-scanned"]
_ANSWER_LIMIT = 8 * 1024 * 1024
_SAID_LIMIT = 200


@dataclass(frozen=True, slots=True)
class XrayOpinion:
    """One file: what Xray says, in its own words."""

    path: str
    opinion: Opinion
    words: str


@dataclass(frozen=True, slots=True)
class XrayVerdict:
    """A release: `clean` only when every file was wholly scanned and none is in violation."""

    release: Release
    files: tuple[XrayOpinion, ...]

    @property
    def opinion(self) -> Opinion:
        """The worst of all files; `not-scanned` for a release without any."""
        found = {file.opinion for file in self.files}
        if "violation" in found:
            return "violation"
        return "not-scanned" if "not-scanned" in found or not found else "clean"

    def revocation_reason(self) -> str | None:
        """Return the reason to give to `weighbridge revoke`, or None when nothing is in violation."""
        bad = [f"{file.path}: {file.words}" for file in self.files if file.opinion == "violation"]
        return None if not bad else f"Xray: {'; '.join(bad)}"[:_SAID_LIMIT]


def ask_xray(*, http: Http, layout: ChannelLayout, release: Release) -> XrayVerdict:
    """Ask Xray about every file of a release in a channel's models repository.

    Args:
        http: sends below the platform's root, as an identity that may read Xray's results.

    Raises:
        RegistryError: Xray refused, or could not answer; what it does not know is `not-scanned`.
    """
    files = []
    for component in release.components:
        path = layout.weights_path(name=release.name, version=release.version, path=component.path)
        files.append(_ask(http, Location(layout.models_repository, path), shown=component.path))
    return XrayVerdict(release=release, files=tuple(files))


def _ask(http: Http, location: Location, *, shown: str) -> XrayOpinion:
    try:
        status = _post(http, "xray/api/v1/artifact/status", {"repo": location.repository, "path": location.path})
    except RegistryNotFoundError:
        return XrayOpinion(shown, "not-scanned", "Xray does not know it")
    overall = status.get("overall")
    said = overall.get("status") if isinstance(overall, dict) else None
    violations = _violations(http, location)
    if violations:
        return XrayOpinion(shown, "violation", ", ".join(violations))
    if said != "DONE":
        return XrayOpinion(shown, "not-scanned", str(said))
    return XrayOpinion(shown, "clean", "DONE")


def _violations(http: Http, location: Location) -> Sequence[str]:
    artifacts: list[Json] = [{"repo": location.repository, "path": location.path}]
    asked: Mapping[str, Json] = {
        "filters": {"resources": {"artifacts": artifacts}},
        "pagination": {"order_by": "severity", "limit": 25, "offset": 1},
    }
    answer = _post(http, "xray/api/v1/violations", asked)
    total, found = answer.get("total_violations"), answer.get("violations")
    if not isinstance(total, int) or isinstance(total, bool) or not isinstance(found, list):
        raise RegistryError("Xray: its answer about violations tells no number of them: is this Xray 3.80 or newer?")
    named = [f"{item.get('issue_id')} ({item.get('severity')})" for item in found if isinstance(item, dict)]
    return named or [f"{total} violations"] if total else []


def _post(http: Http, path: str, body: Mapping[str, Json]) -> Mapping[str, Json]:
    data = json.dumps(body).encode()
    with http.send("POST", path, headers={"Content-Type": "application/json"}, body=lambda: data) as answer:
        text = answer.content[:_ANSWER_LIMIT]
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RegistryError(f"Xray: POST {path}: the answer is not JSON") from error
    if not isinstance(found, dict):
        raise RegistryError(f"Xray: POST {path}: the answer is not a JSON object")
    return found
