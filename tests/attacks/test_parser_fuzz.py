"""Whatever a parser is given: the documented errors or a value, within a time limit for each example; never another exception."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tuf.api.metadata import Targets

from tests.attacks.forging import forge
from tests.attacks.tour_world import MODEL, NEW, Tour
from weighbridge.errors import WeighbridgeError
from weighbridge.ledger.events import Entry, Event, tell
from weighbridge.ledger.events.seal import Seal
from weighbridge.names import Digest, ReleaseId, ReleaseReference
from weighbridge.registration import JobRecord, parse_job_record
from weighbridge.release import Chunks, parse_chunks, parse_release
from weighbridge.trust import Floor, bundle, parse_policy, verify_bundle
from weighbridge.trust.approval import Approval, Waiver
from weighbridge.trust.envelope import sign_envelope
from weighbridge.trust.promotion import parse_promotion
from weighbridge.trust.statements import source_of_bundle, verify_envelope
from weighbridge.verification import parse_record

LIMIT = settings(max_examples=60, deadline=timedelta(seconds=5), suppress_health_check=list(HealthCheck))
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.just(2**53), st.floats(), st.text(max_size=20), st.just("\ud800"),
    st.just("../../x"), st.just("sha256:" + "0" * 64),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


def nodes(value: object, path: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    """Return the path of every node of a document."""
    found = [path]
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found += nodes(inner, (*path, key))
    return found


@st.composite
def documents(draw: st.DrawFn, valid: bytes) -> bytes:
    """Return a valid document with a node replaced, removed or added, or with bytes changed; or anything at all."""
    how = draw(st.sampled_from(["anything", "bytes", "replace", "replace", "remove", "add"]))
    if how == "anything":
        return draw(st.binary(max_size=200)) if draw(st.booleans()) else json.dumps(draw(VALUES)).encode()
    if how == "bytes":
        at = draw(st.integers(0, len(valid) - 1))
        return valid[:at] + draw(st.binary(max_size=4)) + valid[at + draw(st.integers(0, 4)) :]
    document = copy.deepcopy(json.loads(valid))
    path = draw(st.sampled_from(nodes(document)[1:]))
    parent = document
    for step in path[:-1]:
        parent = parent[step]
    if how == "remove":
        del parent[path[-1]]
    elif how == "add" and isinstance(parent, dict):
        parent[draw(st.text(max_size=8))] = draw(VALUES)
    else:
        parent[path[-1]] = draw(VALUES)
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


Parser = Callable[[Tour, bytes], object]


def _chunks(tour: Tour, data: bytes) -> object:
    release = copy.copy(tour.releases[NEW].release)
    object.__setattr__(release, "chunks", Chunks(size=max(1, len(data)), digest=Digest.of(data)))
    return parse_chunks(data, release=release)


def _bundle(tour: Tour, data: bytes) -> object:
    release, expected = tour.releases[NEW].release, Digest.of(data)
    policy = tour.channels["prod"].policy
    source_of_bundle(data, expected=ReleaseId(1, Digest.of(b"x")))
    return verify_bundle(data=data, expected=expected, release=release.digest, name=MODEL, version=NEW, policy=policy)


def _signed(tour: Tour, data: bytes) -> object:
    """A statement that the registrar's stolen key signed, whatever it says."""
    from weighbridge.trust.statements import PAYLOAD_TYPE

    envelope = sign_envelope(data, payload_type=PAYLOAD_TYPE, signers=[tour.stated.registrar])
    release = tour.releases[NEW].release
    return verify_envelope(
        envelope, subject=f"{MODEL}:{NEW}", release=release.digest, policy=tour.channels["prod"].policy
    )


def _predicate(kind: type[Approval] | type[Waiver]) -> Parser:
    def parse(_: Tour, data: bytes) -> object:
        try:
            document = json.loads(data)
        except (ValueError, RecursionError):
            return None
        return kind.read(document) if isinstance(document, dict) else None

    return parse


def _promoters_record(tour: Tour, data: bytes) -> object:
    """What a promoter's stolen key signs into the metadata that every reader reads."""
    try:
        custom = json.loads(data)
    except (ValueError, RecursionError):
        return None
    files = dict(tour.registry.files)

    def edit(targets: Targets) -> None:
        next(iter(targets.targets.values())).unrecognized_fields["custom"] = custom

    try:
        try:
            forge(tour, "prod", MODEL, signers=tour.channels["prod"].promoters[:1], edit=edit)
        except Exception:
            # Not to be signed, and so not to be read.
            return None
        return tour.state("prod")
    finally:
        tour.registry.files.clear()
        tour.registry.files.update(files)


