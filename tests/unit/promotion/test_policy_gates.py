"""The gates of a policy: refused at promotion and, with the promotion's own check bypassed, at resolution and at load; a control passes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.unit.promotion.policy_roles import Roles, in_dev, resolve
from tests.unit.promotion.promotion_world import IMAGE, MODEL, NOW, PromotionWorld
from weighbridge.canonical import Json, JsonObject
from weighbridge.cli import approve
from weighbridge.errors import CloudError, InputError, TrustError, WeighbridgeError
from weighbridge.names import Digest
from weighbridge.promotion import BrokenGlass, Publisher, examine
from weighbridge.promotion.candidate import Candidate
from weighbridge.registration import Registration
from weighbridge.trust import (
    APPROVAL_TYPE,
    BREAK_GLASS_TYPE,
    IMAGE_TYPE,
    Approval,
    Approvals,
    Gates,
    Policy,
    Waiver,
    bundle,
    channel,
    parse_policy,
    sign_image_statement,
)
from weighbridge.trust.approval import MOST_WAIVER_HOURS
from weighbridge.trust.inspected import INSPECTION_TYPE
from weighbridge.trust.statements import source_of_bundle
from weighbridge.trust.times import format_time

ANN, BOB, CAT = ("arn:aws:iam::111111111111:user/" + name for name in ("ann", "bob", "cat"))
REGISTRAR = "urn:registrar"


@pytest.fixture
def roles(world: PromotionWorld) -> Roles:
    return Roles(world)


def refused_everywhere(world: PromotionWorld, monkeypatch: pytest.MonkeyPatch, rule: str) -> None:
    """The promotion is refused and no head moves; past it, resolver and container refuse by the same rule."""
    with pytest.raises(TrustError) as refusal:
        world.promote("1.0.0", to="prod")
    assert refusal.value.rule == rule
    assert world.state("prod").promotions(MODEL) == ()
    monkeypatch.setattr(Candidate, "judge", lambda *_, **__: ())
    world.promote("1.0.0", to="prod")
    with pytest.raises(TrustError) as refusal:
        resolve(world)
    assert refusal.value.rule == rule


def test_a_policy_without_gates_is_written_as_every_reader_knows_it(world: PromotionWorld) -> None:
    policy = world.channels["prod"].policy
    assert b'"weighbridge.policy/v1"' in policy.to_bytes()
    more = replace(policy, gates=Gates(soak_hours=1, approvals=Approvals(count=2, days=3), formats=("json",)))
    assert b'"weighbridge.policy/v2"' in more.to_bytes()
    assert (parse_policy(policy.to_bytes()).gates, parse_policy(more.to_bytes()).gates) == (Gates(), more.gates)


@pytest.mark.parametrize(
    "gates",
    [{"soak_hours": -1}, {"soak_hours": 9000}, {"base_models": ("minilm",)}, {"separation": True}],
    ids=str,
)
def test_a_gate_that_means_nothing_is_refused(gates: dict[str, object]) -> None:
    with pytest.raises(InputError, match=r"gates\."):
        Gates(**gates)  # type: ignore[arg-type]


def test_base_models(world: PromotionWorld, roles: Roles, monkeypatch: pytest.MonkeyPatch) -> None:
    in_dev(world)
    roles.demand(base_models=("org/base", "org/other@" + "b" * 40))
    world.promote("1.0.0", to="prod")
    roles.demand(base_models=("org/base@" + "a" * 40,))
    resolve(world)
    roles.demand(base_models=("org/base@" + "b" * 40,))
    with pytest.raises(TrustError) as refusal:
        resolve(world)
    assert refusal.value.rule == "refused.base-model"


def test_formats_are_those_that_the_inspector_found(
    world: PromotionWorld, roles: Roles, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = in_dev(world)
    files: list[Json] = [
        {"path": item.path, "format": "json" if item.path.endswith(".json") else "safetensors"}
        for item in done.release.components
    ]
    said: JsonObject = {"verdict": "clean", "inspected_at": "2026-11-23T12:00:00Z", "files": files}
    roles.say(done, INSPECTION_TYPE, said, roles.inspector, role="inspector")
    required = {INSPECTION_TYPE: "inspector"}
    roles.demand(required=required, formats=("safetensors", "json"))
    world.promote("1.0.0", to="prod")
    resolve(world)
    roles.demand(required=required, formats=("safetensors",))
    with pytest.raises(TrustError) as refusal:
        resolve(world)
    assert (refusal.value.rule, "config.json" in str(refusal.value)) == ("refused.format", True)


def test_what_no_inspection_names_has_no_format(
    world: PromotionWorld, roles: Roles, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_dev(world)
    roles.demand(formats=("safetensors", "json"))
    refused_everywhere(world, monkeypatch, "refused.format")


def test_soak_time(world: PromotionWorld, roles: Roles, monkeypatch: pytest.MonkeyPatch) -> None:
    in_dev(world)
    roles.demand(soak_hours=2)
    refused_everywhere(world, monkeypatch, "refused.soak")


def test_soaked_long_enough(world: PromotionWorld, roles: Roles) -> None:
    in_dev(world)
    roles.demand(soak_hours=2)
    world.promote("1.0.0", to="prod", now=NOW + timedelta(hours=2))
    assert resolve(world).waived == frozenset()


def principals(world: PromotionWorld, who: str, channel: str = "prod") -> dict[str, str]:
    return {world.channels[channel].promoters[0].public_key.keyid: who}


@pytest.mark.parametrize("who", ["dora", REGISTRAR])
def test_who_promoted_before_or_registered_may_not_promote(
    world: PromotionWorld, roles: Roles, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    in_dev(world)
    roles.demand(separation=True, principals=principals(world, who))
    refused_everywhere(world, monkeypatch, "refused.separation")


def test_another_person_may_promote_under_the_name_of_the_key(world: PromotionWorld, roles: Roles) -> None:
    in_dev(world)
    roles.demand(separation=True, principals=principals(world, ANN))
    assert world.promote("1.0.0", to="prod", by="somebody else").promotion.promoted_by == ANN
    resolve(world)


def test_a_name_of_nobody_does_not_promote(
    world: PromotionWorld, roles: Roles, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_dev(world)
    roles.demand(separation=True, principals=principals(world, ANN))
    monkeypatch.setattr(Publisher, "authenticated", lambda publisher, _: publisher)
    refused_everywhere(world, monkeypatch, "refused.separation")


def test_a_key_of_nobody_does_not_promote(world: PromotionWorld, roles: Roles) -> None:
    in_dev(world)
    roles.demand(separation=True, principals={"e" * 64: ANN})
    with pytest.raises(TrustError) as refusal:
        world.promote("1.0.0", to="prod", by=ANN)
    assert refusal.value.rule == "refused.promoter"


@pytest.mark.parametrize("apart", [True, False])
def test_a_promoters_key_that_also_states_something_is_refused_where_duties_are_kept_apart(
    world: PromotionWorld, roles: Roles, monkeypatch: pytest.MonkeyPatch, apart: bool
) -> None:
    promoter = world.channels["prod"].promoters[0]
    in_dev(world)
    world.promote("1.0.0", to="prod", now=NOW)
    monkeypatch.setattr(roles, "approver", promoter)
    if not apart:
        roles.demand(separation=apart, principals=principals(world, ANN))
        assert world.state("prod").head(MODEL).version == "1.0.0"
        return
    with pytest.raises(TrustError, match="promotes and signs statements"):
        roles.demand(separation=apart, principals=principals(world, ANN))
    assert world.state("prod").head(MODEL).version == "1.0.0", "a policy that readers would refuse is not published"
    monkeypatch.setattr(channel, "check_duties", lambda **_: None)
    roles.demand(separation=apart, principals=principals(world, ANN))
    with pytest.raises(TrustError, match="promotes and signs statements") as refusal:
        world.state("prod")
    assert refusal.value.rule == "refused.separation"


def test_a_bundle_holds_the_promotion_that_is_named_and_no_other_number_of_it(world: PromotionWorld) -> None:
    in_dev(world)
    source = world.state("dev").head(MODEL)
    data = bundle([], source=source)
    assert source_of_bundle(data, expected=source.release_id) == source
    with pytest.raises(TrustError, match="the source is 1@") as refusal:
        source_of_bundle(data, expected=replace(source.release_id, sequence=2))
    assert refusal.value.rule == "refused.promotion"


TWO = {"required": {APPROVAL_TYPE: "approver"}, "approvals": Approvals(count=2, days=7)}


def expired(roles: Roles, done: Registration) -> None:
    roles.approve(done, BOB)
    roles.approve(done, CAT, at=NOW - timedelta(days=7), days=7)


def early(roles: Roles, done: Registration) -> None:
    roles.approve(done, BOB)
    roles.approve(done, CAT, at=NOW + timedelta(minutes=1))


def one_twice(roles: Roles, done: Registration) -> None:
    roles.approve(done, BOB)
    roles.approve(done, BOB, at=NOW - timedelta(minutes=1))


def one_in_two_sessions(roles: Roles, done: Registration) -> None:
    for session in ("x", "y"):
        roles.approve(done, f"arn:aws:sts::111111111111:assumed-role/approvers/{session}")


def one_in_two_permission_sets(roles: Roles, done: Registration) -> None:
    for name in ("AWSReservedSSO_a_1", "AWSReservedSSO_b_2"):
        roles.approve(done, f"arn:aws:sts::111111111111:assumed-role/{name}/bob@example.com")


def other_channel(roles: Roles, done: Registration) -> None:
    roles.approve(done, BOB)
    roles.approve(done, CAT, channel="staging")


def too_long(roles: Roles, done: Registration) -> None:
    roles.approve(done, BOB)
    roles.approve(done, CAT, days=8)


def other_key(roles: Roles, done: Registration) -> None:
    roles.approve(done, BOB)
    said = Approval(
        channel="prod", approver=CAT, reason="r", approved_at=NOW, expires=NOW + timedelta(days=1), event="e"
    ).predicate()
    roles.say(done, APPROVAL_TYPE, said, roles.inspector, role="approver")


def promoters_own(roles: Roles, done: Registration) -> None:
    roles.demand(**TWO, separation=True, principals=principals(roles.world, ANN))  # type: ignore[arg-type]
    roles.approve(done, ANN)
    roles.approve(done, BOB)


@pytest.mark.parametrize(
    "attack",
    [
        expired, early, one_twice, one_in_two_sessions, one_in_two_permission_sets, other_channel, too_long, other_key,
        promoters_own,
    ],
)  # fmt: skip
def test_approvals_that_do_not_count(
    world: PromotionWorld, roles: Roles, monkeypatch: pytest.MonkeyPatch, attack: Callable[[Roles, Registration], None]
) -> None:
    done = in_dev(world)
    roles.demand(**TWO)  # type: ignore[arg-type]
    attack(roles, done)
    refused_everywhere(world, monkeypatch, "refused.approvals")


def test_two_people_approve_and_what_expires_later_changes_nothing(world: PromotionWorld, roles: Roles) -> None:
    first, second = in_dev(world), in_dev(world, "2.0.0")
    roles.demand(**TWO)  # type: ignore[arg-type]
    for done in (first, second):
        roles.approve(done, BOB)
        roles.approve(done, "arn:aws:sts::111111111111:assumed-role/AWSReservedSSO_a_1/cat@example.com")
    world.promote("1.0.0", to="prod")
    world.promote("2.0.0", to="prod", now=NOW + timedelta(days=1))
    resolve(world)
    going_back = world.roll_back("1.0.0", now=NOW + timedelta(days=30))
    assert (going_back.promotion.reason, resolve(world).release.version) == ("rollback", "1.0.0")


def test_going_back_to_what_never_was_promoted_is_no_way_around(world: PromotionWorld, roles: Roles) -> None:
    in_dev(world)
    roles.demand(**TWO)  # type: ignore[arg-type]
    head = world.state("dev").head(MODEL)
    from weighbridge.trust import PromotionRequest

    request = PromotionRequest(
        name=MODEL, version="1.0.0", release=head.release, statements=head.statements, source="dev",
        source_id=head.release_id, reason="rollback", promoted_by="ann",
    )  # fmt: skip
    world.channel("prod").publish_promotion(request=request, signers=world.channels["prod"].promoters, now=NOW)
    for (repository, path), data in list(world.registry.files.items()):
        if repository == "dev-records" and "/releases/" in path:
            world.registry.files["prod-records", path] = data
    roles.demand(approvals=Approvals(count=1, days=7))
    with pytest.raises(TrustError) as refusal:
        resolve(world)
    assert refusal.value.rule == "refused.promotion"


def waived(world: PromotionWorld, roles: Roles) -> Registration:
    done = in_dev(world)
    roles.demand(soak_hours=24)
    for signer in roles.glass[:2]:
        roles.waive(done, signer, "soak", "approvals")
    return done


def test_two_people_break_the_glass_and_somebody_is_told_before_the_head_moves(
    world: PromotionWorld, roles: Roles
) -> None:
    done = in_dev(world)
    roles.demand(soak_hours=24)
    told: list[tuple[BrokenGlass, int]] = []

    def ring(glass: BrokenGlass) -> None:
        told.append((glass, len(world.state("prod").promotions(MODEL))))

    roles.waive(done, roles.glass[0], "soak")
    with pytest.raises(TrustError):
        world.promote("1.0.0", to="prod", ring=ring)
    assert told == []
    roles.waive(done, roles.glass[1], "soak", "approvals")
    promotion = world.promote("1.0.0", to="prod", ring=ring).promotion
    assert resolve(world).waived == {"soak"}
    [(glass, promoted_before)] = told
    assert (glass.release, glass.statements, glass.promoted_by) == (done.digest, promotion.statements, "ann")
    assert (glass.waived, promoted_before) == (("soak",), 0)
    world.promote("1.0.0", to="prod", ring=ring)
    assert len(told) == 1, "a repetition that changes nothing breaks nothing"


def nobody_answers(glass: BrokenGlass) -> None:
    raise CloudError("events:PutEvents on the bus: AccessDenied")


@pytest.mark.parametrize(("ring", "rule"), [(None, "refused.glass-untold"), (nobody_answers, "cloud")])
def test_glass_that_nobody_learns_of_stays_whole(
    world: PromotionWorld, roles: Roles, ring: Callable[[BrokenGlass], None] | None, rule: str
) -> None:
    waived(world, roles)
    with pytest.raises(WeighbridgeError, match="waived by two people, and nobody") as refusal:
        world.promote("1.0.0", to="prod", ring=ring)
    assert refusal.value.rule == rule
    assert world.state("prod").promotions(MODEL) == ()


def test_going_back_to_a_promotion_that_broke_the_glass_is_told_too(world: PromotionWorld, roles: Roles) -> None:
    waived(world, roles)
    told: list[BrokenGlass] = []
    world.promote("1.0.0", to="prod", ring=told.append)
    in_dev(world, "2.0.0")
    world.promote("2.0.0", to="prod", now=NOW + timedelta(days=2))
    with pytest.raises(TrustError) as refusal:
        world.roll_back("1.0.0", now=NOW + timedelta(days=3))
    assert (refusal.value.rule, world.state("prod").head(MODEL).version) == ("refused.glass-untold", "2.0.0")
    world.roll_back("1.0.0", now=NOW + timedelta(days=3), ring=told.append)
    assert [item.waived for item in told] == [("soak",), ("soak",)]


@pytest.mark.parametrize("how", ["expired", "one person", "another gate", "another role"])
def test_glass_that_is_not_broken(
    world: PromotionWorld, roles: Roles, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    done = in_dev(world)
    names = {item.public_key.keyid: BOB for item in roles.glass[:2]} | principals(world, ANN)
    roles.demand(soak_hours=24, principals=names if how == "one person" else {})
    first, second = roles.glass[0], roles.approver if how == "another role" else roles.glass[1]
    roles.waive(done, first, "soak")
    if how == "expired":
        roles.waive(done, second, "soak", at=NOW - timedelta(hours=1))
    else:
        roles.waive(done, second, "separation" if how == "another gate" else "soak")
    refused_everywhere(world, monkeypatch, "refused.soak")


@pytest.mark.parametrize("gate", ["statements", "revocations", "formats", "base-models"])
def test_what_cannot_be_waived(gate: str) -> None:
    with pytest.raises(InputError, match="waives"):
        Waiver(channel="prod", waives=(gate,), reason="fire", opened_at=NOW, expires=NOW + timedelta(hours=1))


def test_glass_is_not_broken_for_longer_than_a_waiver_may_hold(
    world: PromotionWorld, roles: Roles, monkeypatch: pytest.MonkeyPatch
) -> None:
    done, opened = in_dev(world), NOW - timedelta(hours=1)
    roles.demand(soak_hours=24)
    roles.waive(done, roles.glass[0], "soak", at=opened, hours=MOST_WAIVER_HOURS)
    said: JsonObject = {
        "channel": "prod", "waives": ["soak"], "reason": "fire", "opened_at": format_time(opened),
        "expires": format_time(opened + timedelta(hours=MOST_WAIVER_HOURS, seconds=1)),
    }  # fmt: skip
    roles.say(done, BREAK_GLASS_TYPE, said, roles.glass[1], role="breakglass")
    refused_everywhere(world, monkeypatch, "refused.soak")
    with pytest.raises(InputError, match="within 72 hours"):
        Waiver.read(said)
    assert approve.MOST_HOURS == MOST_WAIVER_HOURS


@pytest.mark.parametrize("image", [IMAGE, IMAGE.replace("a" * 64, "d" * 64)], ids=["its image", "another image"])
def test_the_runtime_image_is_stated_by_its_builder(world: PromotionWorld, roles: Roles, image: str) -> None:
    in_dev(world)
    roles.demand(required={IMAGE_TYPE: "image_builder"})
    data = bundle([sign_image_statement(image=image, predicate={"source": "x"}, signers=[roles.builder])])
    layout = world.channels["dev"].layout
    path = f"{layout.image_statements_folder(image=IMAGE)}/image_builder.{Digest.of(data).hex}.json"
    world.registry.deploy_bytes(repository=layout.records_repository, path=path, data=data)
    if image == IMAGE:
        world.promote("1.0.0", to="prod")
        assert IMAGE_TYPE in {item.predicate_type for item in resolve(world).statements}
        return
    with pytest.raises(TrustError) as refusal:
        world.promote("1.0.0", to="prod")
    assert refusal.value.rule == "refused.missing-statement"


def test_an_examination_names_every_gate_and_changes_nothing(world: PromotionWorld, roles: Roles) -> None:
    done = in_dev(world)
    roles.demand(**TWO, soak_hours=1)  # type: ignore[arg-type]
    before = dict(world.registry.files)

    def look(now: datetime) -> dict[str, bool]:
        found = examine(
            client=world.registry, target=world.access("prod"), source=world.access("dev"),  # type: ignore[arg-type]
            key_ids=(), promoted_by="ann", now=now, name=MODEL, version="1.0.0",
        )  # fmt: skip
        assert all((gate.remedy is None) == gate.passed for gate in found.gates)
        return {gate.name: gate.passed for gate in found.gates}

    assert [name for name, passed in look(NOW).items() if not passed] == ["statements"]
    roles.approve(done, BOB)
    before |= world.registry.files
    assert [name for name, passed in look(NOW).items() if not passed] == ["soak", "approvals"]
    assert world.registry.files == before
    roles.approve(done, CAT)
    assert all(look(NOW + timedelta(hours=1)).values())


def test_a_policy_keeps_its_gates_through_a_channel(world: PromotionWorld, roles: Roles) -> None:
    roles.demand(soak_hours=3, base_models=("org/base",))
    found: Policy = world.state("prod").policy
    assert found.gates == Gates(soak_hours=3, base_models=("org/base",))
