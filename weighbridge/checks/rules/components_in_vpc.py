"""WB-C4: A component's copies run in the network of the endpoint config, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator

from weighbridge.checks.rule import ENDPOINT_CONFIG, Properties, Rule, entries, mapping


def check(config: Properties) -> Iterator[str]:
    """Yield VpcConfig when a variant is for components (its instances are managed, and it names no model) and it is missing."""
    for_components = any(
        each.get("ManagedInstanceScaling") and not each.get("ModelName")
        for each in entries(config.get("ProductionVariants"))
    )
    vpc = mapping(config.get("VpcConfig"))
    if for_components and not (vpc.get("Subnets") and vpc.get("SecurityGroupIds")):
        yield "VpcConfig"


RULE = Rule(
    id="WB-C4",
    kinds=(ENDPOINT_CONFIG,),
    reason="A component's copies run in the config's network: without one they reach the internet.",
    fix="Give VpcConfig with subnets and security groups, as GovernedInferenceComponent does.",
    check=check,
)
