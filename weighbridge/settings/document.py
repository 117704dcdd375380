"""Read one YAML file strictly: one mapping, no duplicate key, no anchors, no tags, nothing of YAML 1.1's surprises."""

from __future__ import annotations

from pathlib import Path

import yaml

from weighbridge.canonical import Json, JsonObject
from weighbridge.errors import SettingsError

SIZE_LIMIT = 256 * 1024
_PLAIN_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "bool", "null", "seq", "map")}


class _Loader(yaml.SafeLoader):
    """Refuses anchors and aliases: they hide what a reviewer has to see, and can blow a small file up."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if getattr(event, "anchor", None) is not None:
            problem = "anchors and aliases are not allowed, write the value out"
            raise yaml.composer.ComposerError(None, None, problem, event.start_mark)
        return super().compose_node(parent, index)


def read_document(path: Path) -> JsonObject:
    """Return the mapping that the file holds.

    Raises:
        SettingsError: naming the file, line and fix, when it cannot be read or is not one plain mapping.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror or error}: create it or name another") from error
    if len(data) > SIZE_LIMIT:
        raise SettingsError(f"{path}: {len(data)} bytes are more than the limit of {SIZE_LIMIT}: shorten it")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: byte {error.start} is not UTF-8: save the file as UTF-8") from error
    try:
        node = yaml.compose(text, Loader=_Loader)
        value = _build(node, path=path, where="") if node is not None else None
    except (yaml.YAMLError, RecursionError) as error:
        raise SettingsError(f"{path}: {_describe(error)}: correct the YAML") from error
    if not isinstance(value, dict):
        raise SettingsError(f"{path}: holds no mapping: write 'key: value' lines, see docs/settings.md")
    return value


def _build(node: yaml.Node, *, path: Path, where: str) -> Json:
    if isinstance(node, yaml.MappingNode):
        return _build_mapping(node, path=path, where=where)
    if isinstance(node, yaml.SequenceNode):
        return [_build(child, path=path, where=f"{where}[{i}]") for i, child in enumerate(node.value)]
    if node.tag not in _PLAIN_TAGS:
        kind = node.tag.rpartition(":")[2]
        raise SettingsError(f"{path}: {where}: {node.value!r} reads as a YAML {kind}: write it in quotes")
    return _scalar(node, path=path, where=where)


def _build_mapping(node: yaml.MappingNode, *, path: Path, where: str) -> JsonObject:
    found: JsonObject = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode) or key_node.tag != "tag:yaml.org,2002:str":
            raise SettingsError(f"{path}: {where or 'top level'}: line {line}: a key is not plain text: rename it")
        child = f"{where}.{key_node.value}" if where else key_node.value
        if key_node.value in found:
            raise SettingsError(f"{path}: {child}: written a second time in line {line}: keep one")
        found[key_node.value] = _build(value_node, path=path, where=child)
    return found


def _scalar(node: yaml.Node, *, path: Path, where: str) -> Json:
    text = str(node.value)
    kind = node.tag.rpartition(":")[2]
    if kind == "null":
        return None
    if kind == "bool":
        if text in ("true", "false"):
            return text == "true"
        raise SettingsError(f"{path}: {where}: {text!r} reads as a YAML 1.1 boolean: write true, false, or quotes")
    if kind == "int":
        if text == "0" or (text.lstrip("-").isdecimal() and not text.lstrip("-").startswith("0")):
            return int(text)
        raise SettingsError(f"{path}: {where}: {text!r} reads as a YAML number in another base: write it in quotes")
    return text


def _describe(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}"
    return "the YAML is nested too deeply" if isinstance(error, RecursionError) else str(error)
