"""The part of the Artifactory Query Language that is worth having: items.find(...).include().sort().offset().limit()."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import translate

from local.registry.errors import RefusalError
from local.registry.items import Item, Properties
from local.registry.jsontypes import Json

FIELDS = (
    "repo", "path", "name", "type", "size", "created", "created_by", "modified", "modified_by", "updated",
    "sha256", "actual_sha1", "actual_md5",
)  # fmt: skip
DEFAULT = FIELDS[:10]
NEEDED = ("repo", "path", "name")
QUERY_LIMIT = 6000
_CALL = re.compile(r"\s*\.\s*(include|sort|offset|limit)\s*\(")
_COMPARE: dict[str, Callable[[str, str], bool]] = {
    "$eq": lambda found, wanted: found == wanted,
    "$ne": lambda found, wanted: found != wanted,
    "$match": lambda found, wanted: _wildcards(wanted).match(found) is not None,
    "$nmatch": lambda found, wanted: _wildcards(wanted).match(found) is None,
}
OPERATORS = (*_COMPARE, "$gt", "$gte", "$lt", "$lte")


@dataclass(frozen=True, slots=True)
class Row:
    """One file as the language sees it."""

    fields: Mapping[str, str | int]
    properties: Properties

    def values(self, name: str) -> tuple[str, ...]:
        """The values of a field or of a property `@name`."""
        if name.startswith("@"):
            return self.properties.get(name[1:], ())
        return (str(self.fields[name]),)


@dataclass(frozen=True, slots=True)
class Query:
    """One parsed query. `include` is None where the query has none."""

    criteria: Mapping[str, Json]
    include: tuple[str, ...] | None
    sort: tuple[str, tuple[str, ...]] | None
    offset: int
    limit: int | None

    @property
    def outputs(self) -> tuple[str, ...]:
        """The fields of an answer's rows."""
        return self.include or DEFAULT

    @property
    def with_properties(self) -> bool:
        """Whether rows carry properties."""
        return any(name == "property" or name.startswith("@") for name in self.outputs)


def row_of(item: Item, properties: Properties) -> Row:
    """One file as the language sees it; at the root of a repository `path` is "."."""
    fields: dict[str, str | int] = {
        "repo": item.repository, "path": item.parent or ".", "name": item.name, "type": "file", "size": item.size,
        "created": item.created, "created_by": item.created_by, "modified": item.modified,
        "modified_by": item.modified_by, "updated": item.modified, "sha256": item.sha256,
        "actual_sha1": item.sha1, "actual_md5": item.md5,
    }  # fmt: skip
    return Row(fields=fields, properties=properties)


def parse_query(text: str, *, admin: bool) -> Query:
    """Read a query.

    Raises:
        RefusalError: 400, also where somebody who is no admin includes fields without repo, path and name, and where
            rows with properties are to be sorted or limited.
    """
    if len(text) > QUERY_LIMIT:
        raise _refuse(f"the query is longer than {QUERY_LIMIT} characters")
    opening = re.match(r"\s*items\s*\.\s*find\s*\(", text)
    if opening is None:
        raise _refuse("only items.find(...) is known")
    arguments, place = _arguments(text, opening.end())
    criteria = arguments[0] if arguments else {}
    if not isinstance(criteria, Mapping):
        raise _refuse("find takes one object")
    include: tuple[str, ...] | None = None
    sort: tuple[str, tuple[str, ...]] | None = None
    numbers: dict[str, int] = {}
    while call := _CALL.match(text, place):
        arguments, place = _arguments(text, call.end())
        if call.group(1) == "include":
            include = tuple(str(name) for name in arguments)
        elif call.group(1) == "sort":
            sort = _sort(arguments)
        else:
            numbers[call.group(1)] = _number(arguments)
    if text[place:].strip():
        raise _refuse(f"unexpected text at {text[place:].strip()[:20]!r}")
    query = Query(criteria, include, sort, numbers.get("offset", 0), numbers.get("limit"))
    _check(query, admin=admin)
    return query


def matches(row: Row, criteria: Mapping[str, Json]) -> bool:
    """Whether a file fulfils every criterion; `check_criteria` has let them pass."""
    return all(_criterion(row, name, value) for name, value in criteria.items())


