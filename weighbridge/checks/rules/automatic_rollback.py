"""WB-E1: A rollout that fails would stay until somebody notices."""

from __future__ import annotations

from collections.abc import Iterator

from weighbridge.checks.rule import ENDPOINT, Properties, Rule, mapping


def check(endpoint: Properties) -> Iterator[str]:
    """Yield the alarms of the rollback when there are none."""
    rollback = mapping(mapping(endpoint.get("DeploymentConfig")).get("AutoRollbackConfiguration"))
    if not rollback.get("Alarms"):
        yield "DeploymentConfig.AutoRollbackConfiguration.Alarms"


RULE = Rule(
    id="WB-E1",
    kinds=(ENDPOINT,),
    reason="A rollout that fails would stay until somebody notices.",
    fix="Give DeploymentConfig.AutoRollbackConfiguration with alarms, as GovernedEndpoint does.",
    check=check,
)
