"""Base models: inspected on first use at one exact revision, kept in a repository of their own, admitted under a signature."""

from weighbridge.bases.admission import ADMISSION_TYPE, Admission, BaseRepository, admit
from weighbridge.bases.reading import AdmittedHub, admitted_card, refuse_unadmitted

__all__ = [
    "ADMISSION_TYPE",
    "Admission",
    "AdmittedHub",
    "BaseRepository",
    "admit",
    "admitted_card",
    "refuse_unadmitted",
]
