"""The templates of all environments are those that were reviewed: a change shows in tests/templates/snapshots, or fails here."""

from __future__ import annotations

import copy
import difflib
import json

import pytest
from template_view import Template

from tools.snapshots import FOLDER, name_of, snapshot

KEPT = sorted(path.name for path in FOLDER.glob("*.json"))


def test_every_stack_is_kept_and_nothing_else(templates: dict[str, Template]) -> None:
    assert sorted(map(name_of, templates)) == KEPT, "run `make snapshots`"


@pytest.mark.parametrize("name", KEPT)
def test_a_template_is_as_reviewed(templates: dict[str, Template], name: str) -> None:
    (template,) = (template for stack, template in templates.items() if name_of(stack) == name)
    kept, now = (FOLDER / name).read_text(encoding="utf-8"), snapshot(template)
    lines = difflib.unified_diff(kept.splitlines(), now.splitlines(), "reviewed", "now", lineterm="", n=2)
    assert kept == now, "run `make snapshots` and review:\n" + "\n".join(list(lines)[:80])


def test_a_change_of_code_alone_shows_nowhere(inference: Template) -> None:
    changed = copy.deepcopy(inference)
    functions = [each for each in changed["Resources"].values() if each["Type"] == "AWS::Lambda::Function"]
    assert functions
    for function in functions:
        function["Properties"]["Code"]["S3Key"] = f"{'0' * 64}.zip"
    assert snapshot(changed) == snapshot(inference)


def test_every_other_change_shows(inference: Template) -> None:
    changed = copy.deepcopy(inference)
    function = next(each for each in changed["Resources"].values() if each["Type"] == "AWS::Lambda::Function")
    function["Properties"]["Timeout"] += 1
    assert snapshot(changed) != snapshot(inference)
    digests = json.loads(json.dumps(inference).replace("9cecd7de7fec1047", "0" * 16))
    assert snapshot(digests) != snapshot(inference), "a channel's root is not an asset"
