"""The registry of checks: every check once, in the order in which a person would repair."""

from __future__ import annotations

from weighbridge.doctor.channel import CHANNEL_CHECKS
from weighbridge.doctor.check import Check
from weighbridge.doctor.cloud import CLOUD_CHECKS
from weighbridge.doctor.network import NETWORK_CHECKS
from weighbridge.doctor.permissions import PERMISSION_CHECKS
from weighbridge.doctor.proxy import PROXY_CHECKS
from weighbridge.doctor.quotas import QUOTA_CHECKS
from weighbridge.doctor.repositories import REPOSITORY_CHECKS
from weighbridge.doctor.service import SERVICE_CHECKS
from weighbridge.doctor.tokens import ROLE_CHECKS, TOKEN_CHECKS
from weighbridge.doctor.transfer import TRANSFER_CHECKS
from weighbridge.doctor.ways import AUTHORITY_CHECKS, WAY_CHECKS

CHECKS: tuple[Check, ...] = (
    *SERVICE_CHECKS,
    *AUTHORITY_CHECKS,
    *REPOSITORY_CHECKS,
    *PERMISSION_CHECKS,
    *ROLE_CHECKS,
    *TRANSFER_CHECKS,
    *PROXY_CHECKS,
    *CHANNEL_CHECKS,
    *CLOUD_CHECKS,
    *TOKEN_CHECKS,
    *QUOTA_CHECKS,
    *NETWORK_CHECKS,
    *WAY_CHECKS,
)
