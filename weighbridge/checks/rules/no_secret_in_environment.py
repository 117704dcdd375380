"""WB-M7: Environment values stand in the template and in the answer of every Describe call."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from weighbridge.checks.rule import FUNCTION, MODEL, Properties, Rule, variables

_NAME = re.compile(
    r"(TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|API_?KEY|ACCESS_KEY|PRIVATE_KEY|CREDENTIALS?)$", re.IGNORECASE
)
_VALUE = re.compile(
    r"\b(AKIA|ASIA)[A-Z0-9]{16}\b|\bhf_[A-Za-z0-9]{20,}|\bgh[pousr]_[A-Za-z0-9]{20,}|\beyJ[A-Za-z0-9_-]{10,}\.|"
    r"\bcmVmdGtu[A-Za-z0-9]{20,}|\bAKC[A-Za-z0-9]{40,}|-----BEGIN [A-Z ]*PRIVATE KEY|://[^/\s:@]+:[^/\s@]+@|"
    r"\{\{resolve:(secretsmanager|ssm-secure):"
)


def check(resource: Properties) -> Iterator[str]:
    """Yield each variable whose name promises a secret, or whose value looks like one or is resolved to one."""
    for path, name, value in variables(resource):
        text = value if isinstance(value, str) else json.dumps(value)
        if (_NAME.search(name) and value != "") or _VALUE.search(text):
            yield path


RULE = Rule(
    id="WB-M7",
    kinds=(
        MODEL,
        FUNCTION,
    ),
    reason="Environment values stand in the template and in the answer of every Describe call.",
    fix="Keep the secret in Secrets Manager and give its id in a variable that ends in _ID or _ARN.",
    check=check,
)
