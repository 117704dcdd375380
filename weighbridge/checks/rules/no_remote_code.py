"""WB-M6: Code that lies beside the weights would run with the container's rights, unread and unsigned."""

from __future__ import annotations

import re
from collections.abc import Iterator

from weighbridge.checks.rule import MODEL, Properties, Rule, is_true, variables

_NAME = re.compile(r"(^|_)(TRUST_?REMOTE_?CODE|ALLOW_?REMOTE_?CODE|ENABLE_?REMOTE_?CODE)$", re.IGNORECASE)
_ARGUMENT = re.compile(r"(^|\s|\")--trust[-_]remote[-_]code(?!\s*=?\s*false)", re.IGNORECASE)


def check(model: Properties) -> Iterator[str]:
    """Yield each variable that switches remote code on, by its name or as an argument of the server."""
    for path, name, value in variables(model):
        switched_on = _NAME.search(name) is not None and is_true(value)
        if switched_on or (isinstance(value, str) and _ARGUMENT.search(value)):
            yield path


RULE = Rule(
    id="WB-M6",
    kinds=(MODEL,),
    reason="Code that lies beside the weights would run with the container's rights, unread and unsigned.",
    fix="Remove the variable; if the model needs code of its own, build it into the runtime image.",
    check=check,
)
