"""Admission: may this model, config, endpoint or component be created? CloudFormation asks, by a Lambda Hook."""

from weighbridge.admission.catalogue import Catalogue, SageMakerCatalogue
from weighbridge.admission.claim import Acceptances, Claim, Objection, Pins, judge_claim, judge_image, read_claim
from weighbridge.admission.environment import AdmissionEnvironment, read_pins
from weighbridge.admission.hook import answer_call
from weighbridge.admission.judge import KINDS, Admission

__all__ = [
    "KINDS",
    "Acceptances",
    "Admission",
    "AdmissionEnvironment",
    "Catalogue",
    "Claim",
    "Objection",
    "Pins",
    "SageMakerCatalogue",
    "answer_call",
    "judge_claim",
    "judge_image",
    "read_claim",
    "read_pins",
]
