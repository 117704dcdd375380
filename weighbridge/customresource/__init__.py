"""CloudFormation's custom-resource protocol: parse the event, answer always, answer in time."""

from weighbridge.customresource.answer import Answer, AnswerChannel, Attributes, failed, succeeded
from weighbridge.customresource.event import Event, parse_event
from weighbridge.customresource.run import Action, Deadline, LambdaContext, answer_event

__all__ = [
    "Action",
    "Answer",
    "AnswerChannel",
    "Attributes",
    "Deadline",
    "Event",
    "LambdaContext",
    "answer_event",
    "failed",
    "parse_event",
    "succeeded",
]
