"""A user of the wheel: a fresh virtual environment with the wheel and exactly what it asks for, and no way to an index."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement

from tools.synthesis import ROOT


@dataclass(frozen=True, slots=True)
class WheelUser:
    """Somebody who installed the wheel, elsewhere than in the checkout."""

    wheel: Path
    python: Path
    home: Path

    def run(
        self, *arguments: str | Path, folder: Path, variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run their interpreter in `folder`."""
        environment = {
            "HOME": str(self.home),
            "PATH": os.environ["PATH"],
            "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "20",
            **(variables or {}),
        }
        command = [str(self.python), *map(str, arguments)]
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def install(*, folder: Path) -> WheelUser:
    """Build the wheel, and install it in a new environment below `folder`."""
    _run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder / "wheel", ROOT)
    (wheel,) = (folder / "wheel").glob("*.whl")
    venv = folder / "venv"
    _run(sys.executable, "-m", "venv", "--without-pip", venv)
    python = venv / "bin" / "python"
    _run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-index", "--no-deps", wheel)
    (site,) = (venv / "lib").glob("python*/site-packages")
    (installed,) = site.glob("weighbridge-*.dist-info")
    for found in _asked_for(Distribution.at(installed), extras={"cdk"}).values():
        _link(found, site=site)
    home = folder / "home"
    home.mkdir()
    return WheelUser(wheel=wheel, python=python, home=home)


def _run(*command: str | Path) -> None:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _asked_for(root: Distribution, *, extras: set[str]) -> dict[str, Distribution]:
    """Return what a distribution requires, and what that requires, out of this environment."""
    found: dict[str, Distribution] = {}
    waiting = [(root, extras)]
    while waiting:
        asking, chosen = waiting.pop()
        for requirement in map(Requirement, asking.requires or ()):
            markers = [{**default_environment(), "extra": extra} for extra in (chosen or {""})]
            if requirement.marker is not None and not any(map(requirement.marker.evaluate, markers)):
                continue
            needed = distribution(requirement.name)
            if needed.name not in found or requirement.extras:
                found[needed.name] = needed
                waiting.append((needed, set(requirement.extras)))
    return found


def _link(found: Distribution, *, site: Path) -> None:
    tops = {path.parts[0] for path in found.files or () if path.parts[0] not in ("..", "__pycache__")}
    for top in tops:
        source, target = Path(str(found.locate_file(top))), site / top
        if target.is_dir() and not target.is_symlink():
            raise AssertionError(f"{top}: {found.name} shares a folder with another distribution")
        if not target.is_symlink():
            target.symlink_to(source)
