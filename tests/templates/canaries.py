"""Secret values where a shell may hold some while templates are synthesized; none may be found in what synth writes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

NAMES = (
    "JF_ACCESS_TOKEN", "HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "WEIGHBRIDGE_TOKEN_READER",
    "WEIGHBRIDGE_TOKEN_SCIENTIST", "WEIGHBRIDGE_TOKEN_REGISTRAR", "WEIGHBRIDGE_TOKEN_PROMOTER",
    "WEIGHBRIDGE_TOKEN_ADMINISTRATOR",
)  # fmt: skip
VALUE = "canary-7c1f0b5e-"
CANARIES = {name: f"{VALUE}{name.lower()}" for name in NAMES}


@contextmanager
def in_the_shell() -> Iterator[None]:
    """Set the variables."""
    with pytest.MonkeyPatch.context() as shell:
        for name, value in CANARIES.items():
            shell.setenv(name, value)
        yield


def holding(folder: Path, value: str) -> list[str]:
    """Return the files below `folder`, assets included, that hold `value`."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return [str(path.relative_to(folder)) for path in files if value.encode() in path.read_bytes()]
