"""EventBridge's event "SageMaker Training Job State Change".

Source: docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html. Only the job's name is taken from
it: what is registered comes from DescribeTrainingJob, so that an event that was made up registers nothing new.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeGuard

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
    if event.get("detail-type") != DETAIL_TYPE or not _is_name(name):
        raise InputError(f"event: is not a {DETAIL_TYPE} of a named training job", rule=RULE)
    return name


def check_job_name(value: object, *, field: str) -> str:
    """Return `value` if it can be a training job's name.

    Raises:
        InputError: rule `input.event`, naming `field`, when it cannot.
    """
    if not _is_name(value):
        raise InputError(f"{field}: {value!r} is no name of a training job", rule=RULE)
    return value


def _is_name(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and _NAME.fullmatch(value) is not None
