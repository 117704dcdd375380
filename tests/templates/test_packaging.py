"""constructs/ is a source root, arrows point one way, and the wheel carries what the constructs ship."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tools.synthesis import ROOT

FOLDERS = ("constructs", "stacks", "lambdas", "containers", "weighbridge", "local", "tools", "tests")


def imports(path: Path) -> set[str]:
    """Return the modules that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module)
    return found


def sources(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def test_constructs_holds_one_package_and_no_init() -> None:
    assert not (ROOT / "constructs" / "__init__.py").exists(), "it would shadow the PyPI package constructs"
    entries = {path.name for path in (ROOT / "constructs").iterdir()} - {"__pycache__"}
    assert entries == {"weighbridge_cdk"}


def test_nobody_imports_through_the_source_root() -> None:
    for path in [ROOT / "app.py", *sources(*FOLDERS)]:
        assert not [name for name in imports(path) if name.startswith("constructs.")], path


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        ("weighbridge", {"aws_cdk", "constructs", "cdk_nag", "weighbridge_cdk", "stacks", "local", "lambdas"}),
        ("constructs", {"boto3", "botocore", "requests", "stacks", "local", "datetime", "time", "random", "uuid"}),
        ("stacks", {"boto3", "botocore", "requests", "local", "datetime", "time", "random", "uuid"}),
    ],
)
def test_arrows_point_one_way(folder: str, forbidden: set[str]) -> None:
    for path in sources(folder):
        used = {name.split(".")[0] for name in imports(path)}
        assert not used & forbidden, f"{path}: {used & forbidden}"


def test_the_wheel_assembles_a_function_by_itself(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        assert not [name for name in archive.namelist() if name.startswith("constructs/")]
        archive.extractall(installed)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import weighbridge_cdk.assets as assets; "
        "asset = assets.assemble_function('resolver'); print(assets.__file__); print(asset.folder); "
        "print((assets.asset_root() / 'locks' / 'layer.txt').is_file())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(installed)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": "", "XDG_CACHE_HOME": str(tmp_path / "cache")},
    )
    assert done.returncode == 0, done.stderr
    module, folder, lock = done.stdout.split()
    assert module.startswith(str(installed))
    assert folder.startswith(str(tmp_path / "cache"))
    assert (Path(folder) / "handler.py").is_file()
    assert lock == "True"
