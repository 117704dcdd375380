"""MiniStack in this process: everything that reaches into it, in one place.

MiniStack reads its environment when it is imported, so `configure` comes first. What is used of it that is no public
door: the tables of CloudFormation handlers and of state machines' tasks, the table of create-only properties, the function that records stack events,
and the internal calls of EventBridge and CloudWatch Logs (version 1.5.33).
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from local.aws.handler import JsonObject, ResourceHandler
from local.aws.hooks import Check, Target
from local.aws.resolved_parameters import ResolvedParameter, with_resolved_values
from local.aws.resources.adapted import Entry
from local.aws.scope import Scope
from local.aws.training_task import TaskError
from local.process import ROOT

StackStatusListener = Callable[[str, str, str], None]

REPEAT_SECONDS = (1.0, 2.0)
_STACK = "AWS::CloudFormation::Stack"
# The services that open ports of their own have no use here.
_OFF = {"IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0", "LAMBDA_EXECUTOR": "local"}


def configure(*, scope: Scope, port: int, folder: Path) -> None:
    """Set the environment that MiniStack reads at import; everything it writes lies in `folder`."""
    temporary = folder / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    os.environ.update(
        {
            **_OFF,
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_ACCOUNT_ID": scope.account,
            "MINISTACK_REGION": scope.region,
            "S3_DATA_DIR": str(folder / "s3"),
            "DOCKER_HOST": f"unix://{folder}/no-docker.sock",
            "LOG_LEVEL": "INFO",
            # Pauses of state machines are minutes on AWS, for a registry to come back.
            "SFN_WAIT_SCALE": "0.01",
            "TMPDIR": str(temporary),
            "NO_PROXY": "127.0.0.1,localhost",
        }
    )


def lend_cryptography() -> None:
    """Let MiniStack's KMS make and use asymmetric keys.

    It needs the package `cryptography`, which its environment lacks and the layer for functions on this machine holds;
    the layer comes last on the path, so that nothing else is taken from it.
    """
    lock = hashlib.sha256((ROOT / "locks" / "layer.txt").read_bytes()).hexdigest()
    sys.path.append(str(ROOT / ".build" / "layers" / f"host-{lock[:16]}" / "python"))


class _Answer:
    """The event of a custom resource's answer. MiniStack begins to wait for it when the function has ended."""

    def __init__(self, event: threading.Event, *, seconds: float) -> None:
        self._event = event
        self._seconds = seconds

    def wait(self, timeout: float) -> bool:
        """Wait for the answer.

        Raises:
            TimeoutError: when there is none, and will be none.
        """
        if self._event.wait(min(timeout, self._seconds)):
            return True
        raise TimeoutError(
            "CloudFormation did not receive a response from your Custom Resource: its function has ended"
        )


