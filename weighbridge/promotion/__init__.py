"""From one channel to the next: verified, copied and compared file by file, then published in one signed record."""

from weighbridge.promotion.examine import ChannelAccess, Examination, examine
from weighbridge.promotion.glass import BrokenGlass
from weighbridge.promotion.parameter import ParameterChange, move_forward, parameter_name, read_parameter
from weighbridge.promotion.promote import PromotionReport, Publisher, promote, roll_back

__all__ = [
    "BrokenGlass",
    "ChannelAccess",
    "Examination",
    "ParameterChange",
    "PromotionReport",
    "Publisher",
    "examine",
    "move_forward",
    "parameter_name",
    "promote",
    "read_parameter",
    "roll_back",
]
