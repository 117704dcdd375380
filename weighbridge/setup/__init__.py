"""What the Artifactory side of an environment needs, as a plan, and applied: made or put right, never deleted."""

from weighbridge.setup.desired import Desired, desired_state
from weighbridge.setup.items import Item, Plan, State
from weighbridge.setup.plan import apply_plan, make_plan
from weighbridge.setup.platform import Platform

__all__ = ["Desired", "Item", "Plan", "Platform", "State", "apply_plan", "desired_state", "make_plan"]