def _metadata(role: str) -> Parser:
    def parse(tour: Tour, data: bytes) -> object:
        key = tour.metadata("prod", role)
        before = tour.registry.files[key]
        tour.registry.files[key] = data
        try:
            return tour.state("prod")
        finally:
            tour.registry.files[key] = before

    return parse


PARSERS: dict[str, Parser] = {
    "release": lambda _, data: parse_release(data, expected=Digest.of(data)),
    "chunks": _chunks,
    "policy": lambda _, data: parse_policy(data),
    "promotion": lambda _, data: parse_promotion(data),
    "record": lambda _, data: parse_record(data),
    "bundle": _bundle,
    "statement": _signed,
    "approval": _predicate(Approval),
    "waiver": _predicate(Waiver),
    "event": lambda _, data: Event.parse(data),
    "entry": lambda _, data: Entry.parse(data),
    "seal": lambda _, data: Seal.parse(data),
    "job-record": lambda _, data: parse_job_record(data),
    "promoters-record": _promoters_record,
    **{
        f"metadata-{role}": _metadata(role)
        for role in ("root", "timestamp", "snapshot", "targets", "revocations", MODEL)
    },
}


def valid(tour: Tour, name: str) -> bytes:
    """Return a document that the parser takes, or that looks like one."""
    release = tour.releases[NEW].release
    head = tour.state("prod").head(MODEL)
    event = tell.promoted(promotion=head, environment="prod").to_bytes()
    envelopes = tour.envelopes()
    approval = base64.b64decode(str(envelopes[-1]["payload"]))
    found = {
        "release": lambda: release.to_bytes(),
        "chunks": lambda: tour.registry.files[
            "dev-records", tour.channels["dev"].layout.chunks_path(name=MODEL, release=release.digest)
        ],
        "policy": lambda: tour.channels["prod"].policy.to_bytes(),
        "promotion": head.to_bytes,
        "promoters-record": head.to_bytes,
        "record": lambda: tour.registry.files[tour.record_of("dev")],
        "bundle": lambda: bundle(envelopes, source=head),
        "statement": lambda: approval,
        "approval": lambda: json.dumps(json.loads(approval)["predicate"]).encode(),
        "waiver": lambda: (
            b'{"channel":"prod","waives":["soak"],"reason":"fire","opened_at":"2026-11-23T12:00:00Z",'
            b'"expires":"2026-11-23T13:00:00Z"}'
        ),
        "event": lambda: event,
        "entry": lambda: event,
        "seal": lambda: event,
        "job-record": JobRecord(parameters={"k": "v"}).to_bytes,
    }
    if name in found:
        return found[name]()
    return tour.registry.files[tour.metadata("prod", name.removeprefix("metadata-"))]


@pytest.fixture(scope="module")
def target(built: Tour, tmp_path_factory: pytest.TempPathFactory) -> Tour:
    """A copy of the estate that is put back after every example."""
    return built.copy(tmp_path_factory.mktemp("fuzz"))


@pytest.mark.parametrize("name", PARSERS)
def test_anything_is_a_value_or_a_documented_error(target: Tour, name: str) -> None:
    document = valid(target, name)

    @LIMIT
    @given(data=documents(document))
    def fuzz(data: bytes) -> None:
        with suppress(WeighbridgeError):
            PARSERS[name](target, data)

    fuzz()


@pytest.mark.parametrize("depth", [300, 480, 700, 990, 5000, 100_000])
@pytest.mark.parametrize("name", PARSERS)
def test_nesting_ends_in_a_documented_error(target: Tour, name: str, depth: int) -> None:
    text = '"x": ' + "[" * depth + "]" * depth
    whole = valid(target, name).decode().rstrip()
    for data in (f"{{{text}}}".encode(), f"{whole[:-1]},{text}}}".encode()):
        with suppress(WeighbridgeError):
            PARSERS[name](target, data)


TEXTS: dict[str, Callable[[str], object]] = {
    "floor": lambda text: Floor.parse(text),
    "release-id": lambda text: ReleaseId.parse(text),
    "reference": lambda text: ReleaseReference.parse(text),
    "digest": lambda text: Digest.parse(text),
}


@pytest.mark.parametrize("name", TEXTS)
def test_texts(name: str) -> None:
    starts = st.sampled_from(
        ["", "root=1,", "1@sha256:", "host/repository/name:1@sha256:", "sha256:" + "0" * 64, "root=" + "9" * 5000]
    )

    @LIMIT
    @given(start=starts, rest=st.text(max_size=80))
    def fuzz(start: str, rest: str) -> None:
        with suppress(WeighbridgeError):
            TEXTS[name](start + rest)

    fuzz()


@pytest.mark.parametrize("name", ["release", "policy", "promotion", "record", "event", "job-record", "chunks"])
def test_the_valid_document_is_taken(target: Tour, name: str) -> None:
    PARSERS[name](target, valid(target, name))
