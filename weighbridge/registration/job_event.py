"""EventBridge's event "SageMaker Training Job State Change".

Source: docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html. Only the job's name is taken from
it: what is registered comes from DescribeTrainingJob, so that an event that was made up registers nothing new.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from weighbridge.errors import InputError

RULE = "input.event"
DETAIL_TYPE = "SageMaker Training Job State Change"
_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")


def job_name(event: Mapping[str, object]) -> str:
    """Return the name of the job that an event is about.

    Raises:
        InputError: rule `input.event`, when it is not such an event.
    """
    detail = event.get("detail")
    name = detail.get("TrainingJobName") if isinstance(detail, Mapping) else None
    if event.get("detail-type") != DETAIL_TYPE or not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InputError(f"event: is not a {DETAIL_TYPE} of a named training job", rule=RULE)
    return name
