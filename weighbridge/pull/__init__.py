"""The verified pull: every file of a release, and not one byte that was not hashed."""

from weighbridge.pull.engine import PullReport, pull
from weighbridge.pull.local_cache import LocalCache
from weighbridge.pull.regional import RegionalCache
from weighbridge.pull.space import choose_place

__all__ = ["LocalCache", "PullReport", "RegionalCache", "choose_place", "pull"]
