"""What a synth refuses. That all templates are clean and reproducible: tests/integration/templates, and `make check`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.synthesis import synthesize
from weighbridge.errors import InputError


def test_an_unknown_environment_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'qa' has no file in .*: give one of dev, prod, staging"):
        synthesize(outdir=tmp_path, validation=False, context={"weighbridge:environment": "qa"})
