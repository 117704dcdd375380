"""The command `weighbridge`. docs/cli.md lists the commands, their exit codes and their environment variables."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and end the process with its exit status."""
    from weighbridge.cli.run import run

    sys.exit(run(list(sys.argv[1:] if arguments is None else arguments)))
