"""The states from a training job to the first channel, in the Amazon States Language with JSONata.

What an execution remembers are names and ids: of each answer only the listed fields are kept. An execution starts with a
run (`model`, `version`, ...), or with the name of a job that has ended (`training_job`), whoever started that.
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-amazon-states-language.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from weighbridge.canonical import Json, JsonObject
from weighbridge.jobs.compute import Compute
from weighbridge.jobs.request import CHECKPOINTS, checkpoint_config, distribution_parameters
from weighbridge.jobs.tags import COMMIT_TAG, MODEL_TAG, OWNER_TAG, PIPELINE_TAG, VERSION_TAG
from weighbridge.registration.pipeline import BLOCKED

# A job may wait for capacity before its own clock starts to run.
PENDING_SECONDS = 86_400
STEP_SECONDS = 960
INSPECTION_SECONDS = 960
CAUSE = 512
NO_JOB = "training_job: is missing, and training.job of the settings says nothing of jobs to start: give one of the two"

_RETRY_SERVICE: JsonObject = {
    "ErrorEquals": ["Lambda.TooManyRequestsException", "Lambda.ServiceException", "Lambda.SdkClientException"],
    "IntervalSeconds": 2, "MaxAttempts": 6, "BackoffRate": 2, "JitterStrategy": "FULL",
}  # fmt: skip
# Whatever the step raises is not the job's fault: the registry, a key, a race. Together the pauses are up to half an hour.
_RETRY_STEP: JsonObject = {
    "ErrorEquals": ["States.ALL"],
    "IntervalSeconds": 30, "MaxAttempts": 6, "BackoffRate": 2, "MaxDelaySeconds": 900, "JitterStrategy": "FULL",
}  # fmt: skip
# SageMaker names a job once, so that a repetition after a lost answer is refused and never a second job.
_RETRY_START: JsonObject = {
    "ErrorEquals": ["SageMaker.AmazonSageMakerException", "SageMaker.ThrottlingException", "SageMaker.SdkClientException"],
    "IntervalSeconds": 30, "MaxAttempts": 4, "BackoffRate": 2, "JitterStrategy": "FULL",
}  # fmt: skip

_INSPECTED: JsonObject = {
    "Type": "Choice",
    "Choices": [{"Condition": "{% $states.input.outcome = 'clean' %}", "Next": "Publish"}],
    "Default": "Blocked",
}
_BLOCKED: JsonObject = {
    "Type": "Pass",
    "Output": {
        "training_job": "{% $states.input.training_job %}",
        "failure": {"Error": BLOCKED, "Cause": "{% $states.input.detail %}"},
    },
    "Next": "Tell",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Train:
    """How the machine starts a job: `request` is what no run may change, `channels` are taken when a run names none."""

    request: JsonObject
    compute: Compute
    bucket: str
    channels: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """What the states call: ARNs of functions and of the topic; `partition` is that of their ARNs."""

    partition: str
    registrar: str
    topic: str
    inspector: str | None = None


def definition(*, steps: Steps, train: Train | None, pipeline: str) -> JsonObject:
    """Return the state machine.

    Args:
        train: None for a machine that takes jobs over when they have ended, and starts none.
        pipeline: value of the tag `weighbridge:pipeline` on jobs that the machine starts.
    """
    states: JsonObject = {
        "WhatIsGiven": {
            "Type": "Choice",
            "Choices": [{"Condition": "{% $exists($states.input.training_job) %}", "Next": "Register"}],
            "Default": "NoJob" if train is None else "Train",
        },
        "Register": _step(steps, "register", following="Registered"),
        "Registered": _registered(following="Publish" if steps.inspector is None else "Inspect"),
        "Publish": _step(steps, "publish", following="Published"),
        "Published": {
            "Type": "Choice",
            "Choices": [
                {"Condition": "{% $states.input.outcome in ['published', 'already-published'] %}", "Next": "Done"},
                {"Condition": "{% $states.input.outcome = 'ignored' %}", "Next": "Done"},
            ],
            "Default": "Refused",
        },
        "Done": {"Type": "Succeed"},
        "Refused": {
            "Type": "Fail",
            "Error": "weighbridge.refused",
            "Cause": "{% $states.input.detail %}",
        },
        "Tell": _tell(steps),
        "TellPlainly": _tell_plainly(steps),
        "Failed": {
            "Type": "Fail",
            "Error": "weighbridge.failed",
            "Cause": "{% $states.input.detail %}",
        },
    }
    if steps.inspector is not None:
        states |= {"Inspect": _inspect(steps, steps.inspector), "Inspected": _INSPECTED, "Blocked": _BLOCKED}
    if train is None:
        states["NoJob"] = {"Type": "Fail", "Error": "weighbridge.input", "Cause": NO_JOB}
    else:
        states["Train"] = _train(steps, train, pipeline=pipeline)
    return {"QueryLanguage": "JSONata", "StartAt": "WhatIsGiven", "States": states}


def _train(steps: Steps, train: Train, *, pipeline: str) -> JsonObject:
    compute = train.compute
    run: JsonObject = {
        "TrainingJobName": "{% $states.context.Execution.Name %}",
        "HyperParameters": _merged(distribution_parameters(compute), "$states.input.hyperparameters"),
        "InputDataConfig": _channels(train.channels),
        "Tags": _tags(pipeline),
        **checkpoint_config(
            compute, uri=_joined(f"s3://{train.bucket}/{CHECKPOINTS}", "$states.context.Execution.Name", "/")
        ),
    }
    return {
        "Type": "Task",
        "Resource": f"arn:{steps.partition}:states:::sagemaker:createTrainingJob.sync",
        "Arguments": {**train.request, **run},
        "TimeoutSeconds": (compute.wait_limit_seconds or compute.max_runtime_seconds) + PENDING_SECONDS,
        "Retry": [_RETRY_START],
        "Catch": [_caught("$states.context.Execution.Name")],
        "Output": {"training_job": "{% $states.result.TrainingJobName %}"},
        "Next": "Register",
    }


def _step(steps: Steps, name: str, *, following: str) -> JsonObject:
    return {
        **_invoke(
            steps,
            function=steps.registrar,
            payload={"step": name, "training_job": "{% $states.input.training_job %}"},
            seconds=STEP_SECONDS,
        ),
        "Retry": [_RETRY_SERVICE, _RETRY_STEP],
        "Catch": [_caught("$states.input.training_job")],
        "Output": "{% $merge([$states.input, $states.result.Payload]) %}",
        "Next": following,
    }


def _inspect(steps: Steps, inspector: str) -> JsonObject:
    payload: JsonObject = {
        "model": "{% $states.input.model %}",
        "version": "{% $states.input.version %}",
    }
    return {
        **_invoke(steps, function=inspector, payload=payload, seconds=INSPECTION_SECONDS),
        "Retry": [_RETRY_SERVICE, _RETRY_STEP],
        "Catch": [_caught("$states.input.training_job")],
        "Output": "{% $merge([$states.input, $states.result.Payload]) %}",
        "Next": "Inspected",
    }


def _registered(*, following: str) -> JsonObject:
    return {
        "Type": "Choice",
        "Choices": [
            {"Condition": "{% $states.input.outcome = 'registered' %}", "Next": following},
            {"Condition": "{% $states.input.outcome = 'ignored' %}", "Next": "Done"},
        ],
        "Default": "Refused",
    }


def _tell(steps: Steps) -> JsonObject:
    payload: JsonObject = {
        "step": "tell",
        "training_job": "{% $states.input.training_job %}",
        "failure": "{% $states.input.failure %}",
    }
    return {
        **_invoke(steps, function=steps.registrar, payload=payload, seconds=STEP_SECONDS),
        "Retry": [_RETRY_SERVICE, {**_RETRY_STEP, "MaxAttempts": 2}],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "TellPlainly", "Output": "{% $states.input %}"}],
        "Output": {"training_job": "{% $states.input.training_job %}", "detail": "{% $states.result.Payload.detail %}"},
        "Next": "Failed",
    }


def _tell_plainly(steps: Steps) -> JsonObject:
    """Tell without the function, for the case that it is the function that fails."""
    detail = f"$states.input.failure.Error & ': ' & $substring($states.input.failure.Cause, 0, {CAUSE})"
    return {
        "Type": "Task",
        "Resource": f"arn:{steps.partition}:states:::sns:publish",
        "Arguments": {
            "TopicArn": steps.topic,
            "Subject": "weighbridge: a training job could not be taken over",
            "Message": (
                "{% 'The training job ' & $states.input.training_job & ' was not taken over, and the registrar could not "
                f"say so itself.\\n\\nWhy: ' & {detail} & '\\n\\nWhat now: the platform team repairs the cause and "
                "redrives the execution ' & $states.context.Execution.Id & '\\n' %}"
            ),
        },
        "Retry": [{**_RETRY_STEP, "MaxAttempts": 3}],
        "Output": {"training_job": "{% $states.input.training_job %}", "detail": f"{{% {detail} %}}"},
        "Next": "Failed",
    }


def _invoke(steps: Steps, *, function: str, payload: JsonObject, seconds: int) -> JsonObject:
    return {
        "Type": "Task",
        "Resource": f"arn:{steps.partition}:states:::lambda:invoke",
        "Arguments": {"FunctionName": function, "Payload": payload},
        "TimeoutSeconds": seconds,
    }


def _caught(job: str) -> JsonObject:
    return {
        "ErrorEquals": ["States.ALL"],
        "Next": "Tell",
        "Output": {"training_job": f"{{% {job} %}}", "failure": "{% $states.errorOutput %}"},
    }


def _merged(fixed: Mapping[str, str], given: str) -> Json:
    # What the platform fixes wins: a run may not undo how its processes are started.
    return f"{{% $merge([$exists({given}) ? {given} : {{}}, {json.dumps(dict(fixed), sort_keys=True)}]) %}}"


def _channels(default: Mapping[str, str]) -> Json:
    given = "$states.input.channels"
    source = "{'S3DataType': 'S3Prefix', 'S3Uri': $uri, 'S3DataDistributionType': 'FullyReplicated'}"
    channel = f"{{'ChannelName': $name, 'DataSource': {{'S3DataSource': {source}}}}}"
    chosen = f"$exists({given}) ? {given} : {json.dumps(dict(default), sort_keys=True)}"
    return f"{{% [$each({chosen}, function($uri, $name) {{ {channel} }})] %}}"


def _tags(pipeline: str) -> Json:
    def tag(key: str, value: str) -> str:
        return f"{{'Key': '{key}', 'Value': {value}}}"

    optional = (
        f"$exists($states.input.{name}) ? {tag(key, f'$states.input.{name}')}"
        for key, name in ((COMMIT_TAG, "commit"), (OWNER_TAG, "owner"))
    )
    known = (tag(MODEL_TAG, "$states.input.model"), tag(VERSION_TAG, "$states.input.version"))
    return f"{{% [{', '.join((*known, tag(PIPELINE_TAG, json.dumps(pipeline)), *optional))}] %}}"


def _joined(before: str, name: str, after: str) -> str:
    return f"{{% '{before}' & {name} & '{after}' %}}"
