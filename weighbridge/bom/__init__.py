"""Bills of materials: composed from what was recorded, compared with everything that tells the same, and scored."""

from weighbridge.bom.card import MODEL_CARD, MODEL_CARD_LIMIT, parse_card
from weighbridge.bom.compare import Change, compare_boms
from weighbridge.bom.consistency import (
    BOM_LIMIT,
    Consistency,
    Disagreement,
    Evidence,
    altered,
    altered_lock,
    compare_all,
    parse_bom,
)
from weighbridge.bom.document import TEXTS, Contents, make_bom
from weighbridge.bom.facts import licences
from weighbridge.bom.locked import LOCK_LIMIT, LockedDependency, parse_lock
from weighbridge.bom.references import reference_faults
from weighbridge.bom.score import Score, score_document, score_release

__all__ = [
    "BOM_LIMIT",
    "LOCK_LIMIT",
    "MODEL_CARD",
    "MODEL_CARD_LIMIT",
    "TEXTS",
    "Change",
    "Consistency",
    "Contents",
    "Disagreement",
    "Evidence",
    "LockedDependency",
    "Score",
    "altered",
    "altered_lock",
    "compare_all",
    "compare_boms",
    "licences",
    "make_bom",
    "parse_bom",
    "parse_card",
    "parse_lock",
    "reference_faults",
    "score_document",
    "score_release",
]
