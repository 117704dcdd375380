"""The keeper of a channel: signs snapshot and timestamp anew before they expire, and says how long all roles last."""

from weighbridge.keeper.environment import KeeperEnvironment
from weighbridge.keeper.gauge import LoggedGauge
from weighbridge.keeper.keep import Keeper

__all__ = ["Keeper", "KeeperEnvironment", "LoggedGauge"]
