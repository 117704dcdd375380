"""Pass the tests: lint, types, unit and template tests, those with servers, contract and client tests, SDK, the twin.

Each step is a command of its own; a process that outlives its step is a failure.
Usage: .venv/bin/python tools/test.py [STEP...]
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"
PYTEST = (str(BIN / "python"), "-m", "pytest", "-q")
# Two workers, each with whole files: fixtures of a module or a session are then made once a worker at most.
TWO = ("-n", "2", "--dist", "loadfile")


# Each session has a local AWS of its own, in which every environment's stacks are created once.
TWIN = (
    ("approvals_twin", "guard_twin", "pipeline_twin", "registrar_twin", "training_twin", "twin_token_rotation"),
    ("images_twin", "keeper_twin", "ledger_twin", "twin_doctor", "twin_foundations", "twin_rollouts"),
)


def _twin(names: tuple[str, ...]) -> list[str]:
    return [f"tests/twin/test_{name}.py" for name in names]


@dataclass(frozen=True, slots=True)
class Step:
    """One step: `budget` is what the step should take on two cores, in seconds; it is printed, never asserted."""

    name: str
    what: str
    commands: tuple[tuple[str, ...], ...]
    budget: int | None = None


STEPS = (
    Step("lint", "ruff", ((str(BIN / "ruff"), "check", "."), (str(BIN / "ruff"), "format", "--check", "--quiet", "."))),
    Step("types", "mypy --strict", ((str(BIN / "mypy"),),)),
    Step("unit", "unit and template tests", ((*PYTEST, *TWO, "tests/unit", "tests/templates"),), budget=90),
    Step(
        "integration",
        "command line, functions, pull, local SageMaker: with servers and processes",
        ((*PYTEST, *TWO, "tests/integration"),),
    ),
    Step("attacks", "the attacker's tour", ((*PYTEST, *TWO, "tests/attacks"),), budget=60),
    Step("contract", "registry contract and real clients", ((*PYTEST, "tests/contract", "tests/clients"),)),
    Step("sdk", "the SageMaker SDK v3, and the notebook", ((*PYTEST, "tests/sdk"),)),
    Step("twin", "the twin: real CDK CLI, Lambdas, containers", tuple((*PYTEST, *_twin(names)) for names in TWIN)),
)


def adopt_orphans() -> None:
    """Become the parent of every process that a step leaves behind, so that it is seen (Linux: prctl(2), option 36)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)


def survivors() -> list[int]:
    """Return the children that are still alive (Linux: /proc; elsewhere nothing is seen)."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == os.getpid() and fields[0] != "Z":
            found.append(int(entry.name))
    return found


def run_step(step: Step) -> tuple[bool, float, str]:
    """Run a step's commands; return success, seconds and a remark."""
    began = time.monotonic()
    environment = {**os.environ, "CDK_VALIDATION": "false", "PYTHONDONTWRITEBYTECODE": ""}
    for command in step.commands:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
        try:
            status = process.wait()
        except KeyboardInterrupt:
            os.killpg(process.pid, signal.SIGTERM)
            raise
        left = survivors()
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        if status != 0:
            return False, time.monotonic() - began, f"exit status {status}"
        if left:
            return False, time.monotonic() - began, f"left {len(left)} processes behind"
    seconds = time.monotonic() - began
    return True, seconds, "" if step.budget is None else f"budget {step.budget} s"


def main() -> int:
    chosen = set(sys.argv[1:])
    unknown = chosen - {step.name for step in STEPS}
    if unknown:
        print(
            f"unknown step {', '.join(sorted(unknown))}: choose from {', '.join(s.name for s in STEPS)}",
            file=sys.stderr,
        )
        return 2
    steps = [step for step in STEPS if not chosen or step.name in chosen]
    adopt_orphans()
    rows: list[tuple[str, bool, float, str]] = []
    for number, step in enumerate(steps, start=1):
        print(f"\n[{number}/{len(steps)}] {step.what}", flush=True)
        passed, seconds, remark = run_step(step)
        rows.append((step.what, passed, seconds, remark))
    print("\nmake test")
    for what, passed, seconds, remark in rows:
        print(f"  {'passed' if passed else 'FAILED'}  {seconds:6.1f} s  {what}{'  (' + remark + ')' if remark else ''}")
    failed = sum(not passed for _, passed, _, _ in rows)
    print(f"steps: {len(rows) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
