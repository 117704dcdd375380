"""Floor, promotion and policy: parsed strictly, one spelling each."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from securesystemslib.signer import CryptoSigner, SSlibKey
from tuf.api.metadata import Targets

from weighbridge import canonical
from weighbridge.errors import InputError, TrustError
from weighbridge.names import Digest, ReleaseId
from weighbridge.release import BaseModel, Chunks, Component, Lineage, Release, Runtime
from weighbridge.trust import (
    Floor,
    Gates,
    Policy,
    Promotion,
    RoleKeys,
    check_release_against_policy,
    parse_policy,
    parse_promotion,
)
from weighbridge.trust.targets import make_target, read_revocations, revocation_bytes, revocation_path

repeatable = settings(deadline=None, derandomize=True, max_examples=60)


floors = st.dictionaries(
    st.from_regex(r"[A-Za-z0-9_-]{1,10}(\.[A-Za-z0-9_-]{1,5})?", fullmatch=True), st.integers(1, 10**15 - 1), min_size=1
).map(Floor)


@repeatable
@given(floors)
def test_floor_round_trip(floor: Floor) -> None:
    assert Floor.parse(str(floor)) == floor


@repeatable
@given(floors, floors)
def test_merged_floor_covers_both_and_nothing_higher(one: Floor, two: Floor) -> None:
    both = one.merge(two)
    assert both.covers(one)
    assert both.covers(two)
    assert both == two.merge(one)
    assert all(version in (one.versions.get(role), two.versions.get(role)) for role, version in both.versions.items())


@repeatable
@given(floors, st.data())
def test_floor_does_not_cover_one_version_more(floor: Floor, data: st.DataObject) -> None:
    role = data.draw(st.sampled_from(sorted(floor.versions)))
    higher = Floor({role: min(floor.versions[role] + 1, 10**15 - 1)})
    assert floor.covers(higher) == (floor.versions[role] == 10**15 - 1)
    assert Floor({}).below(floor) == tuple(sorted(floor.versions))


def test_floor_is_written_in_a_fixed_order() -> None:
    floor = Floor({"minilm": 3, "targets": 2, "revocations": 1, "root": 1, "snapshot": 5, "timestamp": 5})
    assert str(floor) == "root=1,timestamp=5,snapshot=5,targets=2,minilm=3,revocations=1"


@pytest.mark.parametrize(
    "text",
    ["", "root", "root=", "root=0", "root=01", "root=-1", "root=1,", "root=1,root=2", "=1", "a b=1", "root=1;x=2"],
)
def test_malformed_floors_are_refused(text: str) -> None:
    with pytest.raises(InputError):
        Floor.parse(text)


PROMOTION = Promotion(
    channel="prod",
    name="minilm",
    version="1.0.0",
    sequence=4,
    release=Digest.of(b"release"),
    statements=Digest.of(b"statements"),
    source="dev",
    source_id=ReleaseId(2, Digest.of(b"dev promotion")),
    reason="promote",
    promoted_at=datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC),
    promoted_by="ann",
)


def test_promotion_round_trip() -> None:
    data = PROMOTION.to_bytes()
    assert parse_promotion(data, expected=PROMOTION.digest) == PROMOTION
    assert json.loads(data)["promoted_at"] == "2026-11-23T12:00:00Z"
    assert str(PROMOTION.release_id) == f"4@{Digest.of(data)}"


def test_promotion_of_other_bytes_is_refused() -> None:
    with pytest.raises(TrustError):
        parse_promotion(PROMOTION.to_bytes(), expected=Digest.of(b"other"))


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "weighbridge.promotion/v2"},
        {"extra": 1},
        {"channel": "a/b"},
        {"name": ""},
        {"version": None},
        {"sequence": 0},
        {"sequence": "4"},
        {"sequence": True},
        {"release": "0" * 64},
        {"statements": None},
        {"source": None},
        {"source_id": None},
        {"source_id": "2"},
        {"source_id": 2},
        {"reason": "hotfix"},
        {"promoted_at": "2026-11-23T12:00:00+00:00"},
        {"promoted_at": "2026-02-30T12:00:00Z"},
        {"promoted_by": ""},
        {"promoted_by": "ann\nroot"},
        {"promoted_by": "x" * 257},
    ],
    ids=range(20),
)
def test_malformed_promotions_are_refused(change: dict[str, object]) -> None:
    data = canonical.dump({**json.loads(PROMOTION.to_bytes()), **change})
    with pytest.raises(TrustError) as refusal:
        parse_promotion(data)
    assert refusal.value.rule == "refused.promotion"


def test_promotion_in_another_spelling_is_refused() -> None:
    with pytest.raises(TrustError):
        parse_promotion(PROMOTION.to_bytes() + b"\n")


def test_promotion_time_needs_a_zone() -> None:
    with pytest.raises(InputError, match="time zone"):
        replace(PROMOTION, promoted_at=datetime(2026, 11, 23)).to_bytes()  # noqa: DTZ001


ONE, TWO = (CryptoSigner.generate_ed25519().public_key for _ in range(2))
POLICY = Policy(
    channel="prod",
    keys={ONE.keyid: ONE, TWO.keyid: TWO},
    roles={"registrar": (ONE.keyid,), "inspector": (TWO.keyid,)},
    required_statements={"urn:p": ("registrar",), "urn:s": ("registrar", "inspector")},
    licences=("apache-2.0",),
    base_owners=("sentence-transformers",),
)


def test_policy_round_trip() -> None:
    assert parse_policy(POLICY.to_bytes()) == POLICY
    assert set(POLICY.keys_for("urn:s")) == {ONE.keyid, TWO.keyid}
    assert POLICY.keys_for("urn:other") == {}


@pytest.mark.parametrize(
    "edit",
    [
        lambda d: d.update(schema="x"),
        lambda d: d.update(extra=1),
        lambda d: d.pop("licences"),
        lambda d: d.update(channel="a b"),
        lambda d: d.update(keys=[]),
        lambda d: d["keys"].update(x=d["keys"].pop(ONE.keyid)),
        lambda d: d["keys"][ONE.keyid].update(keytype=1),
        lambda d: d["keys"][ONE.keyid].pop("keyval"),
        lambda d: d["keys"][ONE.keyid]["keyval"].update(public="0" * 64),
        lambda d: d["keys"].update({ONE.keyid: None}),
        lambda d: d["roles"].update(registrar=["unknown"]),
        lambda d: d["roles"].update(registrar=ONE.keyid),
        lambda d: d["roles"].update(registrar=[ONE.keyid, ONE.keyid]),
        lambda d: d["roles"].update(inspector=[ONE.keyid]),
        lambda d: d["required_statements"].update({"urn:p": ["nobody"]}),
        lambda d: d["required_statements"].update({"urn:p": []}),
        lambda d: d["roles"].update(registrar=[]),
        lambda d: d.update(base_owners=[1]),
    ],
    ids=range(18),
)
def test_malformed_policies_are_refused(edit: Callable[[dict[str, object]], object]) -> None:
    document = json.loads(POLICY.to_bytes())
    edit(document)
    with pytest.raises(TrustError) as refusal:
        parse_policy(canonical.dump(document))
    assert refusal.value.rule == "refused.policy"


def test_a_key_under_a_second_id_is_refused() -> None:
    alias = SSlibKey("0" * 64, ONE.keytype, ONE.scheme, ONE.keyval)
    with pytest.raises(InputError, match="standard id"):
        replace(POLICY, keys={**POLICY.keys, alias.keyid: alias})
    with pytest.raises(InputError, match="standard id"):
        RoleKeys(keys=(ONE, alias), threshold=2)


@pytest.mark.parametrize(("keys", "threshold"), [((), 0), ((), 1), ((ONE,), 2), ((ONE, ONE), 2), ((ONE,), 0)])
def test_thresholds_out_of_reach_are_refused(keys: tuple[SSlibKey, ...], threshold: int) -> None:
    with pytest.raises(InputError):
        RoleKeys(keys=keys, threshold=threshold)


def release(base: BaseModel | None) -> Release:
    return Release(
        name="minilm",
        version="1.0.0",
        components=(Component(path="m", size=1, digest=Digest.of(b"m"), role="load"),),
        chunks=Chunks(size=1, digest=Digest.of(b"c")),
        runtime=Runtime(image=f"registry.example/image@sha256:{'0' * 64}", lock=Digest.of(b"lock")),
        lineage=Lineage(base_model=base),
    )


def test_base_owner_must_be_allowed() -> None:
    policy = replace(POLICY, licences=())
    good = BaseModel(repository="sentence-transformers/all-MiniLM-L6-v2", revision="a" * 40)
    check_release_against_policy(release=release(good), policy=policy)
    for repository in ("sentence-transformer5/all-MiniLM-L6-v2", "Sentence-Transformers/x", "gpt2"):
        base = BaseModel(repository=repository, revision="a" * 40)
        with pytest.raises(TrustError) as refusal:
            check_release_against_policy(release=release(base), policy=policy)
        assert refusal.value.rule == "refused.base-owner"
        check_release_against_policy(release=release(base), policy=replace(policy, base_owners=()))


@pytest.mark.parametrize("restricted", [{"base_owners": ("acme",)}, {"gates": Gates(base_models=("acme/x",))}], ids=str)
def test_leaving_the_base_model_out_is_no_way_around(restricted: dict[str, Any]) -> None:
    policy = replace(POLICY, licences=(), **{"base_owners": (), **restricted})
    with pytest.raises(TrustError) as refusal:
        check_release_against_policy(release=release(None), policy=policy)
    assert refusal.value.rule == "refused.base-model"
    allowing = replace(policy, gates=replace(policy.gates, no_base_model=True))
    check_release_against_policy(release=release(None), policy=allowing)
    assert parse_policy(allowing.to_bytes()) == allowing
    check_release_against_policy(release=release(None), policy=replace(POLICY, licences=(), base_owners=()))


@pytest.mark.parametrize("licences", [None, [], ["gpl-3.0"], ["apache-2.0", "gpl-3.0"]])
def test_licences_must_be_known_and_allowed(licences: list[str] | None) -> None:
    policy = replace(POLICY, base_owners=())
    with pytest.raises(TrustError) as refusal:
        check_release_against_policy(release=release(None), policy=policy, licences=licences)
    assert refusal.value.rule == "refused.licence"
    for allowed in ("apache-2.0", "Apache-2.0"):
        check_release_against_policy(release=release(None), policy=policy, licences=[allowed])


@pytest.mark.parametrize("path", [f"revocations/{'1' * 64}", "revocations/other", "policy.json"])
def test_a_revocation_counts_under_its_own_digest_alone(path: str) -> None:
    """Else a list could revoke another release than it shows, or a record could hide behind a second one."""
    release = Digest("2" * 64)
    data = revocation_bytes(release=release, reason="poisoned dataset", revoked_at=datetime(2026, 11, 24, tzinfo=UTC))
    own = revocation_path(release)
    assert set(read_revocations(Targets(targets={own: make_target(path=own, data=data)}))) == {release}
    with pytest.raises(TrustError) as refusal:
        read_revocations(Targets(targets={path: make_target(path=path, data=data)}))
    assert refusal.value.rule == "refused.revocation"
