"""Strict JSON (RFC 8259, with unique keys): configs, tokenizers, indexes and the header of safetensors."""

from __future__ import annotations

import json
from collections.abc import Iterator

from weighbridge.inspection.findings import Fault, Finding, shown
from weighbridge.inspection.formats.config import inspect_tree
from weighbridge.inspection.formats.tree import Tree
from weighbridge.inspection.reader import ForwardReader

SIZE_LIMIT = 64 * 1024 * 1024
DEPTH_LIMIT = 64

# Each value costs its parser at most about 100 bytes, and each needs one of these signs before it. The largest published
# tokenizers (262,144 tokens, 514,906 merges as pairs) have 1.9 million.
NODE_LIMIT = 2_200_000
LINE_LIMIT = 100_000


def validate_json(reader: ForwardReader, *, name: str) -> Iterator[Finding]:
    """Validate one JSON file and look for keys that point to code, anywhere in it.

    Args:
        name: the file's last path segment; tells an index from a config.

    Raises:
        Fault: when it is not strict JSON.
    """
    data = reader.read(reader.size, what="JSON", limit=SIZE_LIMIT)
    yield from inspect_tree(parse_json(data, what="file"), name=name)


def validate_json_lines(reader: ForwardReader, *, name: str) -> Iterator[Finding]:
    """Validate one JSON document per line, as `validate_json` does each.

    Raises:
        Fault: when a line is not strict JSON.
    """
    data = reader.read(reader.size, what="JSON lines", limit=SIZE_LIMIT)
    check_nodes(data, what="file")
    if data.count(b"\n") > LINE_LIMIT:
        raise Fault("inspect.json.limits", f"file: more than {LINE_LIMIT} lines")
    for number, line in enumerate(data.split(b"\n"), start=1):
        if line.strip():
            yield from inspect_tree(parse_json(line, what=f"line {number}"), name=name)


def parse_json(data: bytes, *, what: str, limit: int = NODE_LIMIT) -> Tree:
    """Parse strictly.

    Raises:
        Fault: `inspect.json.syntax`, `.duplicate-key` or `.limits`; `inspect.text.encoding` when it is not UTF-8.
    """
    check_nodes(data, what=what, limit=limit)
    try:
        value: Tree = json.loads(
            data.decode("utf-8"), object_pairs_hook=_unique, parse_float=_finite, parse_constant=_no_constant
        )
        _check_depth(value, what=what)
    except UnicodeDecodeError as error:
        raise Fault("inspect.text.encoding", f"{what}: not UTF-8", offset=error.start) from error
    except json.JSONDecodeError as error:
        offset = len(error.doc[: error.pos].encode("utf-8", "surrogatepass"))
        raise Fault("inspect.json.syntax", f"{what}: {error.msg}", offset=offset) from error
    except RecursionError as error:
        raise Fault("inspect.json.limits", f"{what}: nested deeper than {DEPTH_LIMIT} levels") from error
    except ValueError as error:
        raise Fault("inspect.json.syntax", f"{what}: {error}") from error
    return value


def check_nodes(data: bytes, *, what: str, limit: int = NODE_LIMIT) -> None:
    """Refuse what could hold more values than memory allows, before it is parsed.

    Raises:
        Fault: `inspect.json.limits`.
    """
    nodes = data.count(b",") + data.count(b"[") + data.count(b"{")
    if nodes > limit:
        raise Fault("inspect.json.limits", f"{what}: may hold {nodes} values, more than {limit}")


def _unique(pairs: list[tuple[str, Tree]]) -> dict[str, Tree]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise Fault("inspect.json.duplicate-key", f"key {shown(key)} stands twice in one object")
            seen.add(key)
    return found


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"{shown(text)} is no finite number")
    return value


def _no_constant(text: str) -> Tree:
    raise ValueError(f"{text} is not JSON")


def _check_depth(value: Tree, *, what: str) -> None:
    level: list[Tree] = [value]
    for _ in range(DEPTH_LIMIT):
        level = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent if isinstance(parent, list) else ())
            if isinstance(child, dict | list)
        ]
        if not level:
            return
    raise Fault("inspect.json.limits", f"{what}: nested deeper than {DEPTH_LIMIT} levels")
