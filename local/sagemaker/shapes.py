"""Reading AWS requests: JSON objects with the field names of the SageMaker API, checked as AWS checks them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from local.sagemaker.errors import AwsError

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]
JsonObject = dict[str, Json]
Request = Mapping[str, Json]

# botocore's service model: EntityName.
NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")


def check_fields(request: Request, *, known: frozenset[str], where: str) -> None:
    """Refuse what this SageMaker does not do, so that nothing that was asked for is silently left out."""
    for field in sorted(set(request) - known):
        raise AwsError.validation(f"{where}.{field}: the local SageMaker does not do this: leave it out")


def required(request: Request, field: str) -> Json:
    """Return a field that must be there."""
    value = request.get(field)
    if value is None:
        raise AwsError.validation(f"1 validation error detected: Value null at '{field}' failed to satisfy constraint: Member must not be null")  # fmt: skip
    return value


def text(request: Request, field: str) -> str:
    """Return a string that must be there."""
    value = required(request, field)
    if not isinstance(value, str) or not value:
        raise _wrong(field, value, "a string")
    return value


def name(request: Request, field: str) -> str:
    """Return a resource name that must be there."""
    value = text(request, field)
    if not NAME.fullmatch(value):
        raise AwsError.validation(
            f"1 validation error detected: Value '{value}' at '{field}' failed to satisfy constraint: Member must satisfy "
            f"regular expression pattern: ^[a-zA-Z0-9](-*[a-zA-Z0-9]){{0,62}}"
        )
    return value


def optional_text(request: Request, field: str) -> str | None:
    """Return a string or None."""
    return None if request.get(field) is None else text(request, field)


def whole(request: Request, field: str, *, least: int, most: int, default: int | None = None) -> int:
    """Return a whole number. CloudFormation hands numbers over as text, so text is taken, too."""
    value = request.get(field, default)
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise _wrong(field, value, f"a whole number from {least} to {most}")
    return value


def number(request: Request, field: str, *, default: float) -> float:
    """Return a number that is not negative."""
    value = request.get(field, default)
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError as error:
            raise _wrong(field, value, "a number") from error
    if not isinstance(value, int | float) or isinstance(value, bool) or value < 0:
        raise _wrong(field, value, "a number that is not negative")
    return float(value)


def flag(request: Request, field: str) -> bool:
    """Return a boolean, False when it is not there; CloudFormation may hand it over as text."""
    value = request.get(field, False)
    if value in ("true", "false"):
        value = value == "true"
    if not isinstance(value, bool):
        raise _wrong(field, value, "true or false")
    return value


def mapping(request: Request, field: str) -> Request:
    """Return an object, empty when it is not there."""
    value = request.get(field)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise _wrong(field, value, "an object")
    return value


def objects(request: Request, field: str) -> tuple[Request, ...]:
    """Return a list of objects, empty when it is not there."""
    value = request.get(field)
    if value is None:
        return ()
    if not isinstance(value, list | tuple) or not all(isinstance(entry, Mapping) for entry in value):
        raise _wrong(field, value, "a list of objects")
    return tuple(entry for entry in value if isinstance(entry, Mapping))


def texts(request: Request, field: str, *, most: int, longest: int) -> dict[str, str]:
    """Return a map of at most `most` strings with at most `longest` characters each, empty when it is not there."""
    found: dict[str, str] = {}
    for key, value in mapping(request, field).items():
        if not isinstance(value, str):
            raise _wrong(f"{field}.{key}", value, "a string")
        if len(value) > longest:
            raise _wrong(f"{field}.{key}", value, f"a string of at most {longest} characters")
        found[key] = value
    if len(found) > most:
        raise AwsError.validation(f"{field}: {len(found)} entries, at most {most} are taken")
    return found


def tags(request: Request) -> dict[str, str]:
    """Return the request's tags."""
    return {text(entry, "Key"): str(entry.get("Value", "")) for entry in objects(request, "Tags")}


def _wrong(field: str, value: Json, wanted: str) -> AwsError:
    return AwsError.validation(
        f"1 validation error detected: Value '{value}' at '{field}' failed to satisfy constraint: Member must be {wanted}"
    )
