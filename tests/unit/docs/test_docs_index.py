"""docs/README.md leads every reader to every page."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).resolve().parents[3] / "docs"


def test_every_page_is_in_the_index() -> None:
    text = (DOCS / "README.md").read_text(encoding="utf-8")
    linked = {target.partition("#")[0] for target in re.findall(r"\]\(([^)]+)\)", text)}
    assert {page.name for page in DOCS.glob("*.md")} - linked - {"README.md"} == set()


def test_every_decision_has_a_number_of_its_own() -> None:
    numbers = [page.name[:4] for page in sorted((DOCS / "decisions").glob("*.md"))]
    assert len(numbers) == len(set(numbers))


def test_links_into_a_page_find_their_heading() -> None:
    missing = []
    for page in [*DOCS.rglob("*.md"), *DOCS.parent.glob("*.md")]:
        for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#([^)]+)\)", page.read_text(encoding="utf-8")):
            other = (page.parent / target) if target else page
            if other.suffix == ".md" and anchor not in anchors(other):
                missing.append(f"{page.name}: {target}#{anchor}")
    assert missing == []


def test_rows_of_a_table_have_as_many_cells_as_its_head() -> None:
    broken = []
    for page in [*DOCS.rglob("*.md"), *DOCS.parent.glob("*.md")]:
        text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
            counts = {len(re.findall(r"(?<!\\)\|", re.sub(r"`[^`]*`", "", line))) for line in table.splitlines()}
            if len(counts) != 1:
                broken.append(f"{page.name}: {table[:60]}")
    assert broken == []


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    words = (re.sub(r"[^\w\- ]", "", heading.strip().lower()) for heading in headings)
    return {word.replace(" ", "-") for word in words} | set(
        re.findall(r'<a (?:id|name)="([^"]+)"', page.read_text(encoding="utf-8"))
    )
