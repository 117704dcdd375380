"""Attacks on what is newest: put back, hidden, frozen, run ahead, and revoked."""

from __future__ import annotations

import json
from datetime import timedelta

from tests.attacks.attacks_on_bytes import promoted
from tests.attacks.forging import seal
from tests.attacks.tour_gates import APPROVED, Case, Gatekeeper, Stage
from tests.attacks.tour_world import BOB, CAT, MODEL, NEW, NOW, OLD
from weighbridge.trust import Floor

WEEK = timedelta(days=7)


def put_back(keeper: Gatekeeper, hostile: bool) -> None:
    """All four repositories as they were before NEW was promoted to prod: every file in them fits every other."""
    files = keeper.tour.registry.files
    before = dict(files)
    keeper.tour.ask_for(keeper.tour.promote(NEW).promotion)
    remember(keeper)
    if hostile:
        files.clear()
        files.update(before)


def remember(keeper: Gatekeeper) -> None:
    """Let the deployment know what the channel says now: the floor, and what a used account has seen."""
    tour = keeper.tour
    tour.floor = str(tour.state("prod").versions)
    if tour.kept is not None:
        for channel in ("dev", "prod"):
            tour.access(channel).reader.refresh(MODEL)
    if keeper.memory is not None:
        asked, tour.asked = tour.asked, next(iter(tour.state("prod").promotions(MODEL))).release_id
        keeper.resolve()
        tour.asked = asked


def show_to_a_fresh_account(keeper: Gatekeeper, stage: Stage, hostile: bool) -> None:
    put_back(keeper, hostile)


def show_to_a_used_account(keeper: Gatekeeper, stage: Stage, hostile: bool) -> None:
    keeper.tour.kept = keeper.tour.folder / "used"
    keeper.memory = keeper.tour.folder / "used-account"
    put_back(keeper, hostile)


def show_after_its_expiry(keeper: Gatekeeper, stage: Stage, hostile: bool) -> None:
    """Also to who knows nothing: what was put back is frozen, while the honest channel is re-signed."""
    tour, files = keeper.tour, keeper.tour.registry.files
    tour.ask_for(tour.promote(NEW).promotion)
    again = (tour.approval(tour.releases[NEW], who, at=NOW + timedelta(days=1)) for who in (BOB, CAT))
    tour.lay("prod", "approver", *again)
    before = dict(files)
    keeper.tour.now = NOW + WEEK - timedelta(seconds=1)
    for channel in ("dev", "prod"):
        keeper.tour.channel(channel).refresh_timestamp(now=keeper.tour.now)
    keeper.tour.now = NOW + WEEK
    if hostile:
        files.clear()
        files.update(before)


def freeze(keeper: Gatekeeper, stage: Stage, hostile: bool) -> None:
    promoted(keeper, stage)
    keeper.tour.now = NOW + WEEK - timedelta(seconds=0 if hostile else 1)


def delete_newest_promotion(keeper: Gatekeeper, stage: Stage, hostile: bool) -> None:
    channel, files = promoted(keeper, stage), keeper.tour.registry.files
    repository, newest = keeper.tour.metadata(channel, MODEL)
    del files[repository, newest if hostile else f"tuf/1.{MODEL}.json"]


def delete_promotion_text(keeper: Gatekeeper, stage: Stage, hostile: bool) -> None:
    """The promotion's own file: its text stands in the signed metadata, and nobody reads the file."""
    channel, files = promoted(keeper, stage), keeper.tour.registry.files
    head = keeper.tour.state(channel).head(MODEL)
    if hostile:
        del files[f"{channel}-records", f"tuf/targets/promotions/{MODEL}/{head.digest.hex}.{head.sequence}.json"]


def delete_revocations(keeper: Gatekeeper, stage: Stage, hostile: bool) -> None:
    channel, files = promoted(keeper, stage), keeper.tour.registry.files
    newest = keeper.tour.metadata(channel, "revocations")
    spare = newest[0], "tuf/pending/spare.json"
    files[spare] = files[newest]
    del files[newest if hostile else spare]


def answer_revocations(keeper: Gatekeeper, stage: Stage, hostile: bool, *, status: int) -> None:
    channel = promoted(keeper, stage)
    if hostile:
        keeper.tour.registry.answers[keeper.tour.metadata(channel, "revocations")] = status


