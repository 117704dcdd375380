"""Three numbers: unknown counts as missing, claims are not verified, and whoever disagrees is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.bom.billed_world import BilledWorld
from tests.unit.bom.bills import bill, document
from tests.unit.promotion.promotion_world import MODEL
from weighbridge.bom import Evidence, Score, score_document, score_release
from weighbridge.bom.checklist import checklist
from weighbridge.canonical import JsonObject
from weighbridge.cli.billed import KnownRelease, read_known
from weighbridge.errors import IntegrityError
from weighbridge.names import Digest
from weighbridge.trust import Statement
from weighbridge.trust.inspected import INSPECTION_TYPE
from weighbridge.trust.provenance import PREDICATE_TYPE


@pytest.fixture
def billed(tmp_path: Path) -> BilledWorld:
    found = BilledWorld.make(tmp_path)
    found.demand()
    return found


def known(billed: BilledWorld, *, channel: str = "prod", version: str | None = "1.0.0") -> KnownRelease:
    world = billed.world
    return read_known(
        client=world.registry, layout=world.channels[channel].layout, state=world.state(channel), version=version  # type: ignore[arg-type]
    )  # fmt: skip


def scored(found: KnownRelease, **changes: object) -> Score:
    evidence = replace(found.evidence, **changes)  # type: ignore[arg-type]
    return score_release(bom=found.bom, evidence=evidence, texts=found.texts)


def ids(score: Score, which: str) -> set[str]:
    return {item.id for item in getattr(score, which)}


def test_the_checklist_is_data_with_sources() -> None:
    fields = checklist()
    assert len({item.id for item in fields}) == len(fields) > 50
    assert all(1 <= item.weight <= 5 and item.sources for item in fields)
    assert {source for item in fields for source in item.sources} == {
        "G7", "SPDX", "OWASP", "AI Act", "NIST", "weighbridge"
    }  # fmt: skip
    assert all(item.verify is not None for item in fields if item.critical)
    assert all(bool(item.at) == (item.basis == "bom") for item in fields)


def test_a_release_that_knows_everything_critical_passes(billed: BilledWorld) -> None:
    billed.in_dev()
    billed.world.promote("1.0.0", to="prod")
    found = scored(known(billed))
    assert found.passed
    assert found.critical == ()
    assert found.consistency is not None
    assert (found.consistency.percent, found.consistency.disagreements) == (100, ())
    assert found.presence > found.verified > 50
    assert "model-licence" not in ids(found, "unverified") | ids(found, "missing")
    assert "model-metrics" in ids(found, "unverified")
    assert "data-provenance" not in ids(found, "unverified") | ids(found, "missing")
    assert {"bom-time", "data-licence", "model-inputs"} <= ids(found, "missing")


def test_a_release_that_is_registered_and_not_promoted_is_scored_too(billed: BilledWorld) -> None:
    billed.register()
    found = known(billed, channel="dev")
    assert found.place == "dev, registered"
    assert ids(scored(found), "critical") == {"stated-inspection"}


def test_a_bill_by_itself_verifies_nothing() -> None:
    found = score_document(document())
    assert (found.verified, found.consistency, found.passed) == (0, None, False)
    assert found.presence > 60
    assert score_document({}).presence == 0


def test_less_that_is_known_is_less_presence() -> None:
    whole, bare = score_document(document()), score_document(document(texts={}, lock=None))
    assert whole.presence > bare.presence
    assert {"runtime-dependencies", "model-licence", "model-family"} <= ids(bare, "missing")


@pytest.mark.parametrize(
    ("changes", "unverified"),
    [
        ({"lock": None}, {"runtime-lock", "runtime-dependencies", "runtime-hashes"}),
        ({"lock": b"other"}, {"runtime-lock", "runtime-dependencies", "runtime-hashes"}),
        (
            {"statements": ()},
            {
                "bom-author", "model-name", "model-version", "model-files", "runtime-image", "training-job", "training-source",
                "base-name", "base-revision", "data-name", "data-digest", "stated-inspection",
            },
        ),
    ],
    ids=["no lock file", "another lock file", "nothing signed"],
)  # fmt: skip
def test_without_proof_nothing_is_verified(
    billed: BilledWorld, changes: dict[str, object], unverified: set[str]
) -> None:
    billed.in_dev()
    billed.world.promote("1.0.0", to="prod")
    assert ids(scored(known(billed), **changes), "critical") == unverified


def test_words_of_the_card_are_verified_by_its_bytes_alone(billed: BilledWorld) -> None:
    billed.in_dev()
    billed.world.promote("1.0.0", to="prod")
    found = known(billed)
    without = score_release(bom=found.bom, evidence=found.evidence)
    assert {"model-licence", "model-family", "model-remote-code"} <= ids(without, "unverified")
    assert without.passed


def test_what_the_job_alone_claims_is_not_verified(billed: BilledWorld) -> None:
    done = billed.in_dev()
    billed.world.promote("1.0.0", to="prod")
    assert set(done.release.lineage.claimed) == {"base_model", "metrics"}
    found = known(billed)
    release = found.evidence.release
    claims = replace(release, lineage=replace(release.lineage, claimed=("base_model", "datasets", "parameters")))
    data = bill_of(claims)
    claimed = replace(claims, bom=replace(release.bom, size=len(data), digest=Digest.of(data)))  # type: ignore[type-var]
    score = score_release(bom=data, evidence=replace(found.evidence, release=claimed))
    assert {"base-name", "base-revision", "data-name", "data-digest"} <= ids(score, "unverified")


def bill_of(release: object) -> bytes:
    from weighbridge.bom import Contents, make_bom
    from weighbridge.release import Release

    assert isinstance(release, Release)
    return make_bom(contents=Contents.of(release))


def other_dataset(predicate: JsonObject) -> None:
    definition = predicate["buildDefinition"]
    assert isinstance(definition, dict)
    items = definition["resolvedDependencies"]
    assert isinstance(items, list)
    for item in items:
        if item["name"] == "dataset train":
            item["digest"] = {"sha256": "9" * 64}


def no_metrics(predicate: JsonObject) -> None:
    definition = predicate["buildDefinition"]
    assert isinstance(definition, dict)
    definition["internalParameters"] = {}


def other_file(predicate: JsonObject) -> None:
    files = predicate["files"]
    assert isinstance(files, list)
    for item in files:
        if item["path"] == "model.safetensors":
            item["sha256"] = "9" * 64


@pytest.mark.parametrize(
    ("kind", "change", "part", "where"),
    [
        (PREDICATE_TYPE, other_dataset, "dataset train", "the registrar's provenance"),
        (PREDICATE_TYPE, no_metrics, "metric accuracy", "the registrar's provenance"),
        (INSPECTION_TYPE, other_file, "file model.safetensors", "the inspection"),
    ],
)
def test_whoever_tells_something_else_is_named(
    billed: BilledWorld, kind: str, change: Callable[[JsonObject], None], part: str, where: str
) -> None:
    import json

    billed.in_dev()
    billed.world.promote("1.0.0", to="prod")
    found = known(billed)
    statements = []
    for item in found.evidence.statements:
        predicate = json.loads(json.dumps(item.predicate))
        if item.predicate_type == kind:
            change(predicate)
        statements.append(Statement(item.predicate_type, predicate, item.signed_by))
    score = scored(found, statements=tuple(statements))
    assert score.consistency is not None
    assert [(item.part, item.where) for item in score.consistency.disagreements] == [(part, where)]
    assert 0 < score.consistency.percent < 100
    assert not score.passed


def test_a_statement_of_the_wrong_role_counts_for_nothing(billed: BilledWorld) -> None:
    billed.in_dev()
    billed.world.promote("1.0.0", to="prod")
    found = known(billed)
    stolen = tuple(
        replace(item, signed_by=(billed.world.registrar.public_key.keyid,)) for item in found.evidence.statements
    )
    assert "stated-inspection" in ids(scored(found, statements=stolen), "critical")


def test_what_is_deployed_is_compared(billed: BilledWorld) -> None:
    for version in ("1.0.0", "2.0.0"):
        billed.in_dev(version)
        billed.world.promote(version, to="prod")
    state, world = billed.world.state("prod"), billed.world
    ids_of = {item.version: item.release_id for item in state.promotions(MODEL)}
    for version, parts in (("1.0.0", []), ("2.0.0", ["release"])):
        found = read_known(
            client=world.registry, layout=world.channels["prod"].layout, state=state, version="1.0.0",  # type: ignore[arg-type]
            deployed=ids_of[version],
        )  # fmt: skip
        told = scored(found).consistency
        assert told is not None
        assert [item.part for item in told.disagreements] == parts


def test_another_bill_than_the_releases_is_refused(billed: BilledWorld) -> None:
    billed.in_dev()
    billed.world.promote("1.0.0", to="prod")
    found = known(billed)
    evidence: Evidence = found.evidence
    with pytest.raises(IntegrityError, match="dataset train: the bill says"):
        score_release(bom=bill(version="1.0.0", name=MODEL), evidence=evidence)
