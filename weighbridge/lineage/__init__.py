"""What came from what, where it went, and what it touched: a projection of signed records and the ledger (docs/answers.md)."""

from weighbridge.lineage.collect import ChannelRecords, collect, models_of
from weighbridge.lineage.graph import Derivation, LineageGraph
from weighbridge.lineage.impact import Impact, Suspect, Touched, impact
from weighbridge.lineage.places import Place, Places, places_of
from weighbridge.lineage.revocation import ChannelStep, RevocationPlan, plan_revocations

__all__ = [
    "ChannelRecords",
    "ChannelStep",
    "Derivation",
    "Impact",
    "LineageGraph",
    "Place",
    "Places",
    "RevocationPlan",
    "Suspect",
    "Touched",
    "collect",
    "impact",
    "models_of",
    "places_of",
    "plan_revocations",
]
