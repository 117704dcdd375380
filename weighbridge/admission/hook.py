"""Answer one call of the hook. Whatever goes wrong is an answer that refuses: CloudFormation waits 30 seconds for one.

A stack that is being rolled back goes on: what it goes back to was let through before, and a refusal there would only leave
UPDATE_ROLLBACK_FAILED behind. Container and reconciler judge what then runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from weighbridge.admission.event import ErrorCode, HookCall, passed, refused
from weighbridge.admission.judge import Admission
from weighbridge.canonical import JsonObject
from weighbridge.errors import WeighbridgeError
from weighbridge.logs import JsonLog

# What the alarm of the construct AdmissionHook looks for in the function's log.
NOT_JUDGED = "not-judged"


def answer_call(
    document: Mapping[str, object],
    *,
    admission: Callable[[], Admission],
    rolling_back: Callable[[str], bool],
    log: JsonLog,
) -> JsonObject:
    """Return the hook's answer.

    Args:
        document: the event.
        admission: makes what judges; its errors refuse too.
        rolling_back: whether the stack with this id is being rolled back; asked only when the resource would be refused.
        log: gets one line for each call.
    """
    call: HookCall | None = None
    try:
        call = HookCall.parse(document)
        code: ErrorCode = "NonCompliant"
        reasons = admission().judge(call.kind, call.properties)
    except WeighbridgeError as error:
        log.error(NOT_JUDGED, rule=error.rule, message=str(error))
        code, reasons = "InternalFailure", (f"weighbridge could not judge this: {error}",)
    except Exception as error:
        log.error(NOT_JUDGED, rule="internal", message=f"{type(error).__name__}: {error}")
        said = f"weighbridge could not judge this: {type(error).__name__}: see the log of the hook's function"
        code, reasons = "InternalFailure", (said,)
    if not reasons:
        _tell(log, "admitted", call, reasons)
        return passed(document, message=f"{_name(call)}: within the supply chain")
    if call is not None and call.stack and rolling_back(call.stack):
        _tell(log, "admitted-in-rollback", call, reasons)
        return passed(document, message=f"{_name(call)}: its stack is being rolled back, else: {'; '.join(reasons)}")
    _tell(log, "refused", call, reasons)
    return refused(document, code=code, reasons=reasons)


def _tell(log: JsonLog, event: str, call: HookCall | None, reasons: Sequence[str]) -> None:
    log.event(
        event,
        kind=None if call is None else call.kind,
        logical_id=None if call is None else call.logical_id,
        stack=None if call is None else call.stack,
        reasons="; ".join(reasons) or None,
    )


def _name(call: HookCall | None) -> str:
    return "" if call is None else call.logical_id or call.kind
