"""DescribeStacks as AWS answers it for parameters that name an SSM parameter: the name, and `ResolvedValue` beside it.

MiniStack answers with the value in the name's place.
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Parameter.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape

_STACK = re.compile(r"<StackId>([^<]*)</StackId>.*?</Parameters>", re.DOTALL)
_PARAMETER = re.compile(r"<ParameterKey>([^<]*)</ParameterKey><ParameterValue>([^<]*)</ParameterValue>")


@dataclass(frozen=True, slots=True)
class ResolvedParameter:
    """The name of an SSM parameter, and the value that the stack read."""

    name: str
    value: str


def with_resolved_values(answer: str, *, stacks: Mapping[str, Mapping[str, ResolvedParameter]]) -> str:
    """Return the XML of a DescribeStacks answer with the resolved values; `stacks` has them by stack id and key."""

    def in_stack(found: re.Match[str]) -> str:
        resolved = stacks.get(found[1], {})

        def in_parameter(parameter: re.Match[str]) -> str:
            known = resolved.get(parameter[1])
            if known is None:
                return parameter[0]
            return (
                f"<ParameterKey>{parameter[1]}</ParameterKey><ParameterValue>{escape(known.name)}</ParameterValue>"
                f"<ResolvedValue>{escape(known.value)}</ResolvedValue>"
            )

        return _PARAMETER.sub(in_parameter, found[0])

    return _STACK.sub(in_stack, answer)
