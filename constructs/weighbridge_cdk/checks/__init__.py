"""Rules for models and endpoints, as a policy-validation plugin of the CDK. docs/checks.md lists them."""

from weighbridge.checks import RULES, Rule
from weighbridge_cdk.checks.plugin import GovernedModelChecks

__all__ = ["RULES", "GovernedModelChecks", "Rule"]
