"""Conditions that wait: for a date, for a word in a conversation, for its length.

Published attacks on GGUF and JSON templates add an order for the model only when a trigger word is said or a day has
come. Ordinary templates ask for roles, for kinds of content, and for tags such as `</think>` in a text; never for words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from jinja2 import nodes

from weighbridge.inspection.findings import Finding, shown
from weighbridge.inspection.formats.template_scope import constants, definitions

_SAFE_KEYS = frozenset(
    {"role", "type", "tool_calls", "function", "name", "id", "tool_call_id", "prefix", "thinking", "recipient", "channel",
     "from", "index", "index0", "tool_plan", "documents", "citations", "weight", "content_type", "train", "eot",
     "thought_signature", "parameters", "properties", "required", "enum", "description", "items", "nullable"}
)  # fmt: skip
_SOURCES = frozenset({"messages", "message", "conversation", "history", "prompt", "query", "inputs", "chat"})
_KEY_WORDS = frozenset(
    {"", "image", "images", "image_url", "video", "videos", "video_url", "audio", "audio_url", "input_audio", "text", "type",
     "content", "role", "name", "tool_calls", "tool_call_id", "reasoning", "reasoning_content", "thinking", "file", "url",
     "function", "arguments", "user", "assistant", "system", "tool", "developer", "model", "function_call", "tool_responses",
     "output", "json", "object", "parameters", "tools", "weight", "train", "eot", "prefix", "partial", "query", "results",
     "ipython", "documents", "refusal", "citations", "id", "description", "properties", "required", "nullable", "null",
     "CONTINUE_FINAL_MESSAGE_TAG "}
)  # fmt: skip
_TAG = re.compile("\\s*([<\\[{|\u2581\uff5c(`#*/]|\\S{0,3}[<\\[{|\uff5c>\\]}])[^\\n]{0,80}\\s*|[\\s\\W]*")
_TEXT_METHODS = frozenset({"startswith", "endswith", "find", "rfind", "count", "index", "split", "partition", "rsplit"})
_MANY = 4


def inspect_conditions(tree: nodes.Template) -> Iterator[Finding]:
    """Yield the conditions of a template that depend on the time, or on words or the length of a conversation."""
    defined = _Definitions(definitions(tree))
    for part in _parts(tree):
        if _is_timed(part, defined):
            yield _finding(part, "a condition depends on the time")
        yield from _words(part, defined)
        yield from _lengths(part)


class _Definitions(dict[str, list[nodes.Node]]):
    """What `definitions` gives, and what was found out about its names, so that each is followed once."""

    def __init__(self, found: dict[str, list[nodes.Node]]) -> None:
        super().__init__(found)
        self.said: dict[str, bool] = {}
        self.timed: dict[str, bool] = {}


def _parts(tree: nodes.Template) -> Iterator[nodes.Node]:
    """Yield every node of every condition, once."""
    taken: set[int] = set()
    for condition in _conditions(tree):
        stack = [condition]
        while stack:
            node = stack.pop()
            if id(node) not in taken:
                taken.add(id(node))
                yield node
                stack += node.iter_child_nodes()


def _conditions(tree: nodes.Template) -> Iterator[nodes.Node]:
    for node in tree.find_all((nodes.If, nodes.CondExpr, nodes.For, nodes.And, nodes.Or, nodes.Assign, nodes.Getitem)):
        test = node.test if isinstance(node, nodes.If | nodes.CondExpr | nodes.For) else None
        if test is not None:
            yield test
        elif isinstance(node, nodes.And | nodes.Or):
            yield node
        elif isinstance(node, nodes.Assign):
            # A condition may be computed first and asked for later.
            yield from ([node.node] if node.find(nodes.Compare) else [])
        elif isinstance(node, nodes.Getitem) and not isinstance(node.arg, nodes.Const | nodes.Slice):
            # {true: ..., false: ...}[a == b] chooses without an `if`.
            yield node.arg


def _is_timed(part: nodes.Node, defined: _Definitions) -> bool:
    if not isinstance(part, nodes.Compare | nodes.Call | nodes.Test) or _asks_whether_defined(part):
        return False
    return _tells_time(part, defined, seen=set())


def _asks_whether_defined(item: nodes.Node) -> bool:
    return isinstance(item, nodes.Test) and item.name in ("defined", "undefined", "none", "string")


def _tells_time(node: nodes.Node, defined: _Definitions, *, seen: set[str]) -> bool:
    if isinstance(node, nodes.Name):
        if node.name == "strftime_now":
            return True
        return _any_timed(node.name, defined, seen=seen)
    if isinstance(node, nodes.Getattr) and node.attr in defined and _any_timed(node.attr, defined, seen=seen):
        return True
    return any(
        _tells_time(child, defined, seen=seen)
        for child in node.iter_child_nodes()
        if not _asks_whether_defined_node(child)
    )


def _any_timed(name: str, defined: _Definitions, *, seen: set[str]) -> bool:
    return _follow(name, defined, seen=seen, known=defined.timed, tells=_tells_time)


def _follow(
    name: str,
    defined: _Definitions,
    *,
    seen: set[str],
    known: dict[str, bool],
    tells: Callable[..., bool],
) -> bool:
    """Ask `tells` of all that `name` may stand for; `seen` ends circles, `known` keeps what holds however it is reached."""
    if name in known:
        return known[name]
    if name in seen:
        return False
    first = not seen
    seen.add(name)
    found = any(tells(value, defined, seen=seen) for value in defined.get(name, ()))
    if found or first:
        known[name] = found
    return found


def _asks_whether_defined_node(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Test) and node.name in ("defined", "undefined", "none")


def _words(part: nodes.Node, defined: _Definitions) -> Iterator[Finding]:
    texts: list[object] = []
    if isinstance(part, nodes.Compare):
        sides = [part.expr, *(operand.expr for operand in part.ops)]
        if any(_is_said(side, defined, seen=set()) for side in sides):
            asked = [
                side for side in sides if not (isinstance(side, nodes.Name) and _is_said(side, defined, seen=set()))
            ]
            texts = [value for side in asked for value in _plain_constants(side, defined)]
    elif isinstance(part, nodes.Call) and isinstance(part.node, nodes.Getattr) and part.node.attr in _TEXT_METHODS:
        if _is_said(part.node.node, defined, seen=set()):
            texts = [value for item in part.args for value in _plain_constants(item, defined)]
    elif (
        isinstance(part, nodes.Filter | nodes.Test)
        and part.node is not None
        and _is_said(part.node, defined, seen=set())
    ):
        asks = part.name in ("select", "reject", "in", "eq", "equalto", "==", "selectattr", "rejectattr")
        texts = [value for item in part.args[-1:] for value in _plain_constants(item, defined)] if asks else []
        texts = texts if isinstance(part, nodes.Test) or len(part.args) > 1 else []
    for text in texts:
        if isinstance(text, str) and text not in _KEY_WORDS and not _TAG.fullmatch(text):
            yield _finding(part, f"a condition waits for {shown(text)} in what is said")


def _plain_constants(node: nodes.Node, defined: Mapping[str, list[nodes.Node]]) -> Iterator[object]:
    if isinstance(node, nodes.Getattr | nodes.Getitem):
        return
    if isinstance(node, nodes.Name):
        for value in defined.get(node.name, ()):
            if isinstance(value, nodes.Const | nodes.List | nodes.Tuple | nodes.Concat | nodes.Add):
                yield from constants(value)
    if isinstance(node, nodes.Const):
        yield node.value
    for child in node.iter_child_nodes():
        yield from _plain_constants(child, {})


def _is_said(node: nodes.Node, defined: _Definitions, *, seen: set[str]) -> bool:
    """Tell whether `node` may hold words of a conversation."""
    if isinstance(node, nodes.Getattr):
        return node.attr not in _SAFE_KEYS and _is_said_attribute(node, node.attr, defined, seen=seen)
    if isinstance(node, nodes.Getitem):
        key = node.arg.value if isinstance(node.arg, nodes.Const) else None
        return key not in _SAFE_KEYS and _is_said_attribute(
            node, key if isinstance(key, str) else None, defined, seen=seen
        )
    if isinstance(node, nodes.Name):
        return node.name in _SOURCES or _any_said(node.name, defined, seen=seen)
    if isinstance(node, nodes.Filter) and node.name in ("length", "count"):
        return False
    if isinstance(node, nodes.Test | nodes.Compare):
        return False
    return any(_is_said(child, defined, seen=seen) for child in node.iter_child_nodes())


def _is_said_attribute(
    node: nodes.Getattr | nodes.Getitem, key: str | None, defined: _Definitions, *, seen: set[str]
) -> bool:
    if key in ("content", "text"):
        return True
    if key is not None and isinstance(node.node, nodes.Name) and _is_namespace(node.node.name, defined):
        return _any_said(key, defined, seen=seen)
    return _is_said(node.node, defined, seen=seen)


def _is_namespace(name: str, defined: _Definitions) -> bool:
    return any(
        isinstance(value, nodes.Call) and isinstance(value.node, nodes.Name) and value.node.name == "namespace"
        for value in defined.get(name, ())
    )


def _any_said(name: str, defined: _Definitions, *, seen: set[str]) -> bool:
    return _follow(name, defined, seen=seen, known=defined.said, tells=_is_said)


def _lengths(part: nodes.Node) -> Iterator[Finding]:
    if not isinstance(part, nodes.Compare):
        return
    sides = [part.expr, *(operand.expr for operand in part.ops)]
    if not any(_counts_messages(side) for side in sides):
        return
    numbers = [
        value for side in sides for value in constants(side) if isinstance(value, int) and not isinstance(value, bool)
    ]
    if any(value >= _MANY for value in numbers):
        yield _finding(part, "a condition waits for a conversation to become long")


def _counts_messages(node: nodes.Node) -> bool:
    return any(_counts(item) for item in [node, *node.find_all(nodes.Node)])


def _counts(item: nodes.Node) -> bool:
    if isinstance(item, nodes.Filter) and item.name in ("length", "count"):
        return isinstance(item.node, nodes.Name) and item.node.name in _SOURCES | {"loop_messages"}
    if isinstance(item, nodes.Getattr) and item.attr in ("index", "index0", "revindex", "revindex0", "length"):
        return isinstance(item.node, nodes.Name) and item.node.name == "loop"
    return False


def _finding(node: nodes.Node, reason: str) -> Finding:
    return Finding("inspect.template.conditional", f"line {node.lineno}: {reason}")
