"""From one channel to the next: verified, copied and compared file by file, then published in one signed record."""

from weighbridge.promotion.parameter import ParameterChange, move_forward, parameter_name, read_parameter
from weighbridge.promotion.promote import ChannelAccess, PromotionReport, Publisher, promote, roll_back

__all__ = [
    "ChannelAccess",
    "ParameterChange",
    "PromotionReport",
    "Publisher",
    "move_forward",
    "parameter_name",
    "promote",
    "read_parameter",
    "roll_back",
]
