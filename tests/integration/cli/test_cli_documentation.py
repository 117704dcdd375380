"""docs/cli.md names every command that there is, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import typer

from weighbridge.cli.app import app

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "cli.md"


def commands() -> set[str]:
    root = typer.main.get_command(app)
    found: set[str] = set()
    for name, command in root.commands.items():  # type: ignore[attr-defined]
        children = getattr(command, "commands", None)
        found |= {f"{name} {child}" for child in children} if children else {name}
    return found


def test_every_command_has_its_row_and_every_example_its_command() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    rows = {match[1] for match in re.finditer(r"^\| `weighbridge ([a-z -]+?)(?: [A-Z][^`]*)?` \|", text, re.MULTILINE)}
    assert rows == commands()
    for line in re.findall(r"^weighbridge (.+)$", text, re.MULTILINE):
        assert any(line.startswith(f"{command} ") for command in rows), line


def test_options_in_the_document_exist() -> None:
    root = typer.main.get_command(app)
    known = {"--help", "--json", "--version"}
    for command in root.commands.values():  # type: ignore[attr-defined]
        for leaf in (getattr(command, "commands", None) or {"": command}).values():
            known |= {option for item in leaf.params for option in item.opts}
    text = DOCUMENT.read_text(encoding="utf-8")
    assert set(re.findall(r"--[a-z][a-z-]+", text)) <= known
