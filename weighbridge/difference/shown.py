"""How a difference reads: as JSON, as lines for people, and as Markdown for a pull request.

Names and values come from training jobs too: what is no printable character is shown as `?`, and in Markdown every value
is code, so that nothing of it is a link, a mention or a tag.
"""

from __future__ import annotations

from collections.abc import Iterator

from weighbridge.canonical import Json, JsonObject
from weighbridge.difference.compare import Change
from weighbridge.difference.models import DifferenceReport, ModelDifference
from weighbridge.difference.side import Side
from weighbridge.trust.times import format_time

# A pull request's comment holds 65,536 characters; an adapter's bill may list thousands of packages.
CHANGES_LIMIT = 120
LIST_LIMIT = 40
VALUE_LIMIT = 200


def json_of(report: DifferenceReport) -> JsonObject:
    """Return everything as one object."""
    return {
        "environment": report.environment,
        "models": [
            {
                "model": item.model,
                "changed": item.is_changed,
                "refused": item.is_refused,
                "before": _side(item.before),
                "after": _side(item.after),
                "changes": [_change(each) for each in item.changes],
                "notes": list(item.notes),
            }
            for item in report.models
        ],
        "failures": list(report.failures),
    }


def _side(side: Side | None) -> Json:
    if side is None:
        return None
    promotion = side.promotion
    return {
        "release_id": str(side.release_id),
        "version": None if promotion is None else promotion.version,
        "release": None if promotion is None else str(promotion.release),
        "promoted_at": None if promotion is None else format_time(promotion.promoted_at),
        "promoted_by": None if promotion is None else promotion.promoted_by,
        "reason": None if promotion is None else promotion.reason,
        "refusal": side.refusal,
    }


def _change(item: Change) -> JsonObject:
    found: dict[str, Json] = {"field": item.field, "before": item.before, "after": item.after, "claimed": item.claimed}
    if item.added or item.removed:
        found |= {"added": list(item.added), "removed": list(item.removed)}
    return found


def lines_of(report: DifferenceReport) -> Iterator[str]:
    """Yield lines for people."""
    for item in report.models:
        yield _plain(_headline(item))
        for each in item.changes[:CHANGES_LIMIT]:
            yield from _change_lines(each)
        yield from (f"  {line}" for line in _rest(item))
        for note in item.notes:
            yield f"  note: {_plain(note)}"
    yield _summary(report)


def _change_lines(item: Change) -> Iterator[str]:
    label = f"  {_label(item)}:"
    if isinstance(item.before, list) or isinstance(item.after, list):
        yield label
        yield from (f"    - {_plain(_text(each))}" for each in _short(item.removed))
        yield from (f"    + {_plain(_text(each))}" for each in _short(item.added))
    else:
        yield f"{label} {_plain(_text(item.before))} -> {_plain(_text(item.after))}{_delta(item)}"


def markdown_of(report: DifferenceReport) -> str:
    """Return a comment for a pull request."""
    return "\n".join(_markdown(report)) + "\n"


def _markdown(report: DifferenceReport) -> Iterator[str]:
    yield f"### weighbridge: models of {_code(report.environment)}"
    yield ""
    yield _summary(report)
    for item in report.models:
        if not item.is_changed and not item.notes:
            continue
        yield ""
        yield f"#### {_code(item.model)}: {_code(_movement(item))}"
        if item.changes:
            yield ""
            yield "| field | now | next |"
            yield "|---|---|---|"
            yield from (_row(each) for each in item.changes[:CHANGES_LIMIT])
            yield from (f"| {line} | | |" for line in _rest(item))
        if item.notes:
            yield ""
            yield from (f"- {_code(note)}" for note in item.notes)
    if report.failures:
        yield ""
        yield "Could not be looked at:"
        yield ""
        yield from (f"- {_code(line)}" for line in report.failures)


def _rest(item: ModelDifference) -> tuple[str, ...]:
    rest = len(item.changes) - CHANGES_LIMIT
    return (f"and {rest} more (--json lists all)",) if rest > 0 else ()


def _row(item: Change) -> str:
    if isinstance(item.before, list) or isinstance(item.after, list):
        before = "<br>".join(f"- {_code(_text(each))}" for each in _short(item.removed)) or " "
        after = "<br>".join(f"+ {_code(_text(each))}" for each in _short(item.added)) or " "
        return f"| {_code(_label(item))} | {before} | {after} |"
    return f"| {_code(_label(item))} | {_code(_text(item.before))} | {_code(_text(item.after) + _delta(item))} |"


def _summary(report: DifferenceReport) -> str:
    changed, refused = len(report.changed), sum(item.is_refused for item in report.models)
    words = f"{changed} of {len(report.models)} models would change on the next deployment"
    if refused:
        words += f", {refused} of them would be refused"
    if report.failures:
        words += f"; {len(report.failures)} could not be looked at"
    return words


def _headline(item: ModelDifference) -> str:
    return f"{item.model}: {_movement(item)}"


def _movement(item: ModelDifference) -> str:
    before = "nothing runs" if item.before is None else item.before.title
    if item.after is None or not item.is_changed:
        return f"{before}, stays"
    return f"{before} -> {item.after.title}"


def _label(item: Change) -> str:
    return f"{item.field.replace('_', ' ')}{' (claimed)' if item.claimed else ''}"


def _delta(item: Change) -> str:
    """Return how much a size or a metric grew, in brackets."""
    if isinstance(item.before, int) and isinstance(item.after, int):
        return f" ({item.after - item.before:+,})"
    if not item.field.startswith("metrics.") or not isinstance(item.before, str) or not isinstance(item.after, str):
        return ""
    try:
        return f" ({float(item.after) - float(item.before):+.4g})"
    except ValueError:
        return ""


def _short(values: tuple[Json, ...]) -> tuple[Json, ...]:
    if len(values) <= LIST_LIMIT:
        return values
    return (*values[: LIST_LIMIT - 1], f"and {len(values) - LIST_LIMIT + 1} more (--json lists all)")


def _text(value: Json) -> str:
    if value is None:
        return "none"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _plain(text: str) -> str:
    shown = "".join(letter if letter.isprintable() else "?" for letter in text)
    return shown if len(shown) <= VALUE_LIMIT else f"{shown[: VALUE_LIMIT - 3]}..."


def _code(text: str) -> str:
    # Inside a table a bar ends the cell even in code; a backtick would end the code.
    return f"`{_plain(text).replace('`', chr(39)).replace('|', chr(92) + '|')}`"
