"""TOML 1.0 by the standard library's strict parser; then like JSON."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator

from weighbridge.inspection.characters import control_characters, hidden_characters
from weighbridge.inspection.findings import Fault, Finding, shown
from weighbridge.inspection.formats.config import inspect_tree
from weighbridge.inspection.formats.text import read_text
from weighbridge.inspection.reader import ForwardReader

SIZE_LIMIT = 256 * 1024


def validate_toml(reader: ForwardReader, *, name: str) -> Iterator[Finding]:
    """Validate one TOML file and look for keys that point to code, anywhere in it.

    Raises:
        Fault: when it is too large, not UTF-8, not TOML, or nested too deep.
    """
    text = read_text(reader, limit=SIZE_LIMIT)
    yield from control_characters(text)
    yield from hidden_characters(text)
    try:
        tree = tomllib.loads(text)
    except RecursionError as error:
        raise Fault("inspect.toml.syntax", "nested too deep") from error
    except ValueError as error:
        raise Fault("inspect.toml.syntax", shown(str(error))) from error
    yield from inspect_tree(tree, name=name)
