"""What is deployed: one stage per environment, one for the governance account where there is any, and their stacks."""

from stacks.environment import EnvironmentStage
from stacks.governance_account import GovernanceAccountStage

__all__ = ["EnvironmentStage", "GovernanceAccountStage"]
