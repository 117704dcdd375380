"""A function's folder is its handler and the library, kept under the digest of its content."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import aws_cdk as cdk
import pytest

from weighbridge.errors import InputError
from weighbridge_cdk import DependencyLayer
from weighbridge_cdk.assets import LIBRARY, assemble_function, asset_root


def test_the_folder_holds_handler_and_library_without_anything_else() -> None:
    asset = assemble_function("resolver")
    files = {path.relative_to(asset.folder).as_posix() for path in asset.folder.rglob("*") if path.is_file()}
    assert {"handler.py", "weighbridge/__init__.py", "weighbridge/instance_types.json"} <= files
    assert {Path(name).suffix for name in files} <= {".py", ".json"}
    assert asset.folder.name.endswith(asset.digest[:32])


def test_the_digest_follows_the_content(tmp_path: Path) -> None:
    library = tmp_path / "weighbridge"
    shutil.copytree(LIBRARY, library, ignore=shutil.ignore_patterns("__pycache__"))
    first = assemble_function("resolver", library=library)
    assert first == assemble_function("resolver", library=library)
    assert first.digest == assemble_function("resolver").digest
    (library / "names.py").write_text("changed = True\n")
    second = assemble_function("resolver", library=library)
    assert second.digest != first.digest
    assert (second.folder / "weighbridge" / "names.py").read_text() == "changed = True\n"
    shutil.rmtree(second.folder)


@pytest.mark.parametrize("name", sorted(path.parent.name for path in asset_root().glob("lambdas/*/handler.py")))
def test_a_handler_needs_its_folder_alone(name: str, tmp_path: Path) -> None:
    folder = assemble_function(name).folder
    program = (
        f"import sys; sys.path[:0] = [{str(folder)!r}]; import handler, weighbridge; "
        f"assert callable(handler.handler) and weighbridge.__file__.startswith({str(folder)!r})"
    )
    # -B: byte code would stay in the folder, and the next synth would zip it.
    done = subprocess.run(
        [sys.executable, "-I", "-B", "-c", program], cwd=tmp_path, env={}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_an_unknown_handler_is_refused() -> None:
    with pytest.raises(InputError, match=r"lambdas/nobody/handler\.py: is missing"):
        assemble_function("nobody")


def test_a_missing_layer_says_what_builds_it(new_stack: Callable[[], cdk.Stack], tmp_path: Path) -> None:
    with pytest.raises(
        InputError,
        match=r"is not built: run `make layer` in a checkout, `python -m weighbridge_cdk\.build_layer` elsewhere",
    ):
        DependencyLayer(new_stack(), "Layer", folder=tmp_path)


def test_an_unknown_layer_target_is_refused(new_stack: Callable[[], cdk.Stack]) -> None:
    stack = new_stack()
    stack.node.set_context("weighbridge:layer", "windows")
    with pytest.raises(InputError, match="context weighbridge:layer: 'windows' is not known"):
        DependencyLayer(stack, "Layer")
