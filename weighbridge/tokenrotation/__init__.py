"""Rotation of a registry token that lies in Secrets Manager: each token mints the next, and is revoked after a time of grace."""

from weighbridge.tokenrotation.access import AccessApi, MintedToken
from weighbridge.tokenrotation.steps import RotationEvent, TokenRotation
from weighbridge.tokenrotation.upkeep import UPKEEP, TokenUpkeep

__all__ = ["UPKEEP", "AccessApi", "MintedToken", "RotationEvent", "TokenRotation", "TokenUpkeep"]
