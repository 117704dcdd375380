"""Rules for models, endpoints and functions, judged by properties alone: at synth, in the hook, and on what runs."""

from weighbridge.checks.rule import Properties, Rule
from weighbridge.checks.rules import RULES

__all__ = ["RULES", "Properties", "Rule"]
