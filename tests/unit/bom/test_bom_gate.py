"""The gate `bom`: what was changed without a new release is refused and named; so is what nothing verifies."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.bom.billed_world import BilledWorld
from tests.unit.bom.bills import CARD, LOCK
from tests.unit.promotion.promotion_world import MODEL
from weighbridge import canonical
from weighbridge.audit.signed import Signed
from weighbridge.audit.stored import check_records, list_stored
from weighbridge.bom import make_bom
from weighbridge.errors import IntegrityError, RefusedError, TrustError
from weighbridge.promotion.candidate import Candidate
from weighbridge.registration import Registration, binding
from weighbridge.verification import VerifiedRelease, verify_release


@pytest.fixture
def billed(tmp_path: Path) -> BilledWorld:
    return BilledWorld.make(tmp_path)


def resolve(billed: BilledWorld) -> VerifiedRelease:
    world = billed.world
    return verify_release(
        client=world.registry, layout=world.channels["prod"].layout, state=world.state("prod"), name=MODEL  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.parametrize("level", ["consistent", "verified"])
def test_a_whole_bill_passes_at_promotion_and_resolution(billed: BilledWorld, level: str) -> None:
    billed.in_dev()
    billed.demand(bom=level)
    found = {gate.name: gate for gate in billed.examine().gates}
    assert (found["bom"].passed, found["bom"].detail) == (True, level)
    billed.world.promote("1.0.0", to="prod")
    assert resolve(billed).release.version == "1.0.0"


def refused_everywhere(billed: BilledWorld, monkeypatch: pytest.MonkeyPatch, *words: str, rule: str) -> None:
    """The examination names the gate; promotion refuses; past it, resolving refuses by the same rule."""
    failed = [gate for gate in billed.examine().gates if not gate.passed]
    assert [gate.error.rule for gate in failed if gate.error is not None] == [rule]
    assert all(gate.remedy for gate in failed)
    with pytest.raises(TrustError) as refusal:
        billed.world.promote("1.0.0", to="prod")
    assert refusal.value.rule == rule
    assert all(word in str(refusal.value) for word in words), str(refusal.value)
    assert billed.world.state("prod").promotions(MODEL) == ()
    monkeypatch.setattr(Candidate, "judge", lambda *_, **__: ())
    billed.world.promote("1.0.0", to="prod")
    with pytest.raises(TrustError) as refusal:
        resolve(billed)
    assert refusal.value.rule == rule


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ({"lock": None}, ("locked dependencies", "digests of every dependency")),
        ({"datasets": ()}, ("training datasets",)),
        ({"commit": None}, ("commit of the training's source",)),
    ],
    ids=["no lock file", "no data", "no commit"],
)
def test_what_nothing_verifies_is_refused_and_named(
    billed: BilledWorld, monkeypatch: pytest.MonkeyPatch, known: dict[str, object], words: tuple[str, ...]
) -> None:
    billed.in_dev(**known)
    billed.demand(bom="consistent")
    assert billed.examine().passed
    billed.demand(bom="verified")
    refused_everywhere(billed, monkeypatch, *words, rule="refused.bom")


def test_a_policy_that_asks_for_no_bill_judges_none(billed: BilledWorld) -> None:
    billed.in_dev(lock=None, datasets=())
    billed.demand()
    assert billed.examine().passed


def edit(data: bytes, change: Callable[[dict[str, object]], None]) -> bytes:
    document = json.loads(data)
    change(document)
    return canonical.dump(document)


def other_dependency(document: dict[str, object]) -> None:
    _part(document, "pkg:pypi/numpy@2.0.0")["hashes"] = [{"alg": "SHA-256", "content": "9" * 64}]


def other_dataset(document: dict[str, object]) -> None:
    _part(document, "dataset:train")["hashes"] = [{"alg": "SHA-256", "content": "9" * 64}]


def other_weights(document: dict[str, object]) -> None:
    _part(document, "file:model.safetensors")["hashes"] = [{"alg": "SHA-256", "content": "9" * 64}]


def other_image(document: dict[str, object]) -> None:
    _part(document, "image")["version"] = "sha256:" + "9" * 64


def one_more_component(document: dict[str, object]) -> None:
    components = document["components"]
    assert isinstance(components, list)
    components.append({"type": "data", "name": "hidden", "bom-ref": "dataset:hidden"})


def claimed_parameter(document: dict[str, object]) -> None:
    formulation = document["formulation"]
    assert isinstance(formulation, list)
    (values,) = (item["parameters"] for item in formulation[0]["workflows"][0]["inputs"] if "parameters" in item)
    next(item for item in values if item["name"] == "epochs")["value"] = "300"


def dangling(document: dict[str, object]) -> None:
    dependencies = document["dependencies"]
    assert isinstance(dependencies, list)
    dependencies[0]["dependsOn"].append("pkg:pypi/elsewhere@1")


def _part(document: dict[str, object], ref: str) -> dict[str, object]:
    components = document["components"]
    assert isinstance(components, list)
    (found,) = (item for item in components if item["bom-ref"] == ref)
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (other_dataset, "dataset train"),
        (other_weights, "file model.safetensors"),
        (other_image, "runtime image"),
        (one_more_component, "dataset hidden"),
    ],
)
def test_a_bill_that_was_changed_is_refused_and_the_part_named(
    billed: BilledWorld, change: Callable[[dict[str, object]], None], part: str
) -> None:
    done = billed.in_dev()
    place = billed.record(done, "bom.cdx.json")
    billed.files[place] = edit(billed.files[place], change)
    refused_with(billed, f"({part}: the bill says", IntegrityError)


def test_a_dependency_that_was_changed_in_the_bill_is_refused(billed: BilledWorld) -> None:
    done = billed.in_dev()
    place = billed.record(done, "bom.cdx.json")
    billed.files[place] = edit(billed.files[place], other_dependency)
    refused_with(billed, "bom.cdx.json: is not the release's (dependency numpy 2.0.0: the bill says", IntegrityError)


def test_a_dependency_that_was_changed_in_the_lock_file_is_named(billed: BilledWorld) -> None:
    done = billed.in_dev()
    place = billed.record(done, "lock.txt")
    billed.files[place] = LOCK.replace(b"1" * 64, b"9" * 64)
    refused_with(billed, "lock.txt: is not the release's (dependency numpy 2.0.0: ", IntegrityError)


def test_a_byte_of_the_weights_is_named(billed: BilledWorld) -> None:
    billed.in_dev()
    place = ("dev-models", f"models/{MODEL}/1.0.0/model.safetensors")
    billed.files[place] = b"W" + billed.files[place][1:]
    refused_with(billed, "model.safetensors: holds", IntegrityError)


@pytest.mark.parametrize("source", ["dev", "registered"])
def test_a_dataset_that_was_changed_in_the_release_is_named(billed: BilledWorld, source: str) -> None:
    done = billed.register()
    billed.inspect(done)
    if source == "dev":
        billed.world.promote("1.0.0", to="dev")
        place = billed.record(done, f"records/{billed.world.state('dev').head(MODEL).statements.hex}.json")
        record = json.loads(billed.files[place])
        record["release"] = _with_dataset(record["release"].encode()).decode()
        billed.files[place] = canonical.dump(record)
        refused_with(billed, "dataset train: the bill says", IntegrityError)
        return
    place = billed.record(done, "release.json")
    billed.files[place] = _with_dataset(billed.files[place])
    with pytest.raises(IntegrityError, match="dataset train: the bill says"):
        billed.world.promote("1.0.0", to="dev")


def _with_dataset(release: bytes) -> bytes:
    document = json.loads(release)
    document["lineage"]["datasets"][0]["sha256"] = "9" * 64
    return canonical.dump(document)


def refused_with(billed: BilledWorld, words: str, kind: type[RefusedError]) -> None:
    before = dict(billed.files)
    with pytest.raises(kind) as refusal:
        billed.world.promote("1.0.0", to="prod")
    assert words in str(refusal.value), str(refusal.value)
    assert billed.files == before


def test_a_control_without_a_change_passes(billed: BilledWorld) -> None:
    billed.in_dev()
    billed.world.promote("1.0.0", to="prod")


@pytest.mark.parametrize(
    ("card", "rule"),
    [
        (CARD, None),
        (CARD.replace(b"apache-2.0", b"Apache-2.0"), None),
        (CARD.replace(b"apache-2.0", b"gpl-3.0"), "refused.licence"),
        (CARD.replace(b"apache-2.0", b"unknown"), "refused.licence"),
        (b"# no front matter", "refused.licence"),
        (None, "refused.licence"),
    ],
    ids=["allowed", "upper case", "another", "unknown", "none", "no card"],
)
def test_licences(billed: BilledWorld, monkeypatch: pytest.MonkeyPatch, card: bytes | None, rule: str | None) -> None:
    billed.in_dev(card=card)
    billed.demand(licences=("apache-2.0",))
    if rule is None:
        billed.world.promote("1.0.0", to="prod")
        resolve(billed)
        return
    refused_everywhere(billed, monkeypatch, "licence", rule=rule)


@pytest.mark.parametrize("licence", [b"apache-2.0", b"gpl-3.0"])
def test_the_licence_of_an_admitted_base_model_counts_too(
    billed: BilledWorld, monkeypatch: pytest.MonkeyPatch, licence: bytes
) -> None:
    billed.in_dev(base_card=CARD.replace(b"apache-2.0", licence))
    billed.demand(licences=("apache-2.0",))
    if licence == b"apache-2.0":
        billed.world.promote("1.0.0", to="prod")
        return
    refused_everywhere(billed, monkeypatch, "licence 'gpl-3.0'", rule="refused.licence")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (other_dependency, "dependency numpy 2.0.0: the bill says"),
        (other_dataset, "dataset train: the bill says"),
        (other_weights, "file model.safetensors: the bill says"),
        (other_image, "runtime image: the bill says"),
        (one_more_component, "dataset hidden: the bill says no digest, the release says nothing"),
        (claimed_parameter, "parameter epochs: the bill says 300"),
        (dangling, "which is nowhere"),
    ],
)
def test_a_registrar_that_composes_another_bill_is_refused(
    billed: BilledWorld,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[dict[str, object]], None],
    words: str,
) -> None:
    """Every digest and signature is right: what is signed for does not tell the same."""
    monkeypatch.setattr(binding, "make_bom", lambda **given: edit(make_bom(**given), change))
    billed.in_dev()
    billed.demand(bom="consistent")
    refused_everywhere(billed, monkeypatch, words, rule="refused.bom")


def completed(billed: BilledWorld, first: Registration) -> None:
    again = billed.register()
    assert again.digest == first.digest


def test_a_registration_that_began_without_the_lock_file_is_completed_without(billed: BilledWorld) -> None:
    first = billed.register(lock=None)
    assert billed.record(first, "lock.txt") not in billed.files
    completed(billed, first)


def test_a_lock_file_that_was_kept_once_is_found_again(billed: BilledWorld) -> None:
    billed.register("0.9.0")
    later = billed.register("1.0.0", lock=None)
    assert billed.files[billed.record(later, "lock.txt")] == LOCK


def test_a_kept_lock_file_that_was_replaced_is_not_believed(billed: BilledWorld) -> None:
    billed.register("0.9.0")
    (place,) = (key for key in billed.files if "runtime-images/locks/" in key[1])
    billed.files[place] = b"evil==1 --hash=sha256:" + b"9" * 64
    later = billed.register("1.0.0", lock=None)
    assert b"pkg:pypi/" not in billed.files[billed.record(later, "bom.cdx.json")]


def test_the_audit_knows_a_releases_lock_file_and_names_another(billed: BilledWorld) -> None:
    done, layout = billed.register(), billed.world.channels["dev"].layout
    signed = Signed(releases={done.digest: done.release})

    def found() -> list[tuple[str, str]]:
        stored = list_stored(billed.world.registry, layout)
        return [(item.rule, item.subject) for item in check_records(layout, stored, signed)]

    assert found() == []
    place = billed.record(done, "lock.txt")
    billed.files[place] = LOCK + b"#"
    assert found() == [("audit.record-altered", "/".join(place))]
