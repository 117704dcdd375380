"""Everything that a local AWS shows or writes down, and what must stand nowhere in it: the values of its secrets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3

from local.aws.process import LocalAws

SHORTEST = 8


def secret_values(aws: LocalAws) -> set[str]:
    """Every value of every version of every secret, and the tokens in those that are JSON."""
    client: Any = boto3.client("secretsmanager", **aws.client_options())
    found: set[str] = set()
    for secret in client.list_secrets()["SecretList"]:
        for version in client.list_secret_version_ids(SecretId=secret["ARN"], IncludeDeprecated=True)["Versions"]:
            held = client.get_secret_value(SecretId=secret["ARN"], VersionId=version["VersionId"])
            value = held.get("SecretString") or ""
            found |= {value, *_tokens(value)}
    return {value for value in found if len(value) >= SHORTEST}


def _tokens(value: str) -> list[str]:
    try:
        held = json.loads(value)
    except ValueError:
        return []
    return [text for text in held.values() if isinstance(text, str)] if isinstance(held, dict) else []


def everything(aws: LocalAws, *folders: Path) -> Iterator[tuple[str, str]]:
    """Yield (where, text) of all that can be read: functions, logs, stacks, models, jobs, executions, metrics, files."""
    options = aws.client_options()

    def client(name: str) -> Any:
        return boto3.client(name, **options)  # type: ignore[call-overload]

    yield from _functions(client("lambda"))
    yield from _logs(client("logs"))
    yield from _stacks(client("cloudformation"))
    yield from _sagemaker(client("sagemaker"))
    yield from _executions(client("stepfunctions"))
    yield "metrics", _text(client("cloudwatch").list_metrics()["Metrics"])
    yield "alarms", _text(client("cloudwatch").describe_alarms())
    yield "parameters", _text(client("ssm").describe_parameters()["Parameters"])
    yield "rules", _text(client("events").list_rules()["Rules"])
    for folder in (aws.folder, *folders):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                yield str(path), path.read_bytes().decode("utf-8", "replace")


def _functions(client: Any) -> Iterator[tuple[str, str]]:
    for page in client.get_paginator("list_functions").paginate():
        for function in page["Functions"]:
            yield f"function {function['FunctionName']}", _text(function)


def _logs(client: Any) -> Iterator[tuple[str, str]]:
    for page in client.get_paginator("describe_log_groups").paginate():
        for group in page["logGroups"]:
            for events in client.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"]):
                yield f"log {group['logGroupName']}", _text([event["message"] for event in events["events"]])


def _stacks(client: Any) -> Iterator[tuple[str, str]]:
    for page in client.get_paginator("describe_stacks").paginate():
        for stack in page["Stacks"]:
            name = stack["StackName"]
            yield f"stack {name}", _text(stack)
            yield f"template of {name}", _text(client.get_template(StackName=name)["TemplateBody"])
            yield f"events of {name}", _text(client.describe_stack_events(StackName=name)["StackEvents"])


def _sagemaker(client: Any) -> Iterator[tuple[str, str]]:
    for endpoint in client.list_endpoints()["Endpoints"]:
        found = client.describe_endpoint(EndpointName=endpoint["EndpointName"])
        config = client.describe_endpoint_config(EndpointConfigName=found["EndpointConfigName"])
        models = [client.describe_model(ModelName=each["ModelName"]) for each in config["ProductionVariants"]]
        yield f"endpoint {endpoint['EndpointName']}", _text([found, config, models])
    for job in client.list_training_jobs()["TrainingJobSummaries"]:
        name = job["TrainingJobName"]
        yield f"job {name}", _text(client.describe_training_job(TrainingJobName=name))


def _executions(client: Any) -> Iterator[tuple[str, str]]:
    for machine in client.list_state_machines()["stateMachines"]:
        arn = machine["stateMachineArn"]
        yield f"state machine {machine['name']}", _text(client.describe_state_machine(stateMachineArn=arn))
        for execution in client.list_executions(stateMachineArn=arn)["executions"]:
            held = client.get_execution_history(executionArn=execution["executionArn"])["events"]
            yield f"execution {execution['name']}", _text(held)


def _text(value: object) -> str:
    return json.dumps(value, default=str, ensure_ascii=False)
