"""The one fully validated synth, and the review's: the commands that judge and print the templates, as processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tools.synthesis import ROOT

ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "CDK_VALIDATION"}


def test_all_environments_are_clean_and_reproducible() -> None:
    done = subprocess.run(
        [sys.executable, "tools/check_templates.py"],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("passed") == 3


def test_review_prints_the_templates_of_one_environment(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "synth.py"), "--env", "staging"],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n# weighbridge-staging-") == 6
    assert "weighbridge-prod" not in done.stdout
    assert "6 stacks of staging" in done.stderr
