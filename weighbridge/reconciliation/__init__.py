"""Reconciliation: what runs on SageMaker, compared with what the environment accepted and what its channel says now."""

from weighbridge.reconciliation.book import DynamoDbFindings, FindingBook, Settled, settle
from weighbridge.reconciliation.channel import RememberedChannel
from weighbridge.reconciliation.environment import ReconcilerEnvironment
from weighbridge.reconciliation.events import EventOutlet
from weighbridge.reconciliation.findings import KINDS, Finding, FindingKind, Report
from weighbridge.reconciliation.notice import Notice, Outlet
from weighbridge.reconciliation.queue import PromotionQueue, unpromoted
from weighbridge.reconciliation.reconcile import Reconciliation
from weighbridge.reconciliation.run import ReconcilerRun
from weighbridge.reconciliation.running import Running
from weighbridge.reconciliation.security_hub import Product, SecurityHubOutlet, as_finding
from weighbridge.reconciliation.survey import PATIENT, Survey

__all__ = [
    "KINDS",
    "PATIENT",
    "DynamoDbFindings",
    "EventOutlet",
    "Finding",
    "FindingBook",
    "FindingKind",
    "Notice",
    "Outlet",
    "Product",
    "PromotionQueue",
    "ReconcilerEnvironment",
    "ReconcilerRun",
    "Reconciliation",
    "RememberedChannel",
    "Report",
    "Running",
    "SecurityHubOutlet",
    "Settled",
    "Survey",
    "as_finding",
    "settle",
    "unpromoted",
]
