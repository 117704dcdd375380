"""The doctor: checks a user's Artifactory and AWS set-up before the first deployment, each finding with its remedy."""

from weighbridge.doctor.check import Check, choose, run_check
from weighbridge.doctor.checks import CHECKS
from weighbridge.doctor.findings import Finding, Judgement, Severity, exit_code
from weighbridge.doctor.probe import Answer, HttpProbe, Probe
from weighbridge.doctor.report import Report, diagnose, print_report
from weighbridge.doctor.setup import (
    DEFAULT_HUB_MODEL,
    IDENTITIES,
    Cloud,
    Identity,
    RegistryAccess,
    Setup,
    token_variable,
)
from weighbridge.doctor.visit import open_setup

__all__ = [
    "CHECKS",
    "DEFAULT_HUB_MODEL",
    "IDENTITIES",
    "Answer",
    "Check",
    "Cloud",
    "Finding",
    "HttpProbe",
    "Identity",
    "Judgement",
    "Probe",
    "RegistryAccess",
    "Report",
    "Setup",
    "Severity",
    "choose",
    "diagnose",
    "exit_code",
    "open_setup",
    "print_report",
    "run_check",
    "token_variable",
]
