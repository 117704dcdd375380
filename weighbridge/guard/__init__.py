"""Policies that close the side doors of an environment's account, and let CloudFormation do what the stacks need (docs/guard.md)."""

from weighbridge.guard.execution_role import PARTS, Part, execution_policy, resource_actions
from weighbridge.guard.scp import service_control_policy

__all__ = ["PARTS", "Part", "execution_policy", "resource_actions", "service_control_policy"]
