"""Which Jinja constructs, names, attributes, filters and tests a chat template may use."""

from __future__ import annotations

from collections.abc import Iterator

from jinja2 import nodes

from weighbridge.inspection.findings import Finding, shown
from weighbridge.inspection.formats.template_scope import bound_names, constants, definitions, spells_text

_NODES = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Assign, nodes.AssignBlock, nodes.Macro,
    nodes.Name, nodes.NSRef, nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Const, nodes.Filter, nodes.Test, nodes.Call,
    nodes.Keyword, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div,
    nodes.FloorDiv, nodes.Mod, nodes.Neg, nodes.Pos, nodes.Concat, nodes.CondExpr, nodes.List, nodes.Dict, nodes.Pair,
    nodes.Tuple, nodes.Break, nodes.Continue,
)  # fmt: skip
_FUNCTIONS = frozenset({"range", "namespace", "raise_exception", "strftime_now", "dict"})
_METHODS = frozenset(
    {"strip", "lstrip", "rstrip", "split", "rsplit", "splitlines", "startswith", "endswith", "upper", "lower", "title",
     "capitalize", "replace", "items", "keys", "values", "get", "find", "rfind", "count", "index", "isdigit", "isalpha",
     "isupper", "islower", "isspace", "removeprefix", "removesuffix", "partition", "rpartition", "append", "pop"}
)  # fmt: skip
_FILTERS = frozenset(
    {"tojson", "trim", "length", "count", "upper", "lower", "title", "capitalize", "join", "default", "d", "first", "last",
     "list", "string", "int", "float", "replace", "safe", "items", "select", "reject", "selectattr", "rejectattr", "map",
     "indent", "round", "abs", "sort", "unique", "reverse", "dictsort", "sum", "min", "max", "escape", "e", "batch",
     "from_json", "fromjson"}
)  # fmt: skip
_TESTS = frozenset(
    {"defined", "undefined", "none", "string", "number", "integer", "float", "boolean", "true", "false", "mapping",
     "iterable", "sequence", "in", "eq", "equalto", "==", "ne", "!=", "lt", "lessthan", "<", "le", "<=", "gt", "greaterthan",
     ">", "ge", ">=", "odd", "even", "divisibleby", "sameas", "lower", "upper"}
)  # fmt: skip
# What Jinja, Flask and Django put into reach, and the internals of functions, generators and frames.
_FORBIDDEN_NAMES = frozenset(
    {"self", "cycler", "joiner", "lipsum", "caller", "varargs", "kwargs", "request", "response", "session", "config", "g",
     "url_for", "get_flashed_messages", "app", "os", "sys", "builtins", "subprocess", "importlib", "settings", "environ",
     "environment", "context", "open", "eval", "exec", "getattr", "setattr", "globals", "locals", "vars", "dir", "type",
     "object", "super", "print", "input", "compile", "help", "debug"}
)  # fmt: skip
_FORBIDDEN_ATTRIBUTES = frozenset(
    {"mro", "format", "format_map", "func_globals", "func_code", "func_closure", "func_defaults", "im_func", "im_self",
     "im_class", "gi_frame", "gi_code", "gi_yieldfrom", "cr_frame", "cr_code", "cr_await", "cr_origin", "ag_frame",
     "ag_code", "ag_await", "f_globals", "f_locals", "f_builtins", "f_back", "f_code", "tb_frame", "tb_next", "co_code",
     "translate", "encode", "decode", "from_bytes", "to_bytes", "maketrans", "environ", "popen", "modules"}
)  # fmt: skip
_CONST_LIMIT = 10_000


def inspect_constructs(tree: nodes.Template) -> Iterator[Finding]:
    """Yield what in the tree is not on one of the lists above."""
    bound, defined = bound_names(tree), definitions(tree)
    for node in [tree, *tree.find_all(nodes.Node)]:
        if not isinstance(node, _NODES):
            yield _finding("construct", node, f"{type(node).__name__} is not on the list")
        elif isinstance(node, nodes.Name):
            yield from _name(node, bound)
        elif isinstance(node, nodes.Getattr):
            yield from _attribute(node, node.attr)
        elif isinstance(node, nodes.Getitem):
            yield from _subscript(node, defined)
        elif isinstance(node, nodes.Filter):
            yield from _filter(node)
        elif isinstance(node, nodes.Test) and node.name not in _TESTS:
            yield _finding("name", node, f"test {shown(node.name)} is not on the list")
        elif isinstance(node, nodes.Call):
            yield from _call(node, bound)
        elif isinstance(node, nodes.Mod | nodes.Mul):
            yield from _arithmetic(node)
        elif isinstance(node, nodes.Const) and isinstance(node.value, str) and "__" in node.value:
            yield from _dunder(node, node.value)


