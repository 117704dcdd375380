"""Guard rings outside the CDK: policies of an organisation that close the side doors."""

from weighbridge.guard.scp import service_control_policy

__all__ = ["service_control_policy"]
