"""The bill of materials: the same for the same release, complete, and never naming the release."""

from __future__ import annotations

import json

import pytest

from weighbridge.names import Digest
from weighbridge.registration.bom import make_bom, model_card_licences
from weighbridge.release import BaseModel, Dataset, FileDigests, Lineage, Runtime

FILES = {
    name: FileDigests(size=len(name), digest=Digest.of(name.encode()), chunks=())
    for name in ("model.safetensors", "code/code.zip", "README.md")
}
LINEAGE = Lineage(
    base_model=BaseModel(repository="org/base", revision="a" * 40),
    datasets=(Dataset(name="train", digest=Digest.of(b"train")),),
    metrics={"loss": "0.1", "accuracy": "0.9"},
)
RUNTIME = Runtime(image="host.example.com/serve@sha256:" + "c" * 64, lock=Digest("d" * 64))


def bill(**changes: object) -> bytes:
    arguments = {
        "name": "minilm", "version": "1.0.0", "files": FILES, "roles": {"code/code.zip": "code"}, "runtime": RUNTIME,
        "lineage": LINEAGE, "licences": ("apache-2.0",), **changes,
    }  # fmt: skip
    return make_bom(**arguments)  # type: ignore[arg-type]


def test_everything_that_a_release_is_made_of_stands_in_it() -> None:
    document = json.loads(bill())
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    found = {item["bom-ref"]: item for item in document["components"]}
    for name, digests in FILES.items():
        assert found[f"file:{name}"]["hashes"] == [{"alg": "SHA-256", "content": digests.digest.hex}]
    assert found["file:code/code.zip"]["properties"][0] == {"name": "weighbridge:role", "value": "code"}
    assert found[f"pkg:huggingface/org/base@{'a' * 40}"]["type"] == "machine-learning-model"
    assert found["dataset:train"]["hashes"][0]["content"] == Digest.of(b"train").hex
    assert found["image"]["version"] == "sha256:" + "c" * 64
    assert found["lock"]["hashes"][0]["content"] == "d" * 64
    model = document["metadata"]["component"]
    assert model["licenses"] == [{"license": {"name": "apache-2.0"}}]
    assert model["modelCard"]["quantitativeAnalysis"]["performanceMetrics"] == [
        {"type": "accuracy", "value": "0.9"}, {"type": "loss", "value": "0.1"},
    ]  # fmt: skip
    assert set(document["dependencies"][0]["dependsOn"]) == set(found)


def test_the_same_release_has_the_same_bill_and_another_one_another() -> None:
    assert bill() == bill(files=dict(reversed(FILES.items())))
    assert json.loads(bill())["serialNumber"] != json.loads(bill(version="2.0.0"))["serialNumber"]


def test_a_model_without_origins_has_a_bill_too() -> None:
    document = json.loads(bill(lineage=Lineage(), licences=()))
    assert "licenses" not in document["metadata"]["component"]
    assert {item["type"] for item in document["components"]} == {"file", "container"}


@pytest.mark.parametrize(
    ("card", "licences"),
    [
        (b"---\nlicense: apache-2.0\ntags: [x]\n---\n# Model", ("apache-2.0",)),
        (b"---\r\nlicense: mit\r\n---\r\n", ("mit",)),
        (b"---\nlicense:\n- mit\n- bsd-3-clause\n---\n", ("mit", "bsd-3-clause")),
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
    assert model_card_licences(card) == licences
