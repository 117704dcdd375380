"""Run a custom resource's action so that CloudFormation is answered in every case, before the function's time is up.

The action runs in a thread; the function's own thread waits for it and is the only one that answers. A duplicate
delivery, or Lambda's own repetition after a crash, runs the action again: actions give the same answer twice.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from weighbridge.customresource.answer import Answer, AnswerChannel, Attributes, failed, succeeded
from weighbridge.customresource.event import Event, parse_event
from weighbridge.errors import WeighbridgeError
from weighbridge.logs import JsonLog

# For Python and the log to finish after the last try to answer.
RESERVE_SECONDS = 2.0


class LambdaContext(Protocol):
    """The one part of Lambda's context object that is needed."""

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the function may still run, in milliseconds."""
        ...


@dataclass(frozen=True, slots=True)
class Deadline:
    """When an action must be done: `seconds_left()` falls to zero and below."""

    context: LambdaContext
    reserve: float

    def seconds_left(self) -> float:
        """Return the seconds that the action still has."""
        return self.context.get_remaining_time_in_millis() / 1000 - self.reserve


class Action(Protocol):
    """What a Create, an Update or a Delete does; it returns the attributes, or raises WeighbridgeError."""

    def __call__(self, event: Event, deadline: Deadline, /) -> Attributes: ...


@dataclass(slots=True)
class _Outcome:
    attributes: Attributes = field(default_factory=dict)
    error: BaseException | None = None


def answer_event(
    document: Mapping[str, object],
    context: LambdaContext,
    *,
    action: Action,
    log: JsonLog,
    channel: AnswerChannel | None = None,
    deletion: Action | None = None,
) -> None:
    """Answer one event. Delete does `deletion`; without one it is a success and does nothing.

    Where the resource has a property `ReleaseId`, every line of the log bears that promotion's correlation id.

    Raises:
        InputError: the event cannot be answered: it is not one of CloudFormation's.
        CloudError: no answer was accepted; Lambda then repeats the event.
    """
    channel = channel or AnswerChannel()
    event = parse_event(document)
    log = log.correlated(event.properties.get("ReleaseId"))
    deadline = Deadline(context=context, reserve=channel.longest_seconds + RESERVE_SECONDS)
    chosen = deletion if event.request_type == "Delete" else action
    answer = succeeded(event) if chosen is None else _perform(event, chosen, deadline, log)
    try:
        answer.to_bytes()
    except WeighbridgeError as error:
        answer = failed(event, str(error))
    channel.send(answer)
    log.event(
        "answered",
        request=event.request_id,
        request_type=event.request_type,
        resource=event.logical_id,
        status=answer.status,
        reason=answer.reason or None,
    )


def _perform(event: Event, action: Action, deadline: Deadline, log: JsonLog) -> Answer:
    outcome = _Outcome()
    worker = threading.Thread(target=_run, args=(event, action, deadline, outcome), daemon=True)
    worker.start()
    worker.join(timeout=max(0.0, deadline.seconds_left()))
    if worker.is_alive():
        log.error("timeout", rule="cloud.timeout", message=f"{event!r} was not done in time")
        return failed(
            event,
            f"{event.logical_id}: not done before the function's time ran out: "
            "look at its log for what it waited for, then deploy again",
        )
    error = outcome.error
    if error is None:
        return succeeded(event, outcome.attributes)
    if isinstance(error, WeighbridgeError):
        log.error("refused", rule=error.rule, message=str(error))
        return failed(event, f"{error} [{error.rule}]")
    place = traceback.extract_tb(error.__traceback__)[-1]
    text = f"{type(error).__name__} in {place.name}, line {place.lineno}"
    log.error("failed", rule=WeighbridgeError.rule, message=" ".join(f"{text}: {error}".split()))
    return failed(event, f"{event.logical_id}: an error in weighbridge itself: {text}: see the function's log")


def _run(event: Event, action: Action, deadline: Deadline, outcome: _Outcome) -> None:
    try:
        outcome.attributes = action(event, deadline)
    except BaseException as error:
        # Whatever it is, CloudFormation waits for an answer.
        outcome.error = error
