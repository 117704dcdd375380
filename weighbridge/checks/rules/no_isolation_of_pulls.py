"""WB-M8: An isolated container reaches neither the registry nor Secrets Manager, so it can verify and load nothing."""

from __future__ import annotations

from collections.abc import Iterator

from weighbridge.checks.rule import MODEL, Properties, Rule, containers, is_true, mapping


def check(model: Properties) -> Iterator[str]:
    """Yield EnableNetworkIsolation of a model whose container has a release to pull."""
    pulls = any("WEIGHBRIDGE_RELEASE" in mapping(each.get("Environment")) for _, each in containers(model))
    if pulls and is_true(model.get("EnableNetworkIsolation")):
        yield "EnableNetworkIsolation"


RULE = Rule(
    id="WB-M8",
    kinds=(MODEL,),
    reason="An isolated container reaches neither the registry nor Secrets Manager, so it can verify and load nothing.",
    fix="Remove EnableNetworkIsolation; a VPC without a way to the internet holds egress back instead.",
    check=check,
)
