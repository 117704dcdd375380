"""The plain part of YAML: one document of text, numbers, lists and maps, composed from libyaml's or PyYAML's events."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from weighbridge.inspection.findings import Fault, Finding, shown
from weighbridge.inspection.formats.config import inspect_tree
from weighbridge.inspection.formats.tree import Tree

SIZE_LIMIT = 1024 * 1024
_DEPTH_LIMIT = 48
_NODE_LIMIT = 100_000
_CORE = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "map", "seq"))
_NOT_FINITE = frozenset({".nan", ".inf", "-.inf", "+.inf"})
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def inspect_yaml(text: str, *, what: str, name: str) -> Iterator[Finding]:
    """Yield what is wrong in one YAML document; keys are looked through like those of JSON.

    Raises:
        Fault: when it is not one plain document.
    """
    if len(text) > SIZE_LIMIT:
        raise Fault("inspect.file.too-large", f"{what}: {len(text)} characters exceed the limit of {SIZE_LIMIT}")
    try:
        yield from inspect_tree(_Composer(what).compose(text), name=name)
    except yaml.YAMLError as error:
        problem = getattr(error, "problem", None) or "not readable"
        raise Fault("inspect.yaml.syntax", f"{what}: {shown(str(problem))}") from error
    except RecursionError as error:
        raise Fault("inspect.yaml.limits", f"{what}: nested too deep") from error


class _Composer:
    """Makes a tree of events, and counts what aliases multiply."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._anchors: dict[str, tuple[Tree, int]] = {}
        self._nodes = 0

    def compose(self, text: str) -> Tree:
        events = iter(yaml.parse(text, Loader=_LOADER))
        tree: Tree = None
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1 or event.tags:
                    raise Fault("inspect.yaml.syntax", f"{self._what}: more than one document, or a tag directive")
            elif isinstance(event, yaml.NodeEvent):
                tree = self._node(event, events, depth=0)
        return tree

    def _node(self, event: yaml.Event, events: Iterator[yaml.Event], *, depth: int) -> Tree:
        if depth > _DEPTH_LIMIT:
            raise Fault("inspect.yaml.limits", f"{self._what}: nested deeper than {_DEPTH_LIMIT} levels")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        before = self._nodes
        self._count(1)
        tag = getattr(event, "tag", None)
        if tag not in (None, "!") and tag not in _CORE:
            raise Fault(
                "inspect.yaml.tag",
                f"{self._what}: tag {shown(str(tag))}",
                offset=getattr(event.start_mark, "index", None),
            )
        value: Tree
        if isinstance(event, yaml.ScalarEvent):
            if not event.style and event.value.casefold() in _NOT_FINITE:
                raise Fault("inspect.yaml.syntax", f"{self._what}: {event.value} is no finite number")
            value = _scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._sequence(events, depth=depth + 1)
        else:
            value = self._mapping(events, depth=depth + 1)
        anchor = getattr(event, "anchor", None)
        if anchor is not None:
            self._anchors[anchor] = (value, self._nodes - before)
        return value

    def _sequence(self, events: Iterator[yaml.Event], *, depth: int) -> list[Tree]:
        found: list[Tree] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            found.append(self._node(event, events, depth=depth))
        return found

    def _mapping(self, events: Iterator[yaml.Event], *, depth: int) -> dict[str, Tree]:
        found: dict[str, Tree] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise Fault("inspect.yaml.syntax", f"{self._what}: a key that is not text")
            self._node(event, events, depth=depth)
            if event.value in found:
                raise Fault("inspect.yaml.duplicate-key", f"{self._what}: key {shown(event.value)} stands twice")
            found[event.value] = self._node(next(events), events, depth=depth)
        return found

    def _alias(self, event: yaml.AliasEvent) -> Tree:
        if event.anchor not in self._anchors:
            raise Fault(
                "inspect.yaml.syntax", f"{self._what}: alias {shown(str(event.anchor))} names nothing before it"
            )
        value, nodes = self._anchors[event.anchor]
        self._count(nodes)
        return value

    def _count(self, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > _NODE_LIMIT:
            raise Fault("inspect.yaml.limits", f"{self._what}: more than {_NODE_LIMIT} values, aliases written out")


def _scalar(event: yaml.ScalarEvent) -> Tree:
    if event.style:
        return str(event.value)
    word = event.value.casefold()
    if word in ("", "~", "null"):
        return None
    if word in ("true", "yes", "on", "false", "no", "off"):
        return word in ("true", "yes", "on")
    return str(event.value)
