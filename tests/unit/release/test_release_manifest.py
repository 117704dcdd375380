"""The release manifest: one spelling, checked before it is believed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge import canonical
from weighbridge.errors import InputError, IntegrityError, TrustError
from weighbridge.names import Digest
from weighbridge.release import (
    BaseModel,
    Bom,
    Chunks,
    Component,
    Dataset,
    Lineage,
    Release,
    Runtime,
    parse_release,
)

repeatable = settings(deadline=None, derandomize=True, max_examples=60)


RELEASE = Release(
    name="minilm",
    version="1.0.0",
    components=(
        Component(path="code.zip", size=10, digest=Digest.of(b"code"), role="code"),
        Component(path="config.json", size=2, digest=Digest.of(b"{}"), role="load"),
        Component(path="model.safetensors", size=90_868_376, digest=Digest.of(b"weights"), role="load"),
    ),
    chunks=Chunks(size=1234, digest=Digest.of(b"chunks")),
    runtime=Runtime(image=f"registry.example:8443/serving/image@sha256:{'0' * 64}", lock=Digest.of(b"lock")),
    lineage=Lineage(
        base_model=BaseModel(repository="sentence-transformers/all-MiniLM-L6-v2", revision="a" * 40),
        datasets=(Dataset(name="operations", digest=Digest.of(b"data")),),
        training_job="arn:aws:sagemaker:eu-central-1:111122223333:training-job/minilm-1",
        source_commit="b" * 40,
        parameters={"learning_rate": "2e-5"},
        metrics={"accuracy": "0.913"},
        claimed=("parameters", "metrics"),
    ),
    bom=Bom(size=10, digest=Digest.of(b"bom")),
)

Document = dict[str, object]


def edited(edit: Callable[[Document], object]) -> bytes:
    document = json.loads(RELEASE.to_bytes())
    edit(document)
    return canonical.dump(document)


def test_round_trip() -> None:
    data = RELEASE.to_bytes()
    assert parse_release(data, expected=RELEASE.digest) == RELEASE
    assert RELEASE.digest == Digest.of(data)


def test_what_is_loaded() -> None:
    assert [component.path for component in RELEASE.load_components] == ["config.json", "model.safetensors"]
    assert RELEASE.load_bytes == 90_868_378


def test_reference_is_written_as_images_are() -> None:
    reference = RELEASE.reference(host="registry.example:8443", repository="prod-models")
    assert str(reference) == f"registry.example:8443/prod-models/minilm:1.0.0@{RELEASE.digest}"


def test_any_change_is_another_release() -> None:
    assert replace(RELEASE, version="1.0.1").digest != RELEASE.digest
    lineage = replace(RELEASE.lineage, metrics={"accuracy": "0.914"})
    assert replace(RELEASE, lineage=lineage).digest != RELEASE.digest


def test_bytes_are_hashed_before_they_are_parsed() -> None:
    with pytest.raises(IntegrityError):
        parse_release(b"not even JSON", expected=RELEASE.digest)
    with pytest.raises(IntegrityError):
        parse_release(RELEASE.to_bytes()[:-1], expected=RELEASE.digest)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"a":1,"a":2}',
        b'{"a":1.5}',
        b'{"a":NaN}',
        b'{"a":1}{"b":2}',
        b"[" * 100_000,
        RELEASE.to_bytes().replace(b'"name":"minilm"', b'"name":"minilm","name":"minilm"'),
    ],
    ids=range(10),
)
def test_what_is_not_strict_json_is_refused(data: bytes) -> None:
    with pytest.raises(TrustError) as refusal:
        parse_release(data, expected=Digest.of(data))
    assert refusal.value.rule == "refused.json"


@pytest.mark.parametrize(
    "data",
    [
        RELEASE.to_bytes() + b"\n",
        json.dumps(json.loads(RELEASE.to_bytes()), indent=1).encode(),
        RELEASE.to_bytes().replace(b"minilm", b"\\u006dinilm", 1),
        RELEASE.to_bytes().replace(b'"size":10', b'"size":1e1', 1),
        RELEASE.to_bytes().replace(b'"size":10', b'"size":-0', 1),
    ],
    ids=["newline", "indented", "escape", "exponent", "minus zero"],
)
def test_another_spelling_is_refused(data: bytes) -> None:
    with pytest.raises(TrustError):
        parse_release(data, expected=Digest.of(data))


@pytest.mark.parametrize(
    "edit",
    [
        lambda d: d.update(schema="weighbridge.release/v2"),
        lambda d: d.update(extra=1),
        lambda d: d.pop("bom"),
        lambda d: d.pop("lineage"),
        lambda d: d.update(name="a b"),
        lambda d: d.update(name="x" * 61),
        lambda d: d.update(name="minilm\n"),
        lambda d: d.update(version=1),
        lambda d: d.update(components=[]),
        lambda d: d["components"].reverse(),
        lambda d: d["components"].append(d["components"][0]),
        lambda d: d["components"][0].update(path="../code.zip"),
        lambda d: d["components"][0].update(path="CONFIG.json"),
        lambda d: d["components"][0].update(path="config.json/x"),
        lambda d: d["components"][0].update(size=-1),
        lambda d: d["components"][0].update(size=True),
        lambda d: d["components"][0].update(size="10"),
        lambda d: d["components"][0].update(sha256="A" * 64),
        lambda d: d["components"][0].update(sha256="a" * 64 + "\n"),
        lambda d: d["components"][0].update(role="execute"),
        lambda d: d["components"][0].update(url="https://example.com"),
        lambda d: d["chunks"].update(chunk_size=1),
        lambda d: d["chunks"].update(path="../chunks.json"),
        lambda d: d["runtime"].update(image="registry.example/image:latest"),
        lambda d: d["runtime"].update(image=f"registry.example/image@sha256:{'0' * 64}\n"),
        lambda d: d["runtime"].update(lock="0" * 64),
        lambda d: d["lineage"]["base_model"].update(revision="main"),
        lambda d: d["lineage"]["base_model"].update(revision="a" * 40 + "\n"),
        lambda d: d["lineage"]["base_model"].update(repository="../x"),
        lambda d: d["lineage"].update(source_commit="abc"),
        lambda d: d["lineage"].update(metrics={"accuracy": 1}),
        lambda d: d["lineage"].update(parameters={"a\nb": "1"}),
        lambda d: d["lineage"].update(claimed=["everything"]),
        lambda d: d["lineage"].update(claimed=["metrics", "metrics"]),
        lambda d: d["lineage"]["datasets"][0].update(name="a\x1b[31m"),
        lambda d: d["lineage"].update(training_job=""),
        lambda d: d["bom"].update(path="other.json"),
    ],
    ids=range(37),
)
def test_malformed_releases_are_refused(edit: Callable[[Document], object]) -> None:
    data = edited(edit)
    with pytest.raises(TrustError) as refusal:
        parse_release(data, expected=Digest.of(data))
    assert refusal.value.rule == "refused.release"
    assert "\n" not in str(refusal.value)


def test_a_malformed_release_cannot_be_made_either() -> None:
    for changes in ({"name": "a/b"}, {"version": ""}, {"components": ()}):
        with pytest.raises(InputError):
            replace(RELEASE, **changes)


def test_size_is_capped() -> None:
    data = RELEASE.to_bytes() + b" " * (8 * 1024 * 1024)
    with pytest.raises(TrustError) as refusal:
        parse_release(data, expected=Digest.of(data))
    assert refusal.value.rule == "refused.json"


def test_optional_parts_may_be_absent() -> None:
    release = replace(RELEASE, lineage=Lineage(), bom=None)
    assert parse_release(release.to_bytes(), expected=release.digest) == release


texts = st.dictionaries(
    st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8), st.text(max_size=12), max_size=4
)


@repeatable
@given(
    version=st.from_regex(r"[A-Za-z0-9_-]{1,8}(\.[A-Za-z0-9_-]{1,8}){0,3}", fullmatch=True),
    sizes=st.lists(st.integers(0, 2**53 - 1), min_size=1, max_size=4),
    parameters=texts,
    metrics=texts,
)
def test_every_release_has_one_spelling(
    version: str, sizes: list[int], parameters: dict[str, str], metrics: dict[str, str]
) -> None:
    try:
        release = replace(
            RELEASE,
            version=version,
            components=tuple(
                Component(path=f"f{number}", size=size, digest=Digest.of(b"x"), role="load")
                for number, size in enumerate(sizes)
            ),
            lineage=replace(RELEASE.lineage, parameters=parameters, metrics=metrics),
        )
    except InputError:
        return
    data = release.to_bytes()
    again = parse_release(data, expected=release.digest)
    assert again == release
    assert again.to_bytes() == data
    assert json.loads(data)["lineage"]["parameters"] == parameters
