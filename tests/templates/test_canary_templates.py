"""Templates, manifests and assets of all environments hold nothing of what the shell that synthesized them held."""

from __future__ import annotations

import os
from pathlib import Path

from canaries import CANARIES, VALUE, holding

from tools.synthesis import Synthesis


def test_no_secret_of_the_shell_is_in_templates_or_assets(synthesis: Synthesis) -> None:
    assert holding(synthesis.folder, VALUE) == []
    assert not set(CANARIES.values()) & set(os.environ.values())
    # The functions' code is among what was searched, and templates that name secrets by their ids.
    assert any(path.endswith("handler.py") for path in holding(synthesis.folder, "def handler("))
    named = holding(synthesis.folder, "weighbridge/prod/artifactory-reader")
    assert any(path.endswith(".template.json") for path in named)


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "asset").mkdir()
    (tmp_path / "asset" / "settings.json").write_text(f'{{"token": "{CANARIES["JF_ACCESS_TOKEN"]}"}}')
    assert holding(tmp_path, VALUE) == ["asset/settings.json"]
