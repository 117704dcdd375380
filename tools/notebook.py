"""Execute examples/notebook/walkthrough.ipynb from its first cell to its last, in a fresh kernel.

Usage: .envs/sdk/bin/python tools/notebook.py [--write]    (--write keeps the outputs in the file)

Prints the executed notebook as JSON on standard output. Ends with 1 when a cell fails, and prints that cell's error.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = ROOT / "examples" / "notebook" / "walkthrough.ipynb"
CELL_SECONDS = 120


def execute(folder: Path) -> nbformat.NotebookNode:
    """Return the executed notebook; `folder` takes what Jupyter and IPython keep for themselves."""
    for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR"):
        os.environ[name] = str(folder / name.lower())
    # What tqdm says of missing widgets names a path of this machine.
    os.environ["PYTHONWARNINGS"] = "ignore:IProgress not found"
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    client = NotebookClient(
        notebook, timeout=CELL_SECONDS, record_timing=False, resources={"metadata": {"path": str(ROOT)}}
    )
    client.execute()
    for cell in notebook.cells:
        cell.metadata = {}
    notebook.metadata.language_info = {"name": "python"}
    return notebook


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true")
    write = parser.parse_args().write
    with tempfile.TemporaryDirectory(prefix="weighbridge-notebook-") as folder:
        try:
            notebook = execute(Path(folder))
        except CellExecutionError as error:
            print(error, file=sys.stderr)
            return 1
    text = nbformat.writes(notebook) + "\n"
    if write:
        NOTEBOOK.write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
