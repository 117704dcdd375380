"""Write docs/reference/ and docs/props.md from signatures and docstrings.

Usage: .venv/bin/python -m tools.reference          (--check: write nothing, name what is out of date)
"""

from __future__ import annotations

import sys
from pathlib import Path

from tools.reference.pages import index_page, package_page, props_page
from tools.reference.source import read_package

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path("docs") / "reference"
CONSTRUCTS = "weighbridge_cdk"
# The library's doors of docs/architecture.md, and those of data scientists.
LIBRARY = (
    "registry", "release", "trust", "ledger", "ledger.events", "verification", "resolution", "registration", "jobs", "promotion",
    "approvals", "bom", "pull", "serving", "admission", "reconciliation", "inspection", "lineage", "settings", "sdk", "training",
)  # fmt: skip


def pages() -> dict[Path, str]:
    """Return every page by its path below the checkout."""
    roots = (ROOT, ROOT / "constructs")
    wanted = [CONSTRUCTS, *(f"weighbridge.{name}" for name in LIBRARY)]
    packages = [read_package(name, roots=roots) for name in wanted]
    names = [f"{package.name}.md" for package in packages]
    found = {FOLDER / name: package_page(package) for name, package in zip(names, packages, strict=True)}
    found[FOLDER / "README.md"] = index_page(packages, names=names)
    found[Path("docs") / "props.md"] = props_page(packages[0])
    return found


def stale(found: dict[Path, str]) -> list[Path]:
    """Return the pages that differ from what lies in docs/, are missing there, or are there and should not be."""
    there = {path.relative_to(ROOT) for path in (ROOT / FOLDER).glob("*.md")}
    differing = [
        path
        for path, text in found.items()
        if not (ROOT / path).is_file() or (ROOT / path).read_text(encoding="utf-8") != text
    ]
    return sorted([*differing, *(there - set(found))])


def main(arguments: list[str]) -> int:
    found = pages()
    changed = stale(found)
    if arguments == ["--check"]:
        for path in changed:
            print(f"{path}: is out of date: run `make reference`", file=sys.stderr)
        return 1 if changed else 0
    for path in changed:
        if path in found:
            (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / path).write_text(found[path], encoding="utf-8")
        else:
            (ROOT / path).unlink()
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
