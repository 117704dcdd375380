"""The load receipt: what this container loaded, said once it is all verified."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from weighbridge.logs import correlation

SCHEMA = "weighbridge.load-receipt/v1"


@dataclass(frozen=True, slots=True)
class LoadReceipt:
    """`release` is the full reference, `promotion` the release id; `bytes` and `files` what the server can read;
    `seconds` from the first request to the end of the pull; `time` the end, in UTC."""

    release: str
    promotion: str
    channel: str
    bytes: int
    files: int
    seconds: float
    time: str

    def fields(self) -> dict[str, str | int | float | None]:
        """Return the receipt as flat JSON fields, with the promotion's correlation id."""
        return {"schema": SCHEMA, **asdict(self), **correlation(self.promotion)}

    def write(self, path: Path) -> None:
        """Write the receipt in one step: there is a whole one or none."""
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.write_text(json.dumps(self.fields(), indent=2) + "\n", encoding="utf-8")
        draft.replace(path)