def swap_revocations(keeper: Gatekeeper, stage: Stage, hostile: bool) -> None:
    """The list before the last revocation, valid in itself, in the newest one's place."""
    channel, tour = promoted(keeper, stage), keeper.tour
    before = tour.registry.files[tour.metadata(channel, "revocations")]
    release = tour.releases[NEW if hostile else OLD].digest
    signers = tour.channels[channel].signers.revocations
    tour.channel(channel).revoke(releases=[release], reason="poisoned", signers=signers, now=NOW)
    if hostile:
        tour.registry.files[tour.metadata(channel, "revocations")] = before


def revoke(keeper: Gatekeeper, stage: Stage, hostile: bool) -> None:
    channel, tour = promoted(keeper, stage), keeper.tour
    release = tour.releases[NEW if hostile else OLD].digest
    signers = tour.channels[channel].signers.revocations
    tour.channel(channel).revoke(releases=[release], reason="poisoned", signers=signers, now=NOW)


def run_ahead(keeper: Gatekeeper, stage: Stage, hostile: bool) -> None:
    """A timestamp with a version that none will reach, without the key."""
    channel, tour = promoted(keeper, stage), keeper.tour
    key = tour.metadata(channel, "timestamp")
    document = tour.document(key)
    document["signed"]["version"] = 2**31 if hostile else document["signed"]["version"]
    tour.registry.files[key] = json.dumps(document).encode()


def run_ahead_with_the_online_key(keeper: Gatekeeper, stage: Stage, hostile: bool) -> None:
    """A snapshot, validly signed, that names a promoter's metadata that nobody signed."""
    channel, tour = promoted(keeper, stage), keeper.tour
    _, path = tour.metadata(channel, MODEL)
    version = int(path.removeprefix("tuf/").partition(".")[0])
    data = tour.registry.files[f"{channel}-records", path]
    seal(tour, channel, MODEL, 2**31 if hostile else version, data)


def ask_beyond_the_floor(keeper: Gatekeeper, stage: Stage, hostile: bool) -> None:
    """A container that was told of more than the registry shows."""
    promoted(keeper, stage)
    seen = keeper.tour.state("prod").versions
    keeper.tour.floor = str(seen.merge(Floor({"timestamp": seen.versions["timestamp"] + hostile})))


ROLLBACK = "refused.rollback"
GONE: dict[Stage, str] = {
    "promote": "refused.nothing-promoted", "resolve": "registry.not-found", "load": "registry.not-found",
}  # fmt: skip

CASES = (
    Case(
        "restored-shown-to-a-fresh-account",
        show_to_a_fresh_account,
        {"promote": "conflict", "resolve": "refused.promotion"},
    ),
    Case("restored-shown-to-a-used-account", show_to_a_used_account, {"promote": ROLLBACK, "resolve": ROLLBACK}),
    Case("restored-shown-to-a-container", show_to_a_fresh_account, {"load": ROLLBACK}),
    Case.everywhere("restored-after-its-expiry", show_after_its_expiry, "refused.expired"),
    Case("shown-less-than-the-floor", ask_beyond_the_floor, {"load": ROLLBACK}),
    Case.everywhere("expired-timestamp", freeze, "refused.expired"),
    Case("newest-promotion-deleted", delete_newest_promotion, GONE),
    Case.everywhere("promotion-text-deleted", delete_promotion_text, APPROVED),
    Case("revocation-list-deleted", delete_revocations, GONE),
    Case.everywhere(
        "revocation-list-answered-403",
        lambda keeper, stage, hostile: answer_revocations(keeper, stage, hostile, status=403),
        "registry.forbidden",
    ),
    Case(
        "revocation-list-answered-404",
        lambda keeper, stage, hostile: answer_revocations(keeper, stage, hostile, status=404),
        GONE,
    ),
    Case.everywhere("revocation-list-swapped-with-an-older-one", swap_revocations, "refused.metadata"),
    Case.everywhere("revoked", revoke, "refused.revoked"),
    Case.everywhere("fast-forwarded-timestamp", run_ahead, "refused.signature"),
    Case("fast-forwarded-snapshot", run_ahead_with_the_online_key, GONE),
)
