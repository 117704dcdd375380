"""Attacks on what is named: promotions of another model, channel or release, and approvals that do not count."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

from tuf.api.metadata import Targets

from tests.attacks.attacks_on_bytes import promoted
from tests.attacks.forging import forge
from tests.attacks.tour_gates import APPROVED, Case, Gatekeeper, Stage, place
from tests.attacks.tour_world import BOB, CAT, ELSEWHERE, MODEL, NEW, NOW, OLD, OTHER, Tour
from weighbridge.canonical import JsonObject
from weighbridge.trust import PromotionRequest
from weighbridge.trust.targets import make_target

Attack = Callable[[Gatekeeper, Stage, bool], None]


def recorded(**changes: str | int) -> Attack:
    """Return an attack with the promoter's key: the head's record says something else than its place."""

    def attack(keeper: Gatekeeper, stage: Stage, hostile: bool) -> None:
        tour, channel = keeper.tour, promoted(keeper, stage)
        head = tour.state(channel).head(MODEL)
        record = {**json.loads(head.to_bytes()), **(changes if hostile else {})}
        data = json.dumps(record, sort_keys=True, separators=(",", ":")).encode()

        def edit(targets: Targets) -> None:
            targets.targets[head.target_path] = make_target(path=head.target_path, data=data)

        forge(tour, channel, MODEL, signers=tour.channels[channel].promoters[:1], edit=edit)

    return attack


def promote_a_release_of_another_model(keeper: Gatekeeper, stage: Stage, hostile: bool) -> None:
    tour = keeper.tour
    tour.force(place(stage), release=tour.releases[ELSEWHERE if hostile else NEW].release.to_bytes())


def ask_for_another_model(keeper: Gatekeeper, stage: Stage, hostile: bool) -> None:
    """Who may write the parameter, or asks for a promotion, names what belongs to another model."""
    tour = keeper.tour
    promoted(keeper, stage)
    if not hostile:
        return
    keeper.version = ELSEWHERE
    other = tour.releases[ELSEWHERE]
    request = PromotionRequest(
        name=OTHER, version=ELSEWHERE, release=other.digest, statements=other.statements, source=None, source_id=None,
        reason="promote", promoted_by="ann",
    )  # fmt: skip
    tour.asked = tour.channel("prod").publish_promotion(
        request=request, signers=tour.channels["prod"].promoters[:1], now=NOW
    ).release_id  # fmt: skip


def ask_for_another_release(keeper: Gatekeeper, stage: Stage, hostile: bool) -> None:
    """Who may write the container's variables names the promotion of one release and the reference of another."""
    promoted(keeper, stage)
    keeper.tour.release = keeper.tour.releases[OLD if hostile else NEW].release


def show_another_channel(keeper: Gatekeeper, stage: Stage, hostile: bool) -> None:
    """The metadata of the other channel, whole and valid, in the place of this one's."""
    channel, files = promoted(keeper, stage), keeper.tour.registry.files
    shown = ({"dev", "prod"} - {channel}).pop() if hostile else channel
    other = {
        path: data for (owner, path), data in files.items() if owner == f"{shown}-records" and path.startswith("tuf/")
    }
    for key in [key for key in files if key[0] == f"{channel}-records" and key[1].startswith("tuf/")]:
        del files[key]
    files.update({(f"{channel}-records", path): data for path, data in other.items()})


def escape(keeper: Gatekeeper, stage: Stage, hostile: bool) -> None:
    """The registrar's and the promoter's keys sign a release with a file outside the model folder."""
    tour = keeper.tour
    document = json.loads(tour.releases[NEW].release.to_bytes())
    if hostile:
        document["components"][0]["path"] = "../../etc/cron.d/evil"
    tour.force(place(stage), release=json.dumps(document, sort_keys=True, separators=(",", ":")).encode())


def approved(*said: Callable[[Tour], JsonObject]) -> Callable[[Gatekeeper, Stage], None]:
    """Return a function that lets the gate find these approvals of NEW for prod, and no other."""

    def arrange(keeper: Gatekeeper, stage: Stage) -> None:
        tour = keeper.tour
        found = [item(tour) for item in said]
        if stage != "promote":
            tour.force("prod", envelopes=[*tour.envelopes()[:2], *found])
            return
        folder = f"{MODEL}/releases/{tour.releases[NEW].digest.hex}/statements/approver."
        for key in [key for key in tour.registry.files if key[1].startswith(folder)]:
            del tour.registry.files[key]
        tour.lay("prod", "approver", *found)

    return arrange


def approval(who: str, *, late: timedelta = timedelta(0), days: int = 7) -> Callable[[Tour], JsonObject]:
    return lambda tour: tour.approval(tour.releases[NEW], who, at=NOW + late, days=days)


def approvals(*hostile_said: Callable[[Tour], JsonObject], control: Callable[[Tour], JsonObject]) -> Attack:
    """Return an attack: BOB approves, and beside him what does not count; the control's counts."""

    def attack(keeper: Gatekeeper, stage: Stage, hostile: bool) -> None:
        approved(approval(BOB), *(hostile_said if hostile else (control,)))(keeper, stage)

    return attack


def sessions(keeper: Gatekeeper, stage: Stage, hostile: bool) -> None:
    """One role, assumed under two names; the control are two roles."""
    roles = ("approvers", "approvers" if hostile else "others")
    people = [f"arn:aws:sts::111111111111:assumed-role/{role}/{name}" for role, name in zip(roles, "xy", strict=True)]
    approved(*(approval(who) for who in people))(keeper, stage)


def expire_after(keeper: Gatekeeper, stage: Stage, hostile: bool) -> None:
    """Approved for a day and promoted; a day later the approvals have ended, and the metadata has not."""
    approved(approval(BOB, days=1), approval(CAT, days=1))(keeper, stage)
    if hostile:
        keeper.tour.now = NOW + timedelta(days=2)


SECOND = timedelta(seconds=1)

CASES = (
    Case.everywhere("promotion-of-another-model", recorded(name=OTHER), "refused.promotion"),
    Case.everywhere("promotion-of-another-channel", recorded(channel="staging"), "refused.promotion"),
    Case.everywhere("promotion-under-another-number", recorded(sequence=77), "refused.promotion"),
    Case.everywhere("promotion-with-another-release", promote_a_release_of_another_model, "refused.release"),
    Case(
        "another-models-promotion-asked-for",
        ask_for_another_model,
        {"promote": "refused.nothing-promoted", "resolve": "refused.promotion", "load": "refused.promotion"},
    ),
    Case("another-release-asked-for", ask_for_another_release, {"load": "refused.other-release"}),
    Case.everywhere("another-channels-metadata", show_another_channel, "refused.root"),
    Case.everywhere("path-outside-the-folder", escape, "refused.release"),
    Case.everywhere(
        "one-person-approves-twice",
        approvals(approval(BOB, late=-SECOND), control=approval(CAT, late=-SECOND)),
        "refused.approvals",
    ),
    Case.everywhere(
        "one-role-approves-in-two-sessions",
        sessions,
        "refused.approvals",
    ),
    Case.everywhere(
        "approval-expired-before-the-promotion",
        approvals(approval(CAT, late=timedelta(days=-7)), control=approval(CAT, late=timedelta(days=-7) + SECOND)),
        "refused.approvals",
    ),
    Case("approval-expired-after-the-promotion", expire_after, {"resolve": APPROVED, "load": APPROVED}),
)
