"""The bill of materials: the same for the same release, complete, valid under two versions, and never naming the release."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.unit.bom.bills import CARD, CONFIG, CONTENTS, LOCK, bill, document
from weighbridge.bom import reference_faults
from weighbridge.bom.card import parse_card
from weighbridge.errors import InputError
from weighbridge.names import Digest
from weighbridge.release import Lineage, Release, Runtime, release_of

CASES: dict[str, Callable[[], bytes]] = {
    "everything": bill,
    "nothing known": lambda: bill(lineage=Lineage(), texts={}, lock=None),
    "a lock of another form": lambda: bill(
        runtime=Runtime(image=CONTENTS.runtime.image, lock=Digest.of(b"lock")), lock=b"lock"
    ),
    "the base's licence": lambda: bill(base_licences=("mit",)),
}


@pytest.mark.parametrize("version", [SchemaVersion.V1_6, SchemaVersion.V1_7], ids=str)
@pytest.mark.parametrize("case", CASES)
def test_it_is_valid_and_every_reference_leads_somewhere(case: str, version: SchemaVersion) -> None:
    data = CASES[case]()
    assert JsonStrictValidator(version).validate_str(data.decode()) is None
    assert reference_faults(json.loads(data)) == ()


def test_everything_that_a_release_is_made_of_stands_in_it() -> None:
    found = {item["bom-ref"]: item for item in document()["components"]}
    for path, digests in CONTENTS.files.items():
        assert found[f"file:{path}"]["hashes"] == [{"alg": "SHA-256", "content": digests.digest.hex}]
    assert found["file:code/code.zip"]["properties"][0] == {"name": "weighbridge:role", "value": "code"}
    base = found[f"pkg:huggingface/org/base@{'a' * 40}"]
    assert (base["type"], base["supplier"]) == ("machine-learning-model", {"name": "org"})
    assert found["dataset:train"]["hashes"][0]["content"] == Digest.of(b"train").hex
    assert found["image"]["version"] == "sha256:" + "c" * 64
    assert found["lock"]["hashes"][0]["content"] == Digest.of(LOCK).hex
    assert found["pkg:pypi/numpy@2.0.0"]["hashes"] == [
        {"alg": "SHA-256", "content": "1" * 64}, {"alg": "SHA-256", "content": "2" * 64},
    ]  # fmt: skip
    assert set(found) == {
        *(f"file:{path}" for path in CONTENTS.files), base["bom-ref"], "dataset:train", "image", "lock",
        "pkg:pypi/numpy@2.0.0", "pkg:pypi/tzdata@2026.1",
    }  # fmt: skip


def test_the_model_card_says_what_card_config_and_lineage_say() -> None:
    model = document()["metadata"]["component"]
    assert model["licenses"] == [{"license": {"name": "apache-2.0", "acknowledgement": "declared"}}]
    assert model["pedigree"]["ancestors"][0]["version"] == "a" * 40
    assert {item["value"] for item in model["properties"]} == {"metrics", "base_model"}
    card = model["modelCard"]
    assert card["modelParameters"] == {
        "datasets": [{"ref": "dataset:train"}], "task": "text-classification", "architectureFamily": "bert",
        "modelArchitecture": "BertModel",
    }  # fmt: skip
    assert card["considerations"]["useCases"] == ["Sorting letters."]
    assert card["considerations"]["technicalLimitations"] == ["English alone."]
    assert [item["value"] for item in card["quantitativeAnalysis"]["performanceMetrics"]] == ["0.9", "0.1"]
    said = {item["name"].removeprefix("weighbridge:"): item["value"] for item in card["properties"]}
    assert said == {
        "context-length": "512", "number-format": "float32", "tokenizer": "tokenizer.json", "remote-code": "none named"
    }  # fmt: skip


def test_the_training_run_is_its_formulation() -> None:
    (workflow,) = document()["formulation"][0]["workflows"]
    assert {item["name"]: item["value"] for item in workflow["properties"]} == {
        "weighbridge:training-job": CONTENTS.lineage.training_job,
        "weighbridge:source-commit": "f" * 40,
    }
    assert workflow["inputs"] == [
        {"resource": {"ref": f"pkg:huggingface/org/base@{'a' * 40}"}}, {"resource": {"ref": "dataset:train"}},
        {"parameters": [{"name": "epochs", "value": "3"}]},
    ]  # fmt: skip


def test_what_is_not_known_is_said_to_be_unknown() -> None:
    def unknown(**changes: object) -> set[str]:
        said = document(**changes)["metadata"]["properties"]
        return {item["value"] for item in said if item["name"] == "weighbridge:unknown"}

    little = {"model-licence", "training-job", "data-digest", "runtime-dependencies", "model-remote-code", "bom-time"}
    assert little <= unknown(lineage=Lineage(), texts={}, lock=None)
    assert unknown() & little == {"bom-time"}


def test_a_lock_file_that_is_not_understood_lists_nothing_and_says_why() -> None:
    lock = b"numpy==2.0.0 --hash=sha256:" + b"1" * 64 + b"\nrequests>=2\n"
    found = document(runtime=Runtime(image=CONTENTS.runtime.image, lock=Digest.of(lock)), lock=lock)
    assert not any(item["type"] == "library" for item in found["components"])
    (why,) = (
        item["value"] for item in found["metadata"]["properties"] if item["name"].endswith("dependencies-unknown")
    )
    assert "line 2" in why
    assert found["compositions"][1] == {"aggregate": "unknown", "dependencies": ["lock"]}


def test_another_lock_file_than_the_runtimes_is_refused() -> None:
    with pytest.raises(InputError, match="lock file"):
        bill(lock=LOCK + b"\n")


def test_the_same_release_has_the_same_bill_and_another_one_another() -> None:
    assert bill() == bill(files=dict(reversed(CONTENTS.files.items())))
    assert document()["serialNumber"] != document(version="2.0.0")["serialNumber"]


def test_it_never_names_the_release() -> None:
    release: Release = release_of(
        name=CONTENTS.name, version=CONTENTS.version, files=CONTENTS.files, roles=CONTENTS.roles,
        runtime=CONTENTS.runtime, lineage=CONTENTS.lineage, bom=bill(),
    ).release  # fmt: skip
    assert release.digest.hex.encode() not in bill()


@pytest.mark.parametrize(
    ("card", "licences"),
    [
        (b"---\nlicense: apache-2.0\ntags: [x]\n---\n# Model", ("apache-2.0",)),
        (b"---\r\nlicense: mit\r\n---\r\n", ("mit",)),
        (b"---\nlicense:\n- mit\n- bsd-3-clause\n---\n", ("mit", "bsd-3-clause")),
        (b"---\nlicense: other\nlicense_name: llama3\n---\n", ("llama3",)),
        (b"---\nlicense: other\n---\n", ("other",)),
        (b"---\nlicense: unknown\n---\n", ()),
        (b"---\nlicense: [3, mit]\n---\n", ("mit",)),
        (b"---\nlicense: {a: b}\n---\n", ()),
        (b"---\ntags: []\n---\n", ()),
        (b"---\nlicense: mit\n", ()),
        (b"# license: mit", ()),
        (b"---\n{{{\n---\n", ()),
        (b"---\n" + b"[" * 5000 + b"\n---\n", ()),
        (b"\xff\xfe---\n", ()),
        (b"", ()),
    ],
)
def test_licences_are_read_from_the_model_card(card: bytes, licences: tuple[str, ...]) -> None:
    assert parse_card(card).licences == licences


def test_placeholders_and_comments_of_a_template_say_nothing() -> None:
    said = parse_card(
        b"# M\n## Uses\n<!-- Say what it is for. -->\n### Direct Use\n[More Information Needed]\n"
        b"## Limitations ##\n<!-- x --> Small\tmodel.\x00\n- **Developed by:** {{ developers }}\n"
    )
    assert (said.intended_use, said.producer) == (None, None)
    assert said.limitations is not None
    assert said.limitations.startswith("Small model.")


@pytest.mark.parametrize("junk", [b"<!--", b"{{", b"#" * 7, b"# x" + b" #", b"**Developed by:", b"[optional"])
def test_a_card_of_junk_costs_little(junk: bytes) -> None:
    parse_card(b"# Limitations\n" + junk * (1_000_000 // len(junk)))
    parse_card(CARD + b"\n" + (junk + b"\n") * (200_000 // len(junk)))


def test_a_config_that_names_code_is_said_to_name_it() -> None:
    for config, said in ((b'{"auto_map": {}}', "named in config.json"), (b"[", None), (CONFIG, "none named")):
        card = document(texts={"config.json": config})["metadata"]["component"]["modelCard"]
        found = [item["value"] for item in card["properties"] if item["name"] == "weighbridge:remote-code"]
        assert found == ([] if said is None else [said])
