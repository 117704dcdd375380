"""The verified pull: every file of a release, and not one byte that was not hashed."""

from weighbridge.pull.engine import PullReport, pull

__all__ = ["PullReport", "pull"]
