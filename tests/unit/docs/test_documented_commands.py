"""What the documentation tells people to type exists: make targets, weighbridge commands with their options, stacks, links."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
import typer

from weighbridge.cli.app import app

ROOT = Path(__file__).resolve().parents[3]
FOLDERS = ("docs", "examples", "containers", "tests", "local", "bench")
PAGES = sorted(
    [*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md"))],
)
FENCES = re.compile(r"^```(?:bash|sh|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SPANS = re.compile(r"`([^`\n]+)`")
COMMAND = re.compile(r"^ *weighbridge ([a-z].*)$", re.MULTILINE)


def page_ids() -> list[str]:
    return [page.relative_to(ROOT).as_posix() for page in PAGES]


def code(page: Path) -> str:
    """Return what stands in shell blocks and in code spans, a command a line."""
    text = page.read_text(encoding="utf-8")
    blocks = "".join(FENCES.findall(text)).replace("\\\n", " ")
    return "\n".join([blocks, *SPANS.findall(text)])


@cache
def commands() -> typer.core.TyperGroup:
    root = typer.main.get_command(app)
    assert isinstance(root, typer.core.TyperGroup)
    return root


def leaf(words: list[str]) -> tuple[str, set[str]] | None:
    """Return the command that `words` begin with and its options; None for prose."""
    node = commands()
    path = []
    for word in words:
        children = getattr(node, "commands", None)
        if children is None:
            break
        if word not in children:
            return None
        node = children[word]
        path.append(word)
    return " ".join(path), {option for item in node.params for option in item.opts} | {"--help"}


@pytest.mark.parametrize("page", PAGES, ids=page_ids())
def test_commands_and_their_options_exist(page: Path) -> None:
    for match in COMMAND.finditer(code(page)):
        words = match[1].split()
        found = leaf(words)
        assert found is not None, match[0]
        name, known = found
        unknown = {word.partition("=")[0] for word in words if word.startswith("--")} - known
        assert not unknown, f"weighbridge {name}: {unknown}"


@pytest.mark.parametrize("page", PAGES, ids=page_ids())
def test_make_targets_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"^make ([a-z-]+)", code(page), re.MULTILINE))
    assert named <= targets


@pytest.mark.parametrize("page", PAGES, ids=page_ids())
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", ["guard.md", "operations.md"])
def test_the_parts_of_the_execution_roles_policies_are_all_named(page: str) -> None:
    from weighbridge.guard import PARTS

    (found,) = re.findall(r"^for part in ([a-z ]+);", (ROOT / "docs" / page).read_text(encoding="utf-8"), re.MULTILINE)
    assert tuple(found.split()) == PARTS


@pytest.mark.parametrize("page", PAGES, ids=page_ids())
def test_checks_of_the_doctor_that_are_named_exist(page: Path) -> None:
    from weighbridge.doctor import CHECKS

    known = {name for check in CHECKS for name in (check.id, check.id.partition(".")[0])}
    assert set(re.findall(r"--only ([a-z.-]+)", code(page))) <= known


def test_stacks_that_are_named_are_those_of_the_app() -> None:
    named = set(re.findall(r"cdk deploy ([^\n`]+)", (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")))
    stacks = {stack for line in named for stack in line.split()}
    known = {"network", "registry", "governance", "guard", "training", "inference-minilm", "observability"}
    known |= {"keys-prod", "ledger-prod"}
    assert {stack.partition("/")[2] for stack in stacks} == known
