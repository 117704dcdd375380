"""CloudFormation's Lambda Hook: parse the call, judge the resource, answer."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

import boto3

from weighbridge.admission import Admission, AdmissionEnvironment, SageMakerCatalogue, answer_call
from weighbridge.canonical import JsonObject
from weighbridge.cloud import SHORT
from weighbridge.logs import JsonLog
from weighbridge.resolution import DynamoDbAcceptances
from weighbridge.rollout import StackReader, in_rollback


def handler(event: Mapping[str, object], _context: object) -> JsonObject:
    """Answer one call."""
    log = JsonLog(out=sys.stdout, err=sys.stderr)
    return answer_call(event, admission=_admission, rolling_back=_rolling_back, log=log)


def _admission() -> Admission:
    environment = AdmissionEnvironment.read(os.environ)
    session = boto3.Session()
    return Admission(
        pins=environment.pins,
        acceptances=DynamoDbAcceptances(
            client=session.client("dynamodb", config=SHORT), table=environment.acceptance_table
        ),
        catalogue=SageMakerCatalogue(client=session.client("sagemaker", config=SHORT)),
    )


def _rolling_back(stack_id: str) -> bool:
    client = boto3.Session().client("cloudformation", config=SHORT)
    return in_rollback(StackReader(client=client, stack_id=stack_id))
