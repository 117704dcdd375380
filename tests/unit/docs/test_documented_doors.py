"""docs/architecture.md shows the library's doors with the parameters that they have."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[3] / "docs" / "architecture.md"
_DOOR = re.compile(r"([A-Za-z_.]+)\((.*)\)")


def documented() -> list[tuple[str, str, str]]:
    """(package, name, parameters) of every door on the page."""
    text = PAGE.read_text(encoding="utf-8").partition("## The library's doors")[2]
    block = text.partition("```python\n")[2].partition("```")[0]
    package, found = "", []
    for line in block.splitlines():
        if line.startswith("# weighbridge/"):
            package = line.removeprefix("# ").partition(" ")[0].rstrip(":").replace("/", ".")
        elif (door := _DOOR.match(line)) is not None:
            found.append((package, door[1], door[2]))
    return found


def parameters_of(package: str, name: str) -> str:
    """The parameters as the page writes them: names, `*`, and `=...` for those that may be left out."""
    value: object = importlib.import_module(package)
    for part in name.split("."):
        value = getattr(value, part)
    assert callable(value)
    words, keyword_only = [], False
    for parameter in inspect.signature(value).parameters.values():
        if parameter.name == "self":
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword_only:
            words.append("*")
            keyword_only = True
        words.append(parameter.name + ("" if parameter.default is parameter.empty else "=..."))
    return ", ".join(words)


@pytest.mark.parametrize(("package", "name", "parameters"), documented())
def test_a_documented_door_has_these_parameters(package: str, name: str, parameters: str) -> None:
    assert parameters == parameters_of(package, name)


def test_every_package_of_the_design_has_a_door() -> None:
    packages = {"registry", "release", "trust", "ledger", "verification", "resolution", "registration", "promotion"}
    wanted = {f"weighbridge.{name}" for name in packages | {"pull", "serving", "settings"}}
    assert wanted <= {package for package, _, _ in documented()}
