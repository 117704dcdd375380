"""Rotation of a registry token that lies in Secrets Manager: each token mints the next, and is revoked one rotation later."""

from weighbridge.tokenrotation.access import AccessApi, MintedToken
from weighbridge.tokenrotation.steps import RotationEvent, TokenRotation

__all__ = ["AccessApi", "MintedToken", "RotationEvent", "TokenRotation"]
