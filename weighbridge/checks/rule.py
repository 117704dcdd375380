"""What a rule is, and how rules read a template: intrinsic functions stay what they are, and are never guessed at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

Properties = Mapping[str, object]
Check = Callable[[Properties], Iterator[str]]

MODEL = "AWS::SageMaker::Model"
ENDPOINT_CONFIG = "AWS::SageMaker::EndpointConfig"
ENDPOINT = "AWS::SageMaker::Endpoint"
COMPONENT = "AWS::SageMaker::InferenceComponent"
FUNCTION = "AWS::Lambda::Function"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the pack.

    `check` takes the properties of a resource of one of `kinds`, as they stand in the template, and yields the path of each
    property that breaks the rule (`PrimaryContainer.Image`). `reason` and `fix` are one sentence each.
    """

    id: str
    kinds: tuple[str, ...]
    reason: str
    fix: str
    check: Check


def mapping(value: object) -> Mapping[str, object]:
    """Return a mapping as it is, anything else as an empty one."""
    return value if isinstance(value, Mapping) else {}


def entries(value: object) -> list[Mapping[str, object]]:
    """Return the mappings in a list; anything else is an empty one."""
    return [mapping(entry) for entry in value] if isinstance(value, list) else []


def containers(model: Properties) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Yield every container of a model with its path."""
    if "PrimaryContainer" in model:
        yield "PrimaryContainer", mapping(model["PrimaryContainer"])
    for index, container in enumerate(entries(model.get("Containers"))):
        yield f"Containers[{index}]", container


def variables(properties: Properties) -> Iterator[tuple[str, str, object]]:
    """Yield path, name and value of every environment variable of a model's containers, or of a function."""
    function = mapping(mapping(properties.get("Environment")).get("Variables"))
    for name, value in function.items():
        yield f"Environment.Variables.{name}", name, value
    for path, container in containers(properties):
        for name, value in mapping(container.get("Environment")).items():
            yield f"{path}.Environment.{name}", name, value


def ending(value: object) -> str | None:
    """Return the literal text that a value ends in, or None when its end is known at deployment alone."""
    match value:
        case str():
            return value
        case {"Fn::Join": [str(separator), [*parts]]} if parts and all(isinstance(part, str) for part in parts[-1:]):
            return separator.join(part if isinstance(part, str) else "" for part in parts)
        case {"Fn::Sub": str(text)}:
            return None if text.endswith("}") else text
        case _:
            return None


def is_true(value: object) -> bool:
    """Whether a property is true, however it is written."""
    return value is True or (isinstance(value, str) and value.strip().lower() in ("true", "1", "yes", "on"))
