"""Which models would change on the next deployment, and in what: beside `cdk diff`, which shows infrastructure (docs/cli.md)."""

from weighbridge.difference.compare import Change, compare
from weighbridge.difference.models import DifferenceReport, ModelDifference, differences
from weighbridge.difference.places import Places, named_id, parameter_id, running_id
from weighbridge.difference.side import Side, read_side

__all__ = [
    "Change",
    "DifferenceReport",
    "ModelDifference",
    "Places",
    "Side",
    "compare",
    "differences",
    "named_id",
    "parameter_id",
    "read_side",
    "running_id",
]
