"""Chat templates: parsed as Jinja and held to an allow-list of constructs, so that obfuscation does not help.

A template is never rendered here. transformers renders it in jinja2's immutable sandbox with the globals
`raise_exception` and `strftime_now`, the filter `tojson`, loop controls and a `generation` block
(transformers 4.57, utils/chat_template_utils.py); other programs render it without a sandbox.
"""

from __future__ import annotations

from collections.abc import Iterator

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser

from weighbridge.inspection.findings import Finding
from weighbridge.inspection.formats.template_conditions import inspect_conditions
from weighbridge.inspection.formats.template_constructs import inspect_constructs
from weighbridge.inspection.formats.template_text import inspect_emitted

SIZE_LIMIT = 128 * 1024
# The longest published ones have some three thousand; following every name of more would take long.
NODE_LIMIT = 6000


class _Generation(Extension):
    """transformers' `{% generation %}...{% endgeneration %}`, which marks what an assistant said."""

    tags = {"generation"}  # noqa: RUF012 - jinja2 declares it so

    def parse(self, parser: Parser) -> list[nodes.Node]:
        """Return the statements inside."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


_ENVIRONMENT = Environment(extensions=[_Generation, loopcontrols], trim_blocks=True, lstrip_blocks=True)  # noqa: S701


def looks_like_template(text: str) -> bool:
    """Tell whether jinja2 would see anything but plain text in `text`."""
    return "{%" in text or "{{" in text or "{#" in text


def inspect_template(text: str, *, what: str = "template") -> Iterator[Finding]:
    """Yield what a chat template does that is not on the list.

    Args:
        what: where the template stands, for the reason.
    """
    if len(text) > SIZE_LIMIT:
        yield Finding("inspect.template.syntax", f"{what}: longer than {SIZE_LIMIT} characters")
        return
    try:
        tree = _ENVIRONMENT.parse(text)
        if sum(1 for _ in tree.find_all(nodes.Node)) > NODE_LIMIT:
            yield Finding("inspect.template.syntax", f"{what}: more than {NODE_LIMIT} constructs")
            return
        found = [*inspect_constructs(tree), *inspect_conditions(tree), *inspect_emitted(tree)]
    except TemplateSyntaxError as error:
        yield Finding("inspect.template.syntax", f"{what}: line {error.lineno}: {ascii(error.message or '')[:200]}")
        return
    except RecursionError:
        yield Finding("inspect.template.syntax", f"{what}: nested too deep")
        return
    for item in dict.fromkeys(found):
        yield Finding(item.rule, f"{what}: {item.reason}", severity=item.severity)
