"""Run one command: every expected error becomes one line on stderr and an exit status, never a traceback."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import typer

from weighbridge.cli.app import app
from weighbridge.errors import InputError, WeighbridgeError

INTERRUPTED = 130

# typer brings its own copy of click; its public BadParameter is the only way to the base of all usage errors.
_USAGE_ERROR = typer.BadParameter.__mro__[1]


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return the exit status (see weighbridge.errors)."""
    as_json = "--json" in arguments
    _open_streams()
    try:
        result = typer.main.get_command(app).main(args=list(arguments), prog_name="weighbridge", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except WeighbridgeError as error:
        return _fail(error, as_json=as_json)
    except (KeyboardInterrupt, typer.Abort):
        return _fail(WeighbridgeError("interrupted", rule="interrupted"), as_json=as_json, status=INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _fail(InputError(f"{where}{error.strerror or error}", rule="input.file"), as_json=as_json)
    except Exception as error:
        if not isinstance(error, _USAGE_ERROR):
            raise
        words = getattr(error, "format_message", error.__str__)()
        if not words:
            return InputError.exit_code
        return _fail(InputError(f"{words} (see --help)", rule="input.usage"), as_json=as_json)


def _open_streams() -> None:
    """Python leaves a stream that was closed before the start at None (`>&-`): what is said there goes nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115


def _fail(error: WeighbridgeError, *, as_json: bool, status: int | None = None) -> int:
    code = error.exit_code if status is None else status
    if as_json:
        print(json.dumps({"error": {"rule": error.rule, "message": str(error), "exit_code": code}}))  # noqa: T201
    print(f"weighbridge: {error}", file=sys.stderr)  # noqa: T201
    return code
