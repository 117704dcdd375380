"""Run the whole way on the local twin: `make demo`.

Usage: .venv/bin/python -m local.demo [--folder FOLDER] [--record PAGE]
Exit status: 0 when every outcome was as it must be, 1 when one was not, 2 when the demo cannot run.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from rich.console import Console

from local.demo.chapters import TITLES, tell
from local.demo.record import record
from local.demo.story import DemoError, Story
from local.demo.world import open_world
from local.process import ROOT, ServerError

DEFAULT_FOLDER = ROOT / ".build" / "demo"
WIDTH = 120


def main() -> int:
    """Tell the story in a fresh folder."""
    parser = argparse.ArgumentParser(prog="python -m local.demo", description="Run the whole way on the local twin.")
    parser.add_argument("--folder", type=Path, default=DEFAULT_FOLDER, help="for everything that the demo writes")
    parser.add_argument(
        "--record", type=Path, metavar="PAGE", help="keep the output in this page, such as docs/demo.md"
    )
    arguments = parser.parse_args()
    folder: Path = arguments.folder.resolve()
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    signal.signal(signal.SIGTERM, _interrupt)
    story = Story(console=console, total=len(TITLES))
    try:
        with _alone(folder), open_world(folder / "state") as world:
            tell(world, story)
        if arguments.record is not None:
            record(arguments.record, steps=story.steps, folder=folder)
        story.summary(where_next=_where_next(folder))
    except (DemoError, ServerError) as error:
        console.print(f"demo: {error}", style="red", markup=False, highlight=False)
        console.print(f"what was written lies in {os.path.relpath(folder)}", highlight=False)
        return 1
    except KeyboardInterrupt:
        console.print("demo: interrupted; every process that it started was ended", markup=False)
        return 130
    return 0


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder for one demo at a time, and begin with nothing in it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DemoError(f"another demo runs in {os.path.relpath(folder)}: wait for it, or give --folder") from error
        shutil.rmtree(folder / "state", ignore_errors=True)
        yield


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _where_next(folder: Path) -> tuple[str, ...]:
    state = os.path.relpath(folder / "state")
    return (
        f"{state}/environments/*.yaml     the settings that were deployed; docs/settings.md explains each key",
        f"{state}/cdk/*.log               what the CDK CLI printed",
        f"{state}/aws/                    logs of the local AWS, folders of the containers",
        f"{state}/registry/registry.log   the registry",
        "make synth ENV=prod              the templates of your own environments",
        "docs/trust.md                    who can say what, and who checks it",
    )


if __name__ == "__main__":
    sys.exit(main())
