"""The bundle that a promotion names: inspections join it, junk does not, and a blocked release goes nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from securesystemslib.signer import CryptoSigner

from tests.unit.promotion.promotion_world import MODEL, NOW, PromotionWorld
from weighbridge.canonical import Json
from weighbridge.errors import TrustError
from weighbridge.names import Digest
from weighbridge.registration import Registration
from weighbridge.trust import bundle, sign_statement
from weighbridge.trust.inspected import INSPECTION_TYPE
from weighbridge.trust.provenance import PREDICATE_TYPE
from weighbridge.trust.statements import BUNDLE_LIMIT, envelopes_of
from weighbridge.verification import verify_release

CLEAN: Mapping[str, Json] = {"verdict": "clean", "inspected_at": "2026-11-23T12:00:00Z", "files": []}


@pytest.fixture
def inspector() -> CryptoSigner:
    return CryptoSigner.generate_ecdsa()


def demand(world: PromotionWorld, inspector: CryptoSigner, *channels: str) -> None:
    key = inspector.public_key
    for name in channels:
        found = world.channels[name]
        policy = replace(
            found.policy,
            keys={**found.policy.keys, key.keyid: key},
            roles={**found.policy.roles, "inspector": (key.keyid,)},
            required_statements={**found.policy.required_statements, INSPECTION_TYPE: ("inspector",)},
        )
        world.channel(name).set_policy(policy=policy, signers=found.signers.targets, now=NOW)


def state(
    world: PromotionWorld, done: Registration, signer: CryptoSigner, *, to: str = "dev", kind: str = INSPECTION_TYPE,
    role: str = "inspector", **changes: Json,
) -> str:  # fmt: skip
    envelope = sign_statement(
        name=MODEL, version=done.release.version, release=done.digest, predicate_type=kind,
        predicate={**CLEAN, **changes}, signers=[signer],
    )  # fmt: skip
    return put(world, done, bundle([envelope]), to=to, role=role)


def put(world: PromotionWorld, done: Registration, data: bytes, *, to: str = "dev", role: str = "inspector") -> str:
    layout = world.channels[to].layout
    path = layout.later_statement_path(name=MODEL, release=done.digest, role=role, bundle=Digest.of(data))
    world.registry.deploy_bytes(repository=layout.records_repository, path=path, data=data)
    return path


def types(world: PromotionWorld, channel: str) -> list[str]:
    found = verify_release(
        client=world.registry,  # type: ignore[arg-type]
        layout=world.channels[channel].layout,
        state=world.state(channel),
        name=MODEL,
    )
    return [item.predicate_type for item in found.statements]


def test_without_the_inspection_that_the_policy_requires_nothing_is_promoted(
    world: PromotionWorld, inspector: CryptoSigner
) -> None:
    done = world.register("1.0.0")
    demand(world, inspector, "dev", "prod")
    with pytest.raises(TrustError) as refusal:
        world.promote("1.0.0", to="dev")
    assert refusal.value.rule == "refused.missing-statement"
    state(world, done, inspector)
    world.promote("1.0.0", to="dev")
    world.promote("1.0.0", to="prod")
    for channel in ("dev", "prod"):
        assert types(world, channel) == [PREDICATE_TYPE, INSPECTION_TYPE]


def test_only_the_inspectors_own_key_counts(world: PromotionWorld, inspector: CryptoSigner) -> None:
    done = world.register("1.0.0")
    demand(world, inspector, "dev")
    state(world, done, CryptoSigner.generate_ecdsa())
    state(world, done, world.registrar)
    with pytest.raises(TrustError) as refusal:
        world.promote("1.0.0", to="dev")
    assert refusal.value.rule == "refused.missing-statement"


def test_an_inspection_of_another_release_does_not_count(world: PromotionWorld, inspector: CryptoSigner) -> None:
    done, other = world.register("1.0.0"), world.register("2.0.0")
    demand(world, inspector, "dev")
    data = world.registry.files["dev-records", state(world, other, inspector)]
    put(world, done, data)
    with pytest.raises(TrustError) as refusal:
        world.promote("1.0.0", to="dev")
    assert refusal.value.rule == "refused.missing-statement"


@pytest.mark.parametrize("required", [True, False])
def test_a_blocked_release_is_not_promoted_and_a_later_clean_inspection_lets_it_pass(
    world: PromotionWorld, inspector: CryptoSigner, required: bool
) -> None:
    done = world.register("1.0.0")
    demand(world, inspector, "dev")
    if not required:
        found = world.channels["dev"]
        key = inspector.public_key
        policy = replace(
            found.policy,
            keys={**found.policy.keys, key.keyid: key},
            roles={**found.policy.roles, "inspector": (key.keyid,)},
        )
        world.channel("dev").set_policy(policy=policy, signers=found.signers.targets, now=NOW)
    blocked: list[Json] = [{"path": "model.bin\n", "verdict": "blocked", "rules": ["inspect.format.pickle"]}]
    state(world, done, inspector, verdict="blocked", files=blocked)
    with pytest.raises(TrustError, match=r"'model.bin\\n': inspect\.format\.pickle") as refusal:
        world.promote("1.0.0", to="dev")
    assert refusal.value.rule == "refused.inspection"
    assert world.state("dev").promotions(MODEL) == ()
    state(world, done, inspector, inspected_at="2026-11-23T13:00:00Z")
    assert world.promote("1.0.0", to="dev", now=NOW + timedelta(hours=1)).changed


def test_a_clean_inspection_does_not_outlive_a_later_blocked_one(
    world: PromotionWorld, inspector: CryptoSigner
) -> None:
    done = world.register("1.0.0")
    demand(world, inspector, "dev", "prod")
    state(world, done, inspector)
    world.promote("1.0.0", to="dev")
    state(world, done, inspector, verdict="blocked", inspected_at="2026-11-23T13:00:00Z")
    with pytest.raises(TrustError) as refusal:
        world.promote("1.0.0", to="prod")
    assert refusal.value.rule == "refused.inspection"


@pytest.mark.parametrize("verdict", ["clean", "blocked"])
def test_an_inspection_by_another_role_stands_in_place_of_none(
    world: PromotionWorld, inspector: CryptoSigner, verdict: str
) -> None:
    done = world.register("1.0.0")
    demand(world, inspector, "dev")
    if verdict == "blocked":
        found = world.channels["dev"]
        policy = replace(world.state("dev").policy, required_statements=found.policy.required_statements)
        world.channel("dev").set_policy(policy=policy, signers=found.signers.targets, now=NOW)
    state(world, done, inspector, verdict=verdict)
    state(world, done, world.registrar, role="registrar", inspected_at="2026-11-23T12:01:00Z")
    if verdict == "clean":
        world.promote("1.0.0", to="dev")
        assert types(world, "dev") == [PREDICATE_TYPE, INSPECTION_TYPE, INSPECTION_TYPE]
        return
    with pytest.raises(TrustError) as refusal:
        world.promote("1.0.0", to="dev", now=NOW + timedelta(hours=1))
    assert refusal.value.rule == "refused.inspection"


def test_junk_among_the_statements_stops_nobody(world: PromotionWorld, inspector: CryptoSigner) -> None:
    done = world.register("1.0.0")
    demand(world, inspector, "dev")
    for junk in (b"", b"{", b'{"envelopes":[null,{}]}', b'{"envelopes":1}', bytes(range(256))):
        put(world, done, junk)
    state(world, done, CryptoSigner.generate_ecdsa())
    state(world, done, inspector)
    world.promote("1.0.0", to="dev")
    assert types(world, "dev") == [PREDICATE_TYPE, INSPECTION_TYPE]


def test_a_policy_that_asks_for_more_makes_a_new_promotion_of_the_same_release(
    world: PromotionWorld, inspector: CryptoSigner
) -> None:
    done = world.register("1.0.0")
    first = world.promote("1.0.0", to="dev")
    state(world, done, inspector)
    assert not world.promote("1.0.0", to="dev").changed
    demand(world, inspector, "dev")
    second = world.promote("1.0.0", to="dev")
    assert (second.changed, second.promotion.sequence) == (True, 2)
    assert second.promotion.release == first.promotion.release
    assert types(world, "dev") == [PREDICATE_TYPE, INSPECTION_TYPE]


def test_statements_that_the_target_does_not_know_stay_behind(world: PromotionWorld, inspector: CryptoSigner) -> None:
    done = world.register("1.0.0")
    demand(world, inspector, "dev")
    state(world, done, inspector)
    world.promote("1.0.0", to="dev")
    world.promote("1.0.0", to="prod")
    assert types(world, "prod") == [PREDICATE_TYPE]


@pytest.mark.parametrize(
    ("excepted", "refused"),
    [
        ([], False),
        ([{"path": "a.pkl", "until": "2099-01-01T00:00:00Z"}], True),
        ([{"path": "a.pkl", "until": "2026-11-23T12:00:00Z"}], True),
        ([{"path": "a.pkl", "until": "soon"}], True),
        ([None], True),
        ("none", True),
    ],
)
def test_an_exception_that_has_ended_stops_the_next_promotion(
    world: PromotionWorld, inspector: CryptoSigner, excepted: Json, refused: bool
) -> None:
    done = world.register("1.0.0")
    demand(world, inspector, "dev")
    state(world, done, inspector, excepted=excepted)
    if not refused:
        assert world.promote("1.0.0", to="dev").changed
        return
    with pytest.raises(TrustError) as refusal:
        world.promote("1.0.0", to="dev")
    assert refusal.value.rule == "refused.exception"


def test_ten_thousand_files_of_junk_hide_no_inspection(world: PromotionWorld, inspector: CryptoSigner) -> None:
    done = world.register("1.0.0")
    demand(world, inspector, "dev")
    folder = world.channels["dev"].layout.later_statements_folder(name=MODEL, release=done.digest)
    files = world.registry.files
    for number in range(9_000):
        files["dev-records", f"{folder}/{number:05}.json"] = b"{}"
    for number in range(1_000):
        junk = b'{"envelopes":[%d]}' % number
        files["dev-records", f"{folder}/inspector.{Digest.of(junk).hex}.json"] = junk
    state(world, done, inspector)
    world.promote("1.0.0", to="dev")
    assert types(world, "dev") == [PREDICATE_TYPE, INSPECTION_TYPE]


@pytest.mark.parametrize(
    "name", ["inspector.{hex}.json", "registrar.{hex}.json", "inspector.%s.json" % ("0" * 64), "a/{hex}"]
)
@pytest.mark.parametrize("size", [BUNDLE_LIMIT + 1, BUNDLE_LIMIT, 0])
def test_huge_and_empty_files_stop_nobody(world: PromotionWorld, inspector: CryptoSigner, name: str, size: int) -> None:
    done = world.register("1.0.0")
    demand(world, inspector, "dev")
    folder = world.channels["dev"].layout.later_statements_folder(name=MODEL, release=done.digest)
    junk = b"[" * size
    world.registry.files["dev-records", f"{folder}/{name.format(hex=Digest.of(junk).hex)}"] = junk
    state(world, done, inspector)
    world.promote("1.0.0", to="dev")
    assert types(world, "dev") == [PREDICATE_TYPE, INSPECTION_TYPE]


def test_a_bundle_of_very_many_envelopes_is_no_statement(world: PromotionWorld, inspector: CryptoSigner) -> None:
    done = world.register("1.0.0")
    demand(world, inspector, "dev")
    path = state(world, done, inspector)
    (envelope,) = envelopes_of(world.registry.files.pop(("dev-records", path)))
    assert isinstance(envelope, dict)
    put(world, done, bundle([envelope] * 17))
    with pytest.raises(TrustError) as refusal:
        world.promote("1.0.0", to="dev")
    assert refusal.value.rule == "refused.missing-statement"
    put(world, done, bundle([envelope]))
    world.promote("1.0.0", to="dev")


def test_what_lies_under_another_roles_name_or_digest_is_not_read(
    world: PromotionWorld, inspector: CryptoSigner
) -> None:
    done = world.register("1.0.0")
    demand(world, inspector, "dev")
    path = state(world, done, inspector)
    data = world.registry.files.pop(("dev-records", path))
    for other in (path.replace("/inspector.", "/registrar."), path[:-69] + "0" * 64 + ".json", path + "/" + "x.json"):
        world.registry.files["dev-records", other] = data
    with pytest.raises(TrustError) as refusal:
        world.promote("1.0.0", to="dev")
    assert refusal.value.rule == "refused.missing-statement"
