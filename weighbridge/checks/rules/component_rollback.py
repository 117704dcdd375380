"""WB-I2: Copies of a release that fails would replace all others."""

from __future__ import annotations

from collections.abc import Iterator

from weighbridge.checks.rule import COMPONENT, Properties, Rule, mapping


def check(component: Properties) -> Iterator[str]:
    """Yield the alarms of the rollback when there are none."""
    rollback = mapping(mapping(component.get("DeploymentConfig")).get("AutoRollbackConfiguration"))
    if not rollback.get("Alarms"):
        yield "DeploymentConfig.AutoRollbackConfiguration.Alarms"


RULE = Rule(
    id="WB-I2",
    kinds=(COMPONENT,),
    reason="Copies of a release that fails would replace all others.",
    fix="Give DeploymentConfig.AutoRollbackConfiguration with alarms, as GovernedInferenceComponent does.",
    check=check,
)
