"""What the names of a template stand for: enough to see through a text that is put together in pieces."""

from __future__ import annotations

from collections.abc import Iterator

from jinja2 import nodes

# What these give is made of the signs of their input; a subscript may not come from there.
_SPELLING_FILTERS = frozenset(
    {"join", "replace", "string", "reverse", "lower", "upper", "list", "first", "last", "trim", "tojson", "title",
     "capitalize", "map", "indent"}
)  # fmt: skip

# What these give is a piece of the text they are asked of.
_CUTTING_METHODS = frozenset({"split", "rsplit", "strip", "lstrip", "rstrip"})


def bound_names(tree: nodes.Template) -> frozenset[str]:
    """Return the names that the template itself assigns: variables, loop variables, macros and their parameters."""
    stored = {node.name for node in tree.find_all(nodes.Name) if node.ctx in ("store", "param")}
    return frozenset(stored | {node.name for node in tree.find_all(nodes.Macro)})


def definitions(tree: nodes.Template) -> dict[str, list[nodes.Node]]:
    """Return every expression that a name, or `namespace.attribute`, may have its value from."""
    found: dict[str, list[nodes.Node]] = {}
    for node in tree.find_all((nodes.Assign, nodes.For, nodes.AssignBlock)):
        if isinstance(node, nodes.Assign):
            _bind(found, node.target, node.node)
        elif isinstance(node, nodes.For):
            _bind(found, node.target, node.iter)
        elif isinstance(node, nodes.AssignBlock):
            for output in node.find_all(nodes.Output):
                for part in output.nodes:
                    _bind(found, node.target, part)
    for call in tree.find_all(nodes.Call):
        # namespace(a=...) and a macro's arguments give their values to attributes and parameters of those names.
        for keyword in call.kwargs:
            found.setdefault(keyword.key, []).append(keyword.value)
    return found


def constants(node: nodes.Node) -> Iterator[object]:
    """Yield the values of the constants in an expression, its own included."""
    if isinstance(node, nodes.Const):
        yield node.value
    yield from (item.value for item in node.find_all(nodes.Const))


def spells_text(key: nodes.Node, defined: dict[str, list[nodes.Node]]) -> bool:
    """Tell whether `key` may be a text that the template puts together itself, and not a key it was given."""
    return _spells(key, defined, seen=set())


def _spells(key: nodes.Node, defined: dict[str, list[nodes.Node]], *, seen: set[str]) -> bool:
    if isinstance(key, nodes.Const):
        return isinstance(key.value, str) and key.value.startswith("_")
    if isinstance(key, nodes.Name | nodes.NSRef):
        return _name_spells(key.attr if isinstance(key, nodes.NSRef) else key.name, defined, seen=seen)
    if isinstance(key, nodes.Getattr):
        return _name_spells(key.attr, defined, seen=seen)
    if isinstance(key, nodes.Concat):
        return True
    if isinstance(key, nodes.Add | nodes.Mod | nodes.Mul):
        texts = any(isinstance(value, str) for value in constants(key))
        return texts or any(_spells(side, defined, seen=seen) for side in (key.left, key.right))
    if isinstance(key, nodes.Filter) and key.name in _SPELLING_FILTERS:
        return True
    if isinstance(key, nodes.Call):
        if isinstance(key.node, nodes.Getattr) and key.node.attr in _CUTTING_METHODS:
            given = key.node.node
            return any(isinstance(value, str) for value in constants(given)) or _spells(given, defined, seen=seen)
        return not (isinstance(key.node, nodes.Name) and key.node.name == "range") and not _is_items(key)
    return any(_spells(child, defined, seen=seen) for child in key.iter_child_nodes() if isinstance(child, nodes.Expr))


def _is_items(call: nodes.Call) -> bool:
    return isinstance(call.node, nodes.Getattr) and call.node.attr in ("items", "keys") and not call.args


def _name_spells(name: str, defined: dict[str, list[nodes.Node]], *, seen: set[str]) -> bool:
    if name in seen:
        return False
    seen.add(name)
    return any(_spells(value, defined, seen=seen) for value in defined.get(name, ()))


def _bind(found: dict[str, list[nodes.Node]], target: nodes.Node, value: nodes.Node) -> None:
    if isinstance(target, nodes.Tuple):
        # `for key, value in x` and `set a, b = x, y`: each name may get any part.
        for item in target.items:
            _bind(found, item, value)
    elif isinstance(target, nodes.Name):
        found.setdefault(target.name, []).append(value)
    elif isinstance(target, nodes.NSRef):
        found.setdefault(target.attr, []).append(value)
