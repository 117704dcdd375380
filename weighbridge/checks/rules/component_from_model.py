"""WB-I1: A component with a container of its own passes by whatever is checked of models."""

from __future__ import annotations

from collections.abc import Iterator

from weighbridge.checks.rule import COMPONENT, Properties, Rule, entries, mapping


def check(component: Properties) -> Iterator[str]:
    """Yield the specification that names neither a model nor a base component, or has a container besides."""
    specifications = [("Specification", mapping(component["Specification"]))] if "Specification" in component else []
    specifications += [
        (f"Specifications[{index}]", each) for index, each in enumerate(entries(component.get("Specifications")))
    ]
    if not specifications:
        yield "Specification"
    for path, specification in specifications:
        if specification.get("Container"):
            yield f"{path}.Container"
        elif not specification.get("ModelName"):
            yield f"{path}.ModelName"


RULE = Rule(
    id="WB-I1",
    kinds=(COMPONENT,),
    reason="A component with a container of its own, or an adapter beside a base component, loads what nobody verified.",
    fix="Give Specification.ModelName, a model that is built with PromotedModel, as GovernedInferenceComponent does.",
    check=check,
)
