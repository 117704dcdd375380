"""After a stack was rolled back: set the release id back to what runs, and mark the one that failed.

What runs is the id that the stack itself says it runs with. Which id failed is told by the parameter's history: what was
written after the running id was last written, and was asked for by a deployment. An id that nobody asked for was
promoted meanwhile: it is left alone, as the next deployment's business.

A repeated or late event does nothing new: the parameter then holds what runs, marks are written once, and a stack that
has moved on since is left to its newer operation.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from weighbridge.errors import InputError
from weighbridge.names import ReleaseId
from weighbridge.resolution import AcceptanceStore, Alarms, History, Mark, Scope
from weighbridge.rollout.parameter import ReleaseParameter
from weighbridge.rollout.stack import ROLLED_BACK, StackEvent, StackReader


@dataclass(frozen=True, slots=True)
class SetBack:
    """What was done. `running` is None when there was nothing to look at; `why` is one line."""

    running: ReleaseId | None
    failed: tuple[ReleaseId, ...]
    parameter_set: bool
    why: str


def set_back(
    event: StackEvent,
    *,
    scope: Scope,
    stack: StackReader,
    parameter: ReleaseParameter,
    store: AcceptanceStore,
    alarms: Alarms,
    now: datetime,
) -> SetBack:
    """Handle one event.

    Args:
        event: what EventBridge told.
        scope: channel and model of the stack.
        stack: the stack that the event is about.
        parameter: the release id's SSM parameter.
        store: where failed ids are marked.
        alarms: told of each id that is newly marked.
        now: the time to write into marks.

    Raises:
        CloudError: an AWS service did not answer; Lambda repeats the event.
        InputError: the parameter holds no release id.
    """
    if event.status != ROLLED_BACK:
        return SetBack(None, (), False, f"{event.status} leaves nothing to set back")
    status = stack.status()
    if status != ROLLED_BACK:
        return SetBack(None, (), False, f"the stack is {status} by now: its newer operation decides")
    running = stack.running(parameter=parameter.name)
    present = parameter.read()
    history = store.history(scope)
    failed = _failed(parameter.earlier(), running=running, history=history)
    # The mark comes first: a run that is killed in between is repeated, and finds the parameter as it was.
    for release_id in failed:
        mark = Mark(release_id, "failed", f"its rollout was taken back; {running} runs", now)
        if store.mark(scope, mark):
            alarms.ring("rolled-back", scope=scope, release_id=release_id, message=mark.reason)
    if present.release_id == running:
        return SetBack(running, failed, False, "the parameter holds what runs")
    if present.release_id not in failed:
        return SetBack(running, failed, False, f"{present.release_id} was promoted meanwhile: left for next time")
    done = parameter.replace(expected=present, release_id=running)
    return SetBack(running, failed, done, "set back" if done else "somebody promoted meanwhile: left alone")


def _failed(values: tuple[str, ...], *, running: ReleaseId, history: History) -> tuple[ReleaseId, ...]:
    """Return the ids that were written after `running` (`values` are newest first) and that a deployment asked for."""
    found: list[ReleaseId] = []
    for value in values:
        try:
            release_id = ReleaseId.parse(value)
        except InputError:
            continue
        if release_id == running:
            break
        if history.knows(release_id) and release_id not in found:
            found.append(release_id)
    return tuple(found)
