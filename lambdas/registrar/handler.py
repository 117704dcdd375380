"""A training job ended: register and publish what it uploaded, or tell its owner; for an event, or step by step."""

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
from weighbridge.ledger.events import EventBridgeSink
from weighbridge.logs import JsonLog, system_clock
from weighbridge.registration.completion import complete
from weighbridge.registration.described_job import DescribedJob
from weighbridge.registration.job_event import job_name
from weighbridge.registration.notices import SnsNotices
from weighbridge.registration.pipeline import Step, StepAnswer, publish_step, register_step, tell_step
from weighbridge.registration.registrar import FirstChannelRegistrar, RegistrarEnvironment
from weighbridge.registry import ArtifactoryClient, open_origin


class RegistrarContext(Protocol):
    """The one part of Lambda's context object that is needed."""

    invoked_function_arn: str


def handler(event: Mapping[str, object], context: RegistrarContext) -> StepAnswer | None:
    """Handle one event of EventBridge, or one step of the state machine.

    An error makes whoever called repeat it: Lambda an event, which it keeps in the queue of lost events in the end, the
    state machine a step.
    """
    log = JsonLog(out=sys.stdout, err=sys.stderr)
    environment = RegistrarEnvironment.read(os.environ)
    session = boto3.Session()
    sagemaker = session.client("sagemaker", config=SHORT)
    notices = SnsNotices(client=session.client("sns", config=SHORT), topic=environment.notices_topic)
    step = Step.read(event)
    if step is not None and step.name == "tell":
        answer = tell_step(step=step, job=DescribedJob.find(client=sagemaker, name=step.job), notices=notices)
        log.event("told", training_job=step.job, detail=answer["detail"])
        return answer
    job = DescribedJob.read(client=sagemaker, name=job_name(event) if step is None else step.job)
    with tempfile.TemporaryDirectory(prefix="weighbridge-registrar-") as folder:
        registrar = _registrar(environment, session=session, identity=context.invoked_function_arn, folder=Path(folder))
        if step is None:
            done = complete(job=job, incoming=environment.incoming, registrar=registrar, notices=notices)
            log.event(done.outcome, training_job=job.name, detail=done.detail)
            return None
        run = register_step if step.name == "register" else publish_step
        answer = run(job=job, incoming=environment.incoming, registrar=registrar, notices=notices)
    log.event(answer["outcome"], training_job=job.name, detail=answer["detail"])
    return answer


def _registrar(
    environment: RegistrarEnvironment, *, session: boto3.Session, identity: str, folder: Path
) -> FirstChannelRegistrar:
    tokens = open_origin(environment.token, url=environment.registry_url, session=session, config=SHORT)
    bus = environment.events_bus
    return FirstChannelRegistrar(
        environment=environment,
        client=ArtifactoryClient(url=environment.registry_url, tokens=tokens),
        ledger=DynamoDbLedger(client=session.client("dynamodb", config=SHORT), table=environment.sequences_table),
        kms=session.client("kms", config=SHORT),
        ssm=session.client("ssm", config=SHORT),
        identity=identity,
        folder=folder,
        clock=system_clock,
        events=None if bus is None else EventBridgeSink(client=session.client("events", config=SHORT), bus=bus),
    )
