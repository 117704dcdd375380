"""Keep what a run printed in a page of the documentation, between two markers."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from pathlib import Path

from local.demo.story import DemoError, Step
from local.process import ROOT

BEGIN = "<!-- recorded by the demo: begin -->"
END = "<!-- recorded by the demo: end -->"
WIDTH = 116
_INDENT = "      "
_BETWEEN = re.compile(f"(?<={re.escape(BEGIN)}\n).*?(?={re.escape(END)})", re.DOTALL)


def transcript(steps: Sequence[Step]) -> str:
    """Return steps and proofs as text, wrapped at `WIDTH` characters."""
    lines = []
    for step in steps:
        lines.append(f"[{step.number}/{len(steps)}] {step.title}")
        for proof in step.proofs:
            lines += textwrap.wrap(
                proof, WIDTH, initial_indent=_INDENT, subsequent_indent=f"{_INDENT}  ", break_on_hyphens=False
            )
        lines.append(f"{_INDENT}{'ok' if step.passed else 'failed'} in {step.seconds:.1f} s")
    return "\n".join(lines) + "\n"


def record(page: Path, *, steps: Sequence[Step], folder: Path) -> None:
    """Replace what stands between the markers of `page` by this run's transcript.

    Raises:
        DemoError: the page lacks the markers, or the transcript names a folder of this machine.
    """
    text = transcript(steps)
    places = [place for place in (ROOT, folder.resolve(), Path.home()) if str(place) in text]
    if places:
        raise DemoError(f"a step's proof names a folder of this machine, {page.name} was left as it is")
    old = page.read_text(encoding="utf-8")
    if len(_BETWEEN.findall(old)) != 1:
        raise DemoError(f"{page.name}: must hold the line {BEGIN!r} once, and {END!r} after it")
    page.write_text(_BETWEEN.sub(lambda _: f"```text\n{text}```\n", old), encoding="utf-8")
