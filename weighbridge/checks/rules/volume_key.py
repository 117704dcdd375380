"""WB-C1: Without a key of yours, nobody can see or stop who decrypts what lies on the instances' volumes."""

from __future__ import annotations

from collections.abc import Iterator

from weighbridge.checks.rule import ENDPOINT_CONFIG, Properties, Rule


def check(config: Properties) -> Iterator[str]:
    """Yield KmsKeyId when it is missing."""
    if not config.get("KmsKeyId"):
        yield "KmsKeyId"


RULE = Rule(
    id="WB-C1",
    kinds=(ENDPOINT_CONFIG,),
    reason="Without a key of yours, nobody can see or stop who decrypts what lies on the instances' volumes.",
    fix="Give KmsKeyId, as GovernedEndpoint does.",
    check=check,
)