class Emulator:
    """MiniStack's application and the doors into it. Call `configure` before."""

    def __init__(self, *, scope: Scope) -> None:
        from ministack import app as gateway
        from ministack.core.responses import request_scope
        from ministack.services import cloudwatch_logs, eventbridge

        self.app = gateway.app
        self._scope = scope
        self._request_scope = request_scope
        self._logs = cloudwatch_logs
        self._events = eventbridge

    def add_handler(self, handler: ResourceHandler) -> None:
        """Let CloudFormation create, update and delete resources of the handler's type."""
        from ministack.services.cloudformation import provisioners, stacks

        name = handler.resource_type
        provisioners._RESOURCE_HANDLERS[name] = {
            "create": lambda logical_id, properties, _stack: handler.create(logical_id, properties),
            "update": lambda physical_id, old, new, _stack: handler.update(physical_id, old, new),
            "delete": handler.delete,
        }
        provisioners._REPLACING_PROPERTIES[name] = handler.create_only
        if handler.blocks:
            on_worker = stacks._runs_on_worker_thread
            stacks._runs_on_worker_thread = lambda kind: kind == name or on_worker(kind)

    def before(self, resource_types: Sequence[str], check: Check) -> None:
        """Call `check` before a resource of one of the types is created or updated; its exception fails the resource."""
        from ministack.services import cloudformation
        from ministack.services.cloudformation import provisioners, stacks

        def stack_id(name: str) -> str:
            return str(cloudformation._stacks[name]["StackId"])

        def checked(kind: str) -> JsonObject:
            entry = provisioners._RESOURCE_HANDLERS[kind]

            def create(logical_id: str, properties: JsonObject, stack: str) -> tuple[str, JsonObject]:
                check(Target("CREATE", kind, logical_id, stack, stack_id(stack), properties))
                made: tuple[str, JsonObject] = entry["create"](logical_id, properties, stack)
                return made

            def update(
                physical_id: str, old: JsonObject, new: JsonObject, stack: str, logical_id: str
            ) -> tuple[str, JsonObject]:
                check(Target("UPDATE", kind, logical_id, stack, stack_id(stack), new, old))
                made: tuple[str, JsonObject] = entry["update"](physical_id, old, new, stack)
                return made

            return {**entry, "create": create, "update": update, "update_with_logical_id": True}

        for kind in resource_types:
            provisioners._RESOURCE_HANDLERS[kind] = checked(kind)
        on_worker = stacks._runs_on_worker_thread
        stacks._runs_on_worker_thread = lambda kind: kind in resource_types or on_worker(kind)

    def invoke(self, function: str, event: JsonObject) -> tuple[object, bool]:
        """Call a function and wait; return what it answered, and whether it failed. Not from the event loop."""
        from ministack.services import lambda_svc

        record, config, name = lambda_svc._get_func_record_for_ref(function)
        if not record or not config:
            raise LookupError(f"the function {name} is not there")
        done = lambda_svc._execute_function_with_config_scope(
            lambda_svc._execution_record_for_config(record, config), event
        )
        return done.get("body"), bool(done.get("error"))

    def add_task(self, resource: str, run: Callable[[JsonObject], JsonObject]) -> None:
        """Let state machines run the optimized integration `resource` (without `.sync`); `run` gets its arguments."""
        from ministack.services import stepfunctions

        def task(_resource: str, arguments: JsonObject) -> JsonObject:
            try:
                return run(arguments)
            except TaskError as error:
                raise stepfunctions._ExecutionError(error.error, error.cause) from error

        stepfunctions._SERVICE_DISPATCH[resource] = task

    def adapt(self, resource_type: str, adapter: Callable[[Entry], Entry]) -> None:
        """Replace MiniStack's handler of a type by what `adapter` makes of it."""
        from ministack.services.cloudformation import provisioners

        provisioners._RESOURCE_HANDLERS[resource_type] = adapter(provisioners._RESOURCE_HANDLERS[resource_type])

    def on_stack_status(self, listener: StackStatusListener) -> None:
        """Call `listener(stack_id, status, reason)` whenever a stack itself, not a resource in it, changes status."""
        from ministack.services.cloudformation import changesets, handlers, stacks

        record = stacks._add_event

        def recorded(
            stack_id: str, stack_name: str, logical_id: str, resource_type: str, status: str, *rest: str, **named: str
        ) -> None:
            record(stack_id, stack_name, logical_id, resource_type, status, *rest, **named)
            if resource_type == _STACK and logical_id == stack_name:
                listener(stack_id, status, rest[0] if rest else named.get("reason", ""))

        for module in (changesets, handlers, stacks):
            module._add_event = recorded

    def describe_resolved_parameters(self) -> None:
        """Let DescribeStacks give `ResolvedValue`; see resolved_parameters.py."""
        from ministack.services import cloudformation
        from ministack.services.cloudformation import handlers

        describe = handlers._ACTION_HANDLERS["DescribeStacks"]

        def described(parameters: object) -> tuple[int, object, bytes]:
            status, headers, body = describe(parameters)
            stacks = {
                stack["StackId"]: {
                    key: ResolvedParameter(name=entry["SsmName"], value=entry["Value"])
                    for key, entry in stack.get("_resolved_params", {}).items()
                    if "SsmName" in entry
                }
                for stack in cloudformation._stacks.values()
            }
            text = body.decode() if isinstance(body, bytes) else str(body)
            return status, headers, with_resolved_values(text, stacks=stacks).encode()

        handlers._ACTION_HANDLERS["DescribeStacks"] = described

    def end_silent_waits(self, *, seconds: float) -> None:
        """Fail a custom resource `seconds` after its function has ended without an answer.

        CloudFormation waits on, until the resource's ServiceTimeout; nothing that this app deploys answers later than
        its function ends.
        """
        from ministack.services.cloudformation import custom_resource

        register = custom_resource.register_token

        def registered(token: str) -> _Answer:
            return _Answer(register(token), seconds=seconds)

        custom_resource.register_token = registered

    def repeat_events(self) -> None:
        """Let EventBridge and CloudFormation call functions as AWS does: again, twice, after an error.

        MiniStack does so for other asynchronous calls; between attempts lie seconds, which are minutes on AWS. What
        EventBridge could not deliver then goes to the function's destination of lost events.
        """
        from ministack.services import eventbridge, lambda_svc

        def dispatch(arn: str, payload: str) -> None:
            function, config, name = lambda_svc._get_func_record_for_ref(arn)
            if not function or not config:
                logging.getLogger(__name__).warning("the target %s of an event is not there", name)
                return
            record = lambda_svc._execution_record_for_config(function, config)
            lambda_svc.invoke_async_with_retry(record, json.loads(payload))

        eventbridge._dispatch_to_lambda = dispatch
        execute = lambda_svc._execute_function_with_config_scope

        def executed(function: JsonObject, event: JsonObject) -> JsonObject:
            result: JsonObject = execute(function, event)
            for pause in REPEAT_SECONDS if "ResponseURL" in event else ():
                if not result.get("error"):
                    break
                time.sleep(pause)
                result = execute(function, event)
            return result

        lambda_svc._execute_function_with_config_scope = executed

    def put_event(self, *, source: str, detail_type: str, detail: JsonObject, resources: Sequence[str]) -> None:
        """Put an event of an AWS service on the default bus; rules match it and their targets are called."""
        entry = {"Source": source, "DetailType": detail_type, "Detail": json.dumps(detail), "Resources": [*resources]}
        with self._request_scope(self._scope.account, self._scope.region):
            self._events._ensure_default_bus()
            self._events._put_events({"Entries": [entry]}, allow_aws_source=True)

    def put_log_line(self, group: str, stream: str, line: str) -> None:
        """Append a line to a log stream; group and stream are created when they are missing."""
        where = {"logGroupName": group, "logStreamName": stream}
        event = {"timestamp": int(time.time() * 1000), "message": line}
        with self._request_scope(self._scope.account, self._scope.region):
            self._logs._create_log_group({"logGroupName": group})
            self._logs._create_log_stream(where)
            status, _, body = self._logs._put_log_events({**where, "logEvents": [event]})
        if status >= 400:
            raise RuntimeError(f"PutLogEvents to {group}: {body!r}")
