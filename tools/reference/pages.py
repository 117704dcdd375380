"""Write the pages: one for each package, their list, and the table of every prop of the constructs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tools.reference.docstrings import Docstring, read_docstring
from tools.reference.source import Callable, Class, Package, Parameter

MADE = "<!-- Written by `make reference` from signatures and docstrings: edit those. -->"
WIDTH = 110
# What every construct takes first.
_PLACE = ("scope", "construct_id")


def package_page(package: Package) -> str:
    """Return the page of one package."""
    lines = [f"# `{package.name}`", "", MADE, "", package.text, ""]
    for offered in package.offers:
        lines += _class(offered) if isinstance(offered, Class) else _function(offered, heading="##")
    return "\n".join(lines).rstrip() + "\n"


def index_page(packages: Sequence[Package], *, names: Sequence[str]) -> str:
    """Return the list of the pages."""
    lines = [
        "# API reference",
        "",
        MADE,
        "",
        "Everything that other code may import, from these packages and no deeper. What has no page here may change in any version. "
        "Every prop of the constructs with its default is in [props](../props.md).",
        "",
        "| package | what it is |",
        "|---|---|",
    ]
    for package, name in zip(packages, names, strict=True):
        summary = package.text.partition("\n\n")[0].replace("\n", " ").replace("|", "\\|")
        lines.append(f"| [`{package.name}`]({name}) | {summary} |")
    return "\n".join(lines) + "\n"


def props_page(package: Package) -> str:
    """Return the tables of the constructs' props, and of the values that they take."""
    classes = [offered for offered in package.offers if isinstance(offered, Class) and offered.maker is not None]
    constructs = [found for found in classes if _takes_place(found.maker)]
    values = [found for found in classes if not _takes_place(found.maker)]
    lines = [
        "# Every prop of the constructs",
        "",
        MADE,
        "",
        "All are keyword arguments, after `scope` and `construct_id`. [constructs.md](constructs.md) shows how they "
        "go together, [the reference](reference/weighbridge_cdk.md) their methods and attributes.",
        "",
    ]
    for found in constructs:
        lines += [f"## `{found.name}`", "", read_docstring(found.text).text.partition("\n\n")[0].replace("\n", " "), ""]
        lines += _props(found.maker)
        for member in found.members:
            if member.name.startswith("add_") and member.parameters:
                lines += [f"`{member.name}`: {_summary(member)}", "", *_props(member)]
    lines += ["# Values that props take", ""]
    for found in values:
        lines += [
            f"## `{found.name}`",
            "",
            " ".join(read_docstring(found.text).text.split()),
            "",
            *_props(found.maker),
        ]
    return "\n".join(lines).rstrip() + "\n"


def _takes_place(maker: Callable | None) -> bool:
    return maker is not None and [parameter.name for parameter in maker.parameters[:2]] == list(_PLACE)


def _summary(member: Callable) -> str:
    return read_docstring(member.text).text.partition("\n\n")[0].replace("\n", " ")


def _props(maker: Callable | None) -> list[str]:
    parameters = [found for found in maker.parameters if found.name not in _PLACE] if maker else []
    if maker is None or not parameters:
        return []
    told = read_docstring(maker.text).arguments
    described = any(parameter.name in told for parameter in parameters)
    lines = [
        f"| prop | type | default |{' what it is |' if described else ''}",
        f"|---|---|---|{'---|' if described else ''}",
    ]
    for parameter in parameters:
        mark = "required" if parameter.default is None else f"`{_cell(parameter.default)}`"
        line = f"| `{parameter.name}` | `{_cell(parameter.type)}` | {mark} |"
        lines.append(f"{line} {_cell(told.get(parameter.name, ''))} |" if described else line)
    return [*lines, ""]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _class(found: Class) -> Iterator[str]:
    yield from (f"## `{found.name}`", "")
    if found.maker is not None:
        yield from _signature(found.maker)
    yield from _text(read_docstring(found.text))
    if found.maker is not None and found.maker.text:
        yield from _sections(read_docstring(found.maker.text))
    properties = [member for member in found.members if member.mark == "property"]
    if properties:
        yield from ("| attribute | type | what it is |", "|---|---|---|")
        for member in properties:
            yield f"| `{member.name}` | `{_cell(member.returns or '')}` | {_cell(_summary(member))} |"
        yield ""
    for member in found.members:
        if member.mark != "property":
            yield from _function(member, heading="###", owner=found.name)


def _function(found: Callable, *, heading: str, owner: str | None = None) -> Iterator[str]:
    name = found.name if owner is None else f"{owner}.{found.name}"
    yield from (f"{heading} `{name}`", "")
    yield from _signature(found)
    told = read_docstring(found.text)
    yield from _text(told)
    yield from _sections(told)


def _text(told: Docstring) -> list[str]:
    return [told.text, ""] if told.text else []


def _sections(told: Docstring) -> Iterator[str]:
    if told.arguments:
        yield from (f"- `{name}`: {text}" for name, text in told.arguments.items())
        yield ""
    if told.returns:
        yield from (f"Returns {told.returns}", "")
    if told.raises:
        yield from (f"Raises `{name}`: {text}" for name, text in told.raises.items())
        yield ""


def _signature(found: Callable) -> Iterator[str]:
    words, keyword_only = [], False
    for parameter in found.parameters:
        if parameter.keyword_only and not keyword_only:
            words.append("*")
            keyword_only = True
        words.append(_parameter(parameter))
    returns = "" if found.returns in (None, "None") else f" -> {found.returns}"
    line = f"{found.name}({', '.join(words)}){returns}"
    if len(line) > WIDTH:
        line = "\n".join([f"{found.name}(", *(f"    {word}," for word in words), f"){returns}"])
    yield from ("```python", line, "```", "")


def _parameter(parameter: Parameter) -> str:
    typed = f"{parameter.name}: {parameter.type}" if parameter.type else parameter.name
    return typed if parameter.default is None else f"{typed} = {parameter.default}"
