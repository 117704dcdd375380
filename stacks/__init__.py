"""What is deployed: one stage per environment, and its stacks."""

from stacks.environment import EnvironmentStage

__all__ = ["EnvironmentStage"]
