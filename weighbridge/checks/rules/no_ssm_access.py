"""WB-C2: A shell in the container can change what was verified, and read the registry's token."""

from __future__ import annotations

from collections.abc import Iterator

from weighbridge.checks.rule import ENDPOINT_CONFIG, Properties, Rule, entries, is_true


def check(config: Properties) -> Iterator[str]:
    """Yield EnableSSMAccess of each variant that has it, shadow variants too."""
    for kind in ("ProductionVariants", "ShadowProductionVariants"):
        for index, variant in enumerate(entries(config.get(kind))):
            if is_true(variant.get("EnableSSMAccess")):
                yield f"{kind}[{index}].EnableSSMAccess"


RULE = Rule(
    id="WB-C2",
    kinds=(ENDPOINT_CONFIG,),
    reason="A shell in the container can change what was verified, and read the registry's token.",
    fix="Remove EnableSSMAccess from every variant.",
    check=check,
)