def _name(node: nodes.Name, bound: frozenset[str]) -> Iterator[Finding]:
    hidden = node.name.startswith("__") or (node.name.startswith("_") and node.name not in bound)
    if hidden or (node.name in _FORBIDDEN_NAMES and node.name not in bound):
        yield _finding("name", node, f"name {shown(node.name)} is not on the list")
    elif node.ctx == "store" and node.name in _FUNCTIONS:
        yield _finding("name", node, f"name {shown(node.name)} is taken over")


def _attribute(node: nodes.Node, name: str) -> Iterator[Finding]:
    if name.startswith("_") or name in _FORBIDDEN_ATTRIBUTES:
        yield _finding("name", node, f"attribute {shown(name)} is not on the list")


def _subscript(node: nodes.Getitem, defined: dict[str, list[nodes.Node]]) -> Iterator[Finding]:
    key = node.arg
    if isinstance(key, nodes.Const):
        if isinstance(key.value, str):
            yield from _attribute(node, key.value)
    elif not isinstance(key, nodes.Slice) and spells_text(key, defined):
        yield _finding("name", node, "a subscript is put together from text")


def _filter(node: nodes.Filter) -> Iterator[Finding]:
    if node.name not in _FILTERS:
        yield _finding("name", node, f"filter {shown(node.name)} is not on the list")
    if node.name in ("selectattr", "rejectattr"):
        yield from _named_attribute(node, node.args[0] if node.args else None)
        yield from _indirect(node, node.args[1:2], allowed=_TESTS, kind="test")
    elif node.name in ("select", "reject"):
        yield from _indirect(node, node.args[:1], allowed=_TESTS, kind="test")
    elif node.name == "map":
        yield from _indirect(node, node.args[:1], allowed=_FILTERS, kind="filter")
    for keyword in node.kwargs:
        if keyword.key == "attribute":
            yield from _named_attribute(node, keyword.value)
    if node.name in ("sort", "unique", "sum", "min", "max", "join", "indent", "batch") and len(node.args) > 2:
        yield _finding("construct", node, f"filter {node.name} has more arguments than it should")
    if node.name in ("indent", "batch", "round"):
        yield from _bounded(node)


def _indirect(node: nodes.Node, given: list[nodes.Expr], *, allowed: frozenset[str], kind: str) -> Iterator[Finding]:
    for item in given:
        if not isinstance(item, nodes.Const) or item.value not in allowed:
            yield _finding("name", node, f"a {kind} named indirectly is not on the list")


def _named_attribute(node: nodes.Node, value: nodes.Expr | None) -> Iterator[Finding]:
    if not isinstance(value, nodes.Const):
        yield _finding("name", node, "an attribute is named by an expression")
    elif isinstance(value.value, str):
        for part in value.value.split("."):
            yield from _attribute(node, part)


def _call(node: nodes.Call, bound: frozenset[str]) -> Iterator[Finding]:
    target = node.node
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        yield _finding("construct", node, "a call with * or **")
    if isinstance(target, nodes.Name):
        if target.name not in _FUNCTIONS and target.name not in bound:
            yield _finding("name", node, f"function {shown(target.name)} is not on the list")
        if target.name == "range":
            yield from _bounded(node)
    elif isinstance(target, nodes.Getattr):
        if target.attr not in _METHODS:
            yield _finding("name", node, f"method {shown(target.attr)} is not on the list")
    else:
        yield _finding("construct", node, "a call of something that has no name")


def _arithmetic(node: nodes.Mod | nodes.Mul) -> Iterator[Finding]:
    if any(isinstance(value, str) for side in (node.left, node.right) for value in constants(side)):
        yield _finding("construct", node, f"{type(node).__name__} of a text")
    yield from _bounded(node)


def _bounded(node: nodes.Node) -> Iterator[Finding]:
    for value in constants(node):
        if isinstance(value, int | float) and not -_CONST_LIMIT <= value <= _CONST_LIMIT:
            yield _finding("construct", node, f"the number {value:.6g} is too large")


def _dunder(node: nodes.Node, text: str) -> Iterator[Finding]:
    for word in (
        "class",
        "globals",
        "builtins",
        "import",
        "mro",
        "subclasses",
        "base",
        "init",
        "getattr",
        "dict",
        "code",
    ):
        if f"__{word}" in text:
            yield _finding("name", node, f"a text holds {shown('__' + word)}")


def _finding(kind: str, node: nodes.Node, reason: str) -> Finding:
    return Finding(f"inspect.template.{kind}", f"line {node.lineno}: {reason}")
