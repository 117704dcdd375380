"""Secrets Manager rotates a registry token, and a schedule looks after it: parse the event, do it, fail loudly."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from datetime import timedelta

import boto3

from weighbridge.cloud import SHORT
from weighbridge.environment import registry_url, required, whole
from weighbridge.logs import JsonLog, system_clock
from weighbridge.tokenrotation import UPKEEP, AccessApi, RotationEvent, TokenRotation, TokenUpkeep

EXPIRES_IN = "WEIGHBRIDGE_TOKEN_EXPIRES_IN"
GRACE = "WEIGHBRIDGE_TOKEN_GRACE_SECONDS"
LONGEST = 366 * 86_400


def handler(event: Mapping[str, object], _context: object) -> None:
    """Do one step, or the upkeep; an error makes Secrets Manager repeat the rotation, and AWSCURRENT stays."""
    client = boto3.Session().client("secretsmanager", config=SHORT)
    access = AccessApi(url=registry_url(os.environ, "WEIGHBRIDGE_REGISTRY_URL"))
    secret_id = required(os.environ, "WEIGHBRIDGE_TOKEN_SECRET_ID")
    log = JsonLog(out=sys.stdout, err=sys.stderr)
    if UPKEEP in event:
        grace = timedelta(seconds=whole(required(os.environ, GRACE), field=GRACE, most=LONGEST))
        TokenUpkeep(client=client, access=access, secret_id=secret_id, grace=grace, log=log, clock=system_clock).run()
        return
    parsed = RotationEvent.parse(event)
    expires_in = whole(required(os.environ, EXPIRES_IN), field=EXPIRES_IN, most=LONGEST)
    TokenRotation(client=client, access=access, secret_id=secret_id, expires_in=expires_in, log=log).run(parsed)
