"""Rules for models and endpoints, as a policy-validation plugin of the CDK. docs/checks.md lists them."""

from weighbridge_cdk.checks.plugin import GovernedModelChecks
from weighbridge_cdk.checks.rule import Rule
from weighbridge_cdk.checks.rules import RULES

__all__ = ["RULES", "GovernedModelChecks", "Rule"]
