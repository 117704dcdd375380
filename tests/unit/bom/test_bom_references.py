"""The checks that CycloneDX's schema leaves out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.bom.bills import document
from weighbridge.bom import reference_faults

Document = dict[str, Any]


def twice(bill: Document) -> None:
    bill["components"].append(dict(bill["components"][0]))


def nowhere(bill: Document) -> None:
    bill["dependencies"][0]["dependsOn"].append("pkg:pypi/gone@1")


def no_such_dataset(bill: Document) -> None:
    bill["metadata"]["component"]["modelCard"]["modelParameters"]["datasets"][0]["ref"] = "dataset:other"


def no_such_input(bill: Document) -> None:
    bill["formulation"][0]["workflows"][0]["inputs"][0]["resource"]["ref"] = "pkg:huggingface/other/base@1"


def no_such_assembly(bill: Document) -> None:
    bill["compositions"][0]["assemblies"].append("file:gone")


def no_such_dependency(bill: Document) -> None:
    bill["compositions"][1]["dependencies"] = ["other"]


def told_twice(bill: Document) -> None:
    bill["dependencies"].append({"ref": "model", "dependsOn": []})


def short_digest(bill: Document) -> None:
    bill["components"][0]["hashes"][0]["content"] = "1" * 40


def no_hex(bill: Document) -> None:
    bill["components"][0]["hashes"][0]["content"] = "g" * 64


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (twice, "stands 2 times"), (nowhere, "'pkg:pypi/gone@1', which is nowhere"), (no_such_dataset, "'dataset:other'"),
        (no_such_input, "'pkg:huggingface/other/base@1'"), (no_such_assembly, "'file:gone'"), (no_such_dependency, "'other'"),
        (told_twice, "dependencies of 'model' stand 2 times"), (short_digest, "is no SHA-256"), (no_hex, "is no SHA-256"),
    ],
)  # fmt: skip
def test_a_fault_is_named(change: Callable[[Document], None], fault: str) -> None:
    bill = document()
    assert reference_faults(bill) == ()
    change(bill)
    found = reference_faults(bill)
    assert len(found) == 1
    assert fault in found[0]


def test_links_into_other_bills_are_theirs() -> None:
    bill = document()
    bill["dependencies"][0]["dependsOn"].append("urn:cdx:f08a6ccd-4dce-4759-bd84-c626675d60a7/1#x")
    assert reference_faults(bill) == ()
