"""The demo's telling: numbered steps with what each one proved, and a table at the end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.markup import escape
from rich.table import Table


class DemoError(Exception):
    """An outcome of the demo is not what it must be; the message says which."""


def require(condition: object, message: str) -> None:
    """Raise DemoError unless `condition` holds: every step is judged by its outcome."""
    if not condition:
        raise DemoError(message)


@dataclass(slots=True)
class Step:
    """One step of the story and what was seen in it."""

    number: int
    title: str
    proofs: list[str] = field(default_factory=list)
    seconds: float = 0.0
    passed: bool = False

    def proved(self, text: str) -> None:
        """Note one outcome that was checked."""
        self.proofs.append(text)


class Story:
    """Prints steps as they happen and the summary at the end. `total` is the number of steps that are planned."""

    def __init__(self, *, console: Console, total: int) -> None:
        self._console = console
        self._total = total
        self.steps: list[Step] = []

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Run one step; its proofs are printed when it has passed."""
        step = Step(number=len(self.steps) + 1, title=title)
        self.steps.append(step)
        self._console.print(f"[bold][{step.number}/{self._total}][/bold] {escape(title)}", highlight=False)
        began = time.monotonic()
        try:
            yield step
            step.passed = True
        finally:
            step.seconds = time.monotonic() - began
            mark = "[green]ok[/green]" if step.passed else "[red]failed[/red]"
            for proof in step.proofs:
                self._console.print(f"      {escape(proof)}", highlight=False, soft_wrap=True)
            self._console.print(f"      {mark} in {step.seconds:.1f} s", highlight=False)

    def note(self, text: str) -> None:
        """Print a line of progress inside a step."""
        self._console.print(f"      [dim]{escape(text)}[/dim]", highlight=False, soft_wrap=True)

    def summary(self, *, where_next: tuple[str, ...]) -> None:
        """Print the table of steps and where to look next."""
        table = Table(title="What was proven", show_lines=True, title_justify="left")
        table.add_column("step")
        table.add_column("outcome", overflow="fold")
        table.add_column("s", justify="right")
        for step in self.steps:
            state = "" if step.passed else "[red]failed[/red]\n"
            table.add_row(escape(step.title), state + escape("\n".join(step.proofs)), f"{step.seconds:.1f}")
        self._console.print(table)
        self._console.print("Where to look next:", highlight=False)
        for line in where_next:
            self._console.print(f"  {escape(line)}", highlight=False, soft_wrap=True)
