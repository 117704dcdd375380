"""The weighbridge commands in the shell blocks of a page, and how to run them as printed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from tests.integration.cli.cli_world import IMAGE, Outcome, World

DOCS = Path(__file__).resolve().parents[3] / "docs"
USERS = {"upload": "scientist", "register": "registrar", "inspect": "inspector"}


def commands_of(page: str, heading: str | None = None) -> list[list[str]]:
    """Return the words of each command, in order, of a page or of what stands under one of its headings."""
    text = (DOCS / page).read_text(encoding="utf-8")
    if heading is not None:
        text = re.split(rf"^##+ {re.escape(heading)}$", text, flags=re.MULTILINE)[1]
        text = re.split(r"^##+ ", text, flags=re.MULTILINE)[0]
    blocks = re.findall(r"^```(?:bash|console)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [shlex.split(line)[1:] for line in lines if line.startswith("weighbridge ")]


def run_words(
    world: World, words: list[str], *, values: Mapping[str, str], statuses: tuple[int, ...] = (0,)
) -> Outcome:
    """Run one command as the identity whose work it is, with the page's placeholders filled in.

    Nothing is told to AWS: `promote` gets --no-parameter. What is sent to a file with `>` is written there.
    """
    known = {"HOST/inference@sha256:DIGEST": IMAGE, **values}
    chosen = [known.get(word, word) for word in words]
    assert not [word for word in chosen if word.startswith("/")], "a page's command must stay in the test's folder"
    target = None
    if ">" in chosen:
        chosen, target = chosen[: chosen.index(">")], chosen[-1]
    if chosen[0] == "promote" and "--dry-run" not in chosen:
        chosen.append("--no-parameter")
    run = world.hub if chosen[0] == "upload" else world.cli
    done = run(*chosen, user=USERS.get(chosen[0], "promoter"))
    assert done.status in statuses, f"weighbridge {' '.join(chosen)}: {done.err or done.out}"
    if target is not None:
        (world.folder / target).write_text(done.out, encoding="utf-8")
    return done
