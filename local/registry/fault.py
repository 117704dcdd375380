"""One fault switch: what goes wrong, for which requests, how often. Standard library only: tests and the demo write it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase

from local.registry.jsontypes import Json, JsonObject, text, texts

KINDS = frozenset({"status", "flip", "short", "stall", "redirect", "content-range", "no-range", "headers"})
SHAPES = frozenset({"artifactory", "access", "html"})


@dataclass(frozen=True, slots=True)
class Fault:
    """One switch.

    Args:
        kind: `status` answers `status` instead; `flip` flips one byte of the body in transit; `short` ends the
            connection inside the body; `stall` goes silent until the client leaves; `redirect` answers 302 to the second
            origin (or to `location`); `content-range` tells a range that begins one byte later; `no-range` answers 200
            with the whole file; `headers` sets or removes headers of the answer.
        path: shell pattern over the raw path behind `/artifactory/`, without the query; `*` also matches `/`.
        methods: HTTP methods; empty for all.
        times: how often it acts; None until it is cleared.
        status: of kind `status`.
        message: its text; empty for one that names the status.
        shape: of its body: `artifactory`, `access` or `html`.
        retry_after: its Retry-After header.
        at: the byte of the body where `flip`, `short` and `stall` act. None: the middle, or for `stall` before the
            answer begins.
        location: where `redirect` points to.
        headers: of kind `headers`; None removes one.
    """

    kind: str
    path: str = "*"
    methods: tuple[str, ...] = ()
    times: int | None = None
    status: int = 503
    message: str = ""
    shape: str = "artifactory"
    retry_after: str | None = None
    at: int | None = None
    location: str | None = None
    headers: Mapping[str, str | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"fault: kind {self.kind!r} is none of {', '.join(sorted(KINDS))}")
        if self.shape not in SHAPES:
            raise ValueError(f"fault: shape {self.shape!r} is none of {', '.join(sorted(SHAPES))}")

    def covers(self, *, method: str, path: str) -> bool:
        """Whether it speaks of this request."""
        return (not self.methods or method in self.methods) and fnmatchcase(path, self.path)

    def to_json(self) -> dict[str, object]:
        """What `parse_fault` reads."""
        return asdict(self)


def parse_fault(document: JsonObject) -> Fault:
    """Read a fault; ValueError naming the field that is wrong."""
    unknown = sorted(set(document) - set(Fault.__dataclass_fields__))
    if unknown:
        raise ValueError(f"fault: unknown field {unknown[0]!r}")
    headers = document.get("headers") or {}
    if not isinstance(headers, Mapping):
        raise ValueError("fault.headers: an object is needed")
    return Fault(
        kind=text(document.get("kind"), field="fault.kind"),
        path=text(document.get("path", "*"), field="fault.path"),
        methods=texts(document.get("methods", []), field="fault.methods"),
        times=_number(document.get("times"), field="fault.times"),
        status=_number(document.get("status", 503), field="fault.status") or 503,
        message=text(document.get("message", ""), field="fault.message"),
        shape=text(document.get("shape", "artifactory"), field="fault.shape"),
        retry_after=_optional(document.get("retry_after"), field="fault.retry_after"),
        at=_number(document.get("at"), field="fault.at"),
        location=_optional(document.get("location"), field="fault.location"),
        headers={name: _optional(value, field="fault.headers") for name, value in headers.items()},
    )


def _number(value: Json, *, field: str) -> int | None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise ValueError(f"{field}: a whole number is needed")
    return value


def _optional(value: Json, *, field: str) -> str | None:
    return None if value is None else text(value, field=field)
