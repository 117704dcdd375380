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


def handler(event: Mapping[str, object], _context: object) -> JsonObject:
    """Answer one call."""
    return answer_call(event, admission=_admission, log=JsonLog(out=sys.stdout, err=sys.stderr))


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
