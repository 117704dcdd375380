"""The pack as a policy-validation plugin of the CDK: reads the synthesized templates, reports each finding by construct."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import aws_cdk as cdk
import jsii

from weighbridge.checks.rule import Rule, mapping
from weighbridge.checks.rules import RULES

NAME = "GovernedModelChecks"


@jsii.implements(cdk.IPolicyValidationPlugin)
class GovernedModelChecks:
    """`cdk.Validations.of(app).add_plugins(GovernedModelChecks())`; docs/checks.md lists the rules."""

    def __init__(self, rules: Sequence[Rule] = RULES) -> None:
        self._rules = tuple(rules)

    @property
    def name(self) -> str:
        """Name of the plugin in reports and acknowledgements."""
        return NAME

    @property
    def rule_ids(self) -> list[str]:
        """Ids of the rules."""
        return [rule.id for rule in self._rules]

    @property
    def version(self) -> str | None:
        """None: the plugin is the library's."""
        return None

    def validate(self, context: cdk.IPolicyValidationContext) -> cdk.PolicyValidationPluginReport:
        """Judge every template."""
        templates = {path: json.loads(Path(path).read_text(encoding="utf-8")) for path in context.template_paths}
        violations = [found for rule in self._rules if (found := _violation(rule, templates)) is not None]
        return cdk.PolicyValidationPluginReport(success=not violations, violations=violations)


def _violation(rule: Rule, templates: Mapping[str, Mapping[str, object]]) -> cdk.PolicyViolation | None:
    found = [
        cdk.PolicyViolatingResource(
            resource_logical_id=logical_id,
            template_path=path,
            locations=[f"Resources/{logical_id}/Properties/{place}" for place in places],
        )
        for path, template in templates.items()
        for logical_id, resource in mapping(template.get("Resources")).items()
        if (places := _places(rule, mapping(resource)))
    ]
    if not found:
        return None
    return cdk.PolicyViolation(
        rule_name=rule.id, description=rule.reason, fix=rule.fix, severity="error", violating_resources=found
    )


def _places(rule: Rule, resource: Mapping[str, object]) -> list[str]:
    return list(rule.check(mapping(resource.get("Properties")))) if resource.get("Type") in rule.kinds else []