def check_criteria(criteria: Mapping[str, Json]) -> None:
    """Refuse unknown fields and operators, also where no file would meet them.

    Raises:
        RefusalError: 400.
    """
    for name, value in criteria.items():
        if name in ("$and", "$or"):
            if not isinstance(value, list) or not all(isinstance(part, Mapping) for part in value):
                raise _refuse(f"{name} takes a list of objects")
            for part in value:
                check_criteria(part if isinstance(part, Mapping) else {})
            continue
        if name not in FIELDS and not name.startswith("@"):
            raise _refuse(f"unknown field '{name}'")
        unknown = [key for key in (value if isinstance(value, Mapping) else ()) if key not in OPERATORS]
        if unknown:
            raise _refuse(f"unknown operator '{unknown[0]}'")


def _criterion(row: Row, name: str, value: Json) -> bool:
    if name in ("$and", "$or"):
        parts = value if isinstance(value, list) else []
        found = [matches(row, part) for part in parts if isinstance(part, Mapping)]
        return all(found) if name == "$and" else any(found)
    if name == "type" and value in ("file", "any"):
        return True
    tests = value.items() if isinstance(value, Mapping) else [("$eq", value)]
    return all(_compare(row, name, operator, wanted) for operator, wanted in tests)


def _compare(row: Row, name: str, operator: str, wanted: Json) -> bool:
    values = row.values(name)
    if operator in ("$gt", "$gte", "$lt", "$lte"):
        return any(_ordered(value, operator, str(wanted), number=name == "size") for value in values)
    compare = _COMPARE[operator]
    if operator in ("$ne", "$nmatch"):
        return all(compare(value, str(wanted)) for value in values)
    return any(compare(value, str(wanted)) for value in values)


def _ordered(found: str, operator: str, wanted: str, *, number: bool) -> bool:
    left, right = (int(found), int(wanted)) if number else (0, 0)
    below = left < right if number else found < wanted
    equal = left == right if number else found == wanted
    return {"$lt": below, "$lte": below or equal, "$gt": not below and not equal, "$gte": not below}[operator]


def _wildcards(pattern: str) -> re.Pattern[str]:
    # Artifactory knows * and ? alone; a bracket is a plain character.
    return re.compile(translate(pattern.replace("[", "[[]")))


def _arguments(text: str, place: int) -> tuple[list[Json], int]:
    """The JSON values up to the closing parenthesis, and the place behind it."""
    decoder = json.JSONDecoder()
    found: list[Json] = []
    while True:
        while place < len(text) and text[place] in " \t\r\n,":
            place += 1
        if text[place : place + 1] == ")":
            return found, place + 1
        try:
            value, place = decoder.raw_decode(text, place)
        except ValueError as error:
            raise _refuse(f"not JSON at {text[place : place + 20]!r}") from error
        found.append(value)


def _sort(arguments: list[Json]) -> tuple[str, tuple[str, ...]]:
    value = arguments[0] if arguments else None
    if isinstance(value, Mapping) and len(value) == 1:
        order, names = next(iter(value.items()))
        if order in ("$asc", "$desc") and isinstance(names, list):
            return order, tuple(str(name) for name in names)
    raise _refuse('sort takes {"$asc": [...]} or {"$desc": [...]}')


def _number(arguments: list[Json]) -> int:
    if len(arguments) != 1 or not isinstance(arguments[0], int) or arguments[0] < 0:
        raise _refuse("offset and limit take one whole number")
    return arguments[0]


def _check(query: Query, *, admin: bool) -> None:
    check_criteria(query.criteria)
    for name in query.include or ():
        if name not in (*FIELDS, "property", "*") and not name.startswith("@"):
            raise _refuse(f"unknown field '{name}'")
    if query.include is not None and not admin and not set(NEEDED) <= set(query.include):
        raise _refuse("For permissions reasons AQL demands the following fields: repo, path and name.")
    if query.with_properties and (query.sort or query.limit is not None or query.offset):
        raise _refuse("sort, offset and limit do not work when properties are included")
    if query.sort and not set(query.sort[1]) <= set(query.outputs):
        raise _refuse("only fields of the answer can be sorted by")


def _refuse(message: str) -> RefusalError:
    return RefusalError(400, f"Failed to parse query: {message}")
