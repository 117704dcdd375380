"""Answer one call of the hook. Whatever goes wrong is an answer that refuses: CloudFormation waits 30 seconds for one."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from weighbridge.admission.event import HookCall, passed, refused
from weighbridge.admission.judge import Admission
from weighbridge.canonical import JsonObject
from weighbridge.errors import WeighbridgeError
from weighbridge.logs import JsonLog


def answer_call(document: Mapping[str, object], *, admission: Callable[[], Admission], log: JsonLog) -> JsonObject:
    """Return the hook's answer.

    Args:
        document: the event.
        admission: makes what judges; its errors refuse too.
        log: gets one line for each call.
    """
    try:
        call = HookCall.parse(document)
        reasons = admission().judge(call.kind, call.properties)
    except WeighbridgeError as error:
        log.error("not-judged", rule=error.rule, message=str(error))
        return refused(document, code="InternalFailure", reasons=[f"weighbridge could not judge this: {error}"])
    except Exception as error:
        log.error("not-judged", rule="internal", message=f"{type(error).__name__}: {error}")
        reason = f"weighbridge could not judge this: {type(error).__name__}: see the log of the hook's function"
        return refused(document, code="InternalFailure", reasons=[reason])
    log.event(
        "refused" if reasons else "admitted",
        kind=call.kind,
        logical_id=call.logical_id,
        stack=call.stack,
        reasons="; ".join(reasons) or None,
    )
    if reasons:
        return refused(document, code="NonCompliant", reasons=reasons)
    return passed(document, message=f"{call.logical_id or call.kind}: within the supply chain")
