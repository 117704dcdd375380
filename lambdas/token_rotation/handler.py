"""Secrets Manager rotates a registry token: parse its event, do the step, fail loudly."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

import boto3

from weighbridge.cloud import SHORT
from weighbridge.environment import registry_url, required, whole
from weighbridge.logs import JsonLog
from weighbridge.tokenrotation import AccessApi, RotationEvent, TokenRotation

EXPIRES_IN = "WEIGHBRIDGE_TOKEN_EXPIRES_IN"
LONGEST = 366 * 86_400


def handler(event: Mapping[str, object], _context: object) -> None:
    """Do one step; an error makes Secrets Manager repeat the rotation, and AWSCURRENT stays."""
    parsed = RotationEvent.parse(event)
    TokenRotation(
        client=boto3.Session().client("secretsmanager", config=SHORT),
        access=AccessApi(url=registry_url(os.environ, "WEIGHBRIDGE_REGISTRY_URL")),
        secret_id=required(os.environ, "WEIGHBRIDGE_TOKEN_SECRET_ID"),
        expires_in=whole(required(os.environ, EXPIRES_IN), field=EXPIRES_IN, most=LONGEST),
        log=JsonLog(out=sys.stdout, err=sys.stderr),
    ).run(parsed)
