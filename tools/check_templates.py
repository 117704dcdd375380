"""Check the templates of all environments: two synths byte for byte alike, cfn-lint, cdk-nag, the checks, CloudFormation's rules.

Usage: .venv/bin/python tools/check_templates.py
"""

from __future__ import annotations

import filecmp
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "constructs")]
# jsii frames a banner about Node.js 20, which the CDK CLI still runs on, that would drown the result.
os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")

from tools.synthesis import Synthesis, synthesize  # noqa: E402
from weighbridge.errors import InputError  # noqa: E402

# W3005: the CDK writes DependsOn beside references; redundant, never wrong.
# W3010: availability zones are settings, written out so that synth looks nothing up.
CFN_LINT = ("--non-zero-exit-code", "informational", "--ignore-checks", "W3005", "W3010", "--format", "parseable")


def differences(first: Path, second: Path) -> list[str]:
    """Return what differs between two folders, by relative path; the report of the validated synth is left out."""
    names = {path.relative_to(folder) for folder in (first, second) for path in folder.rglob("*") if path.is_file()}
    names.discard(Path("validation-report.json"))
    return [
        f"{name}: differs between two synths"
        for name in sorted(names)
        if not ((first / name).is_file() and (second / name).is_file())
        or not filecmp.cmp(first / name, second / name, shallow=False)
    ]


def synthesize_apart(outdir: Path) -> list[str]:
    """Synthesize as the CDK CLI does, in a process with other hash seeds; return what it said if it failed."""
    context = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    variables = {
        "CDK_OUTDIR": str(outdir),
        "CDK_CONTEXT_JSON": json.dumps(context),
        "CDK_VALIDATION": "false",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'constructs'}",
        "PYTHONHASHSEED": "4711",
    }
    done = subprocess.run(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    return (done.stdout + done.stderr).strip().splitlines() if done.returncode else []


def findings(outdir: Path) -> list[str]:
    """Return what the validation plugins report, a line for each construct."""
    report = json.loads((outdir / "validation-report.json").read_text(encoding="utf-8"))
    return [
        f"{violation['ruleName']}: {occurrence.get('constructPath', '?')}: {violation['description']}"
        for plugin in report["pluginReports"]
        for violation in plugin["violations"]
        for occurrence in violation.get("violatingConstructs", [{}])
    ]


def lint(synthesis: Synthesis) -> list[str]:
    """Return cfn-lint's lines."""
    program = Path(sys.executable).with_name("cfn-lint")
    command = [str(program), *CFN_LINT, "--", *map(str, synthesis.templates().values())]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines or (["cfn-lint failed without a word"] if done.returncode else [])


def report(what: str, check: Callable[[], list[str]]) -> bool:
    """Run one check and print its result."""
    began = time.monotonic()
    problems = check()
    print(f"  {'FAILED' if problems else 'passed'}  {time.monotonic() - began:5.1f} s  {what}", flush=True)
    for problem in problems:
        print(f"          {problem}")
    return not problems


def validated(outdir: Path) -> list[str]:
    """Synthesize with validation; return its findings."""
    try:
        synthesize(outdir=outdir, validation=True)
    except InputError as error:
        return [str(error)]
    except RuntimeError as error:
        if not (outdir / "validation-report.json").is_file():
            return [str(error)]
        return findings(outdir) or [str(error)]
    return findings(outdir) if (outdir / "validation-report.json").is_file() else []


def main() -> int:
    print("templates of all environments")
    with tempfile.TemporaryDirectory(prefix="templates-") as folder:
        first, second = Path(folder) / "first", Path(folder) / "second"
        passed = report(
            "synthesized under cdk-nag AwsSolutions, GovernedModelChecks and CloudFormation's rules",
            lambda: validated(first),
        )
        if not passed:
            return 1
        synthesis = Synthesis(folder=first)

        def again() -> list[str]:
            return synthesize_apart(second) or differences(first, second)

        passed &= report("a second synth is byte for byte the same", again)
        passed &= report("cfn-lint", lambda: lint(synthesis))
        print(f"stacks: {', '.join(synthesis.templates())}")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
