"""Explicit names, where two resources must name each other and CloudFormation cannot."""

from __future__ import annotations

from weighbridge.resource_names import ENDPOINT_NAME_LIMIT, resource_name, slug

__all__ = ["ENDPOINT_NAME_LIMIT", "resource_name", "slug"]
