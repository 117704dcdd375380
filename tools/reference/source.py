"""Read what a package offers: the names in its `__all__`, where they are defined, and what stands there."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_MARKS = ("staticmethod", "classmethod", "property")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter or field, as written. `default` is None where a value has to be given."""

    name: str
    type: str
    default: str | None
    keyword_only: bool


@dataclass(frozen=True, slots=True)
class Callable:
    """A function, a method, or what makes an object of a class. `mark` is the decorator that tells how it is used."""

    name: str
    parameters: tuple[Parameter, ...]
    returns: str | None
    text: str
    mark: str | None = None


@dataclass(frozen=True, slots=True)
class Class:
    """A class: its own text, what makes an object of it (None where nobody does), and its public members."""

    name: str
    text: str
    maker: Callable | None
    members: tuple[Callable, ...]


@dataclass(frozen=True, slots=True)
class Package:
    """What a package offers, by name."""

    name: str
    text: str
    offers: tuple[Class | Callable, ...]


def read_package(name: str, *, roots: Sequence[Path]) -> Package:
    """Read the package `name`; it and what it takes its names from lie below one of `roots`.

    Raises:
        LookupError: when a name of `__all__` is defined nowhere there.
    """
    tree = _parse(_module(name, roots=roots))
    offers: list[Class | Callable] = []
    for offered in _all_names(tree):
        found = _find(offered, tree, roots=roots)
        if found is None:
            raise LookupError(f"{name}: {offered} is in __all__ and defined nowhere")
        if isinstance(found, ast.ClassDef):
            offers.append(_read_class(found))
        elif isinstance(found, ast.FunctionDef):
            offers.append(_read_function(found))
    return Package(name=name, text=ast.get_docstring(tree) or "", offers=tuple(offers))


def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _all_names(tree: ast.Module) -> list[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["__all__"]:
            names: list[str] = ast.literal_eval(node.value)
            return names
    return []


def _find(name: str, tree: ast.Module, *, roots: Sequence[Path]) -> ast.stmt | None:
    """Follow imports of `name` to where it is defined."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            return node
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return _find(alias.name, _parse(_module(node.module, roots=roots)), roots=roots)
        if _assigns(node, name):
            return node
    return None


def _assigns(node: ast.stmt, name: str) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return name in [ast.unparse(target) for target in targets]


def _module(name: str, *, roots: Sequence[Path]) -> Path:
    for root in roots:
        path = root.joinpath(*name.split("."))
        for found in (path / "__init__.py", path.with_suffix(".py")):
            if found.is_file():
                return found
    raise LookupError(f"{name}: there is no such module")


def _read_class(node: ast.ClassDef) -> Class:
    bases = {ast.unparse(base).partition("[")[0] for base in node.bases}
    text = ast.get_docstring(node) or ""
    maker = _dataclass_maker(node) if _is_dataclass(node) or "NamedTuple" in bases else None
    members = []
    for method in node.body:
        if isinstance(method, ast.FunctionDef) and method.name == "__init__":
            maker = _read_function(method, name=node.name)
        elif isinstance(method, ast.FunctionDef) and not method.name.startswith("_"):
            members.append(_read_function(method))
    return Class(name=node.name, text=text, maker=maker, members=tuple(members))


def _is_dataclass(node: ast.ClassDef) -> bool:
    return any(ast.unparse(decorator).startswith("dataclass") for decorator in node.decorator_list)


def _dataclass_maker(node: ast.ClassDef) -> Callable:
    keyword_only = any("kw_only=True" in ast.unparse(decorator) for decorator in node.decorator_list)
    fields = [
        Parameter(
            name=ast.unparse(line.target),
            type=ast.unparse(line.annotation),
            default=_field_default(line.value),
            keyword_only=keyword_only,
        )
        for line in node.body
        if isinstance(line, ast.AnnAssign)
        and not ast.unparse(line.target).startswith("_")
        and not ast.unparse(line.annotation).startswith("ClassVar")
    ]
    return Callable(name=node.name, parameters=tuple(fields), returns=None, text="")


def _field_default(value: ast.expr | None) -> str | None:
    if isinstance(value, ast.Call) and ast.unparse(value.func) == "field":
        given = {keyword.arg: ast.unparse(keyword.value) for keyword in value.keywords}
        if "default_factory" in given:
            return {"dict": "{}", "list": "[]", "tuple": "()"}.get(
                given["default_factory"], f"{given['default_factory']}()"
            )
        return given.get("default")
    return None if value is None else ast.unparse(value)


def _read_function(node: ast.FunctionDef, *, name: str | None = None) -> Callable:
    marks = [ast.unparse(decorator) for decorator in node.decorator_list]
    return Callable(
        name=name or node.name,
        parameters=tuple(_parameters(node.args)),
        returns=None if node.returns is None or name else ast.unparse(node.returns),
        text=ast.get_docstring(node) or "",
        mark=next((mark for mark in marks if mark in _MARKS), None),
    )


def _parameters(arguments: ast.arguments) -> Iterator[Parameter]:
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults))
    pairs = [
        (argument, default, False)
        for argument, default in zip(positional, [*defaults, *arguments.defaults], strict=True)
    ]
    pairs += [
        (argument, default, True) for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    ]
    for argument, default, keyword_only in pairs:
        if argument.arg not in ("self", "cls"):
            yield Parameter(
                name=argument.arg,
                type="" if argument.annotation is None else ast.unparse(argument.annotation),
                default=None if default is None else ast.unparse(default),
                keyword_only=keyword_only,
            )
