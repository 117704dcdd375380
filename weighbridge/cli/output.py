"""What a command prints: one JSON object, or lines for people. Progress goes to a terminal's stderr alone."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from weighbridge.canonical import Json

Advance = Callable[[int], None]


def print_result(result: Mapping[str, Json], *, as_json: bool, lines: Mapping[str, object] | None = None) -> None:
    """Print `result`: as one JSON object, or as `label  value` lines (`lines` where people should see other words)."""
    if as_json:
        print(json.dumps(result, ensure_ascii=False))  # noqa: T201
        return
    shown = {label.replace("_", " "): _words(value) for label, value in (lines or result).items()}
    width = max((len(label) for label in shown), default=0)
    for label, value in shown.items():
        first, *rest = value.split("\n")
        print(f"{label:<{width}}  {first}")  # noqa: T201
        for line in rest:
            print(f"{'':<{width}}  {line}")  # noqa: T201


def print_warnings(warnings: tuple[str, ...]) -> None:
    """Print what went wrong without any consequence, on stderr."""
    for warning in warnings:
        print(f"weighbridge: warning: {warning}", file=sys.stderr)  # noqa: T201


@contextmanager
def progress_bar(title: str, *, total: int | None = None) -> Iterator[Advance]:
    """Show a bar over bytes while the block runs, if stderr is a terminal; `total` is in bytes, None while unknown."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=total)
        yield lambda size: bar.update(task, advance=size)


def _words(value: object) -> str:
    if value is None or value in ((), [], {}):
        return "-"
    if isinstance(value, Mapping):
        return "\n".join(f"{key} = {_words(child)}" for key, child in value.items())
    if isinstance(value, list | tuple):
        return "\n".join(_words(child) for child in value)
    return "yes" if value is True else "no" if value is False else str(value)
