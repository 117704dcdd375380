"""Read a template: resources by type, statements of policies, text of everything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

Resource = dict[str, Any]
Template = dict[str, Any]


def resources(template: Template, kind: str) -> dict[str, Resource]:
    """Return the resources of one type by logical id."""
    return {name: each for name, each in template["Resources"].items() if each["Type"] == kind}


def only(template: Template, kind: str, *, starting: str = "") -> Resource:
    """Return the single resource of a type whose logical id starts so."""
    found = [each for name, each in resources(template, kind).items() if name.startswith(starting)]
    assert len(found) == 1, f"{len(found)} of {kind} {starting}"
    return found[0]


def logical_id(template: Template, kind: str, *, starting: str = "") -> str:
    """Return the logical id of that resource."""
    found = [name for name in resources(template, kind) if name.startswith(starting)]
    assert len(found) == 1, f"{len(found)} of {kind} {starting}"
    return found[0]


def statements(template: Template) -> Iterator[tuple[str, Resource]]:
    """Yield every statement of an identity policy with its policy's logical id."""
    for kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
        for name, policy in resources(template, kind).items():
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
                yield name, statement


def as_list(value: Any) -> list[Any]:
    """Return a list as it is, anything else as the only entry of one."""
    return value if isinstance(value, list) else [value]


def text(template: Template) -> str:
    """Return the whole template as one line of JSON."""
    return json.dumps(template, sort_keys=True)
