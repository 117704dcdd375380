"""WB-C5: A core dump holds the memory of the container: weights, requests, and what it was told in secret."""

from __future__ import annotations

from collections.abc import Iterator

from weighbridge.checks.rule import ENDPOINT_CONFIG, Properties, Rule, entries, mapping


def check(config: Properties) -> Iterator[str]:
    """Yield CoreDumpConfig of each variant that has one without a key, shadow variants too."""
    for kind in ("ProductionVariants", "ShadowProductionVariants"):
        for index, variant in enumerate(entries(config.get(kind))):
            dump = variant.get("CoreDumpConfig")
            if dump and not mapping(dump).get("KmsKeyId"):
                yield f"{kind}[{index}].CoreDumpConfig.KmsKeyId"


RULE = Rule(
    id="WB-C5",
    kinds=(ENDPOINT_CONFIG,),
    reason="A core dump holds the memory of the container: weights, requests, and what it was told in secret.",
    fix="Give CoreDumpConfig.KmsKeyId, or write no core dumps.",
    check=check,
)
