"""WB-M5: A public hub's files change without notice, and a container with a way to it can load what nobody approved."""

from __future__ import annotations

import re
from collections.abc import Iterator

from weighbridge.checks.rule import MODEL, Properties, Rule, variables

_HUB = re.compile(
    r"(^|[/.@])(huggingface\.co|hf\.co|cdn-lfs[a-z0-9-]*\.hf\.co|modelscope\.cn|ollama\.com)([:/]|$)", re.IGNORECASE
)


def check(model: Properties) -> Iterator[str]:
    """Yield each variable whose value is an address of a public hub."""
    for path, _, value in variables(model):
        if isinstance(value, str) and _HUB.search(value):
            yield path


RULE = Rule(
    id="WB-M5",
    kinds=(MODEL,),
    reason="A public hub's files change without notice, and a container with a way to it can load what nobody approved.",
    fix="Remove the variable: whatever is served is part of the release; training goes through the registry's hub proxy.",
    check=check,
)
