"""A training job ended: parse EventBridge's event, register and publish what it uploaded, or tell its owner."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import boto3

from weighbridge.cloud import SHORT
from weighbridge.ledger import DynamoDbLedger
from weighbridge.logs import JsonLog, system_clock
from weighbridge.registration.completion import complete
from weighbridge.registration.described_job import DescribedJob
from weighbridge.registration.job_event import job_name
from weighbridge.registration.notices import SnsNotices
from weighbridge.registration.registrar import FirstChannelRegistrar, RegistrarEnvironment
from weighbridge.registry import ArtifactoryClient, open_origin


class RegistrarContext(Protocol):
    """The one part of Lambda's context object that is needed."""

    invoked_function_arn: str


def handler(event: Mapping[str, object], context: RegistrarContext) -> None:
    """Handle one event of EventBridge; an error makes Lambda repeat it, and keep it in the queue of lost events."""
    log = JsonLog(out=sys.stdout, err=sys.stderr)
    environment = RegistrarEnvironment.read(os.environ)
    session = boto3.Session()
    job = DescribedJob.read(client=session.client("sagemaker", config=SHORT), name=job_name(event))
    tokens = open_origin(environment.token, url=environment.registry_url, session=session, config=SHORT)
    with tempfile.TemporaryDirectory(prefix="weighbridge-registrar-") as folder:
        done = complete(
            job=job,
            incoming=environment.incoming,
            registrar=FirstChannelRegistrar(
                environment=environment,
                client=ArtifactoryClient(url=environment.registry_url, tokens=tokens),
                ledger=DynamoDbLedger(
                    client=session.client("dynamodb", config=SHORT), table=environment.sequences_table
                ),
                kms=session.client("kms", config=SHORT),
                ssm=session.client("ssm", config=SHORT),
                identity=context.invoked_function_arn,
                folder=Path(folder),
                clock=system_clock,
            ),
            notices=SnsNotices(client=session.client("sns", config=SHORT), topic=environment.notices_topic),
        )
    log.event(done.outcome, training_job=job.name, detail=done.detail)
