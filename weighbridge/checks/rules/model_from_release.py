"""WB-M1: A model that names no release and no promotion was approved by nobody, and its container has nothing to verify."""

from __future__ import annotations

from collections.abc import Iterator

from weighbridge.checks.rule import MODEL, Properties, Rule, containers, mapping

VARIABLES = ("WEIGHBRIDGE_RELEASE", "WEIGHBRIDGE_PROMOTION")


def check(model: Properties) -> Iterator[str]:
    """Yield each container that lacks one of the two variables; a model without containers lacks them too."""
    found = list(containers(model))
    if not found:
        yield "PrimaryContainer"
    for path, container in found:
        environment = mapping(container.get("Environment"))
        if any(not environment.get(name) for name in VARIABLES):
            yield f"{path}.Environment"


RULE = Rule(
    id="WB-M1",
    kinds=(MODEL,),
    reason="A model that names no release and no promotion was approved by nobody, and its container has nothing to verify.",
    fix="Build the model with PromotedModel, whose container_environment() sets WEIGHBRIDGE_RELEASE and WEIGHBRIDGE_PROMOTION.",
    check=check,
)
