"""What happens around a rollout: does the endpoint run what was deployed, and what is set back when it does not."""

from weighbridge.rollout.assertion import Expectation, assert_endpoint, in_rollback
from weighbridge.rollout.parameter import ReleaseParameter
from weighbridge.rollout.scaling import ScalingClient, VariantCapacity, pause, settle
from weighbridge.rollout.stack import StackEvent, StackReader
from weighbridge.rollout.watcher import SetBack, set_back

__all__ = [
    "Expectation",
    "ReleaseParameter",
    "ScalingClient",
    "SetBack",
    "StackEvent",
    "StackReader",
    "VariantCapacity",
    "assert_endpoint",
    "in_rollback",
    "pause",
    "set_back",
    "settle",
]
