"""A release was registered: inspect every byte of it that can reach a container, and sign what was found."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

import boto3

from weighbridge.cloud import SHORT
from weighbridge.errors import WeighbridgeError
from weighbridge.inspection.environment import InspectionOrder, InspectorEnvironment
from weighbridge.inspection.released import InspectionAnswer, inspect_registered
from weighbridge.logs import JsonLog, system_clock
from weighbridge.registry import ArtifactoryClient, open_origin
from weighbridge.trust import load_signer


def handler(event: Mapping[str, object], _context: object) -> InspectionAnswer:
    """Inspect one version; an error makes whoever called repeat it, and a blocked release is an answer, not an error."""
    log = JsonLog(out=sys.stdout, err=sys.stderr)
    environment = InspectorEnvironment.read(os.environ)
    session = boto3.Session()
    try:
        order = InspectionOrder.read(event)
        tokens = open_origin(environment.token, url=environment.registry_url, session=session, config=SHORT)
        done = inspect_registered(
            client=ArtifactoryClient(url=environment.registry_url, tokens=tokens),
            layout=environment.layout,
            name=order.model,
            version=order.version,
            signer=load_signer(environment.key, kms_client=session.client("kms", config=SHORT)),
            now=system_clock(),
        )
    except WeighbridgeError as error:
        log.error("not-inspected", rule=error.rule, message=str(error))
        raise
    answer = done.answer()
    log.event("inspected", **answer)
    return answer
