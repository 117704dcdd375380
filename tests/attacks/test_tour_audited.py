"""What `weighbridge audit` reports of each attack of the tour that leaves a trace in the channel's repositories."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.attacks.test_attackers_tour import CASES
from tests.attacks.tour_gates import Gatekeeper
from tests.attacks.tour_world import NOW
from weighbridge.audit import AuditReport, AuditSources, audit
from weighbridge.ledger.events import SqliteEvents, tell
from weighbridge.lineage import ChannelRecords
from weighbridge.trust import RegistrySource

NOT_ASKED = {"audit.no-seals"}


def audited(keeper: Gatekeeper, folder: Path) -> AuditReport:
    """Audit prod an hour later; the ledger was told of what honest promoters did."""
    tour, prod = keeper.tour, keeper.tour.channels["prod"]
    events = SqliteEvents(path=folder / "events.sqlite")
    for promotion in tour.told:
        if promotion.channel == "prod":
            events.append(event=tell.promoted(promotion=promotion, environment="prod"))
    records = ChannelRecords(
        layout=prod.layout, client=tour.registry, reader=tour.access("prod").reader,
        source=RegistrySource(client=tour.registry, repository=prod.layout.records_repository), root=prod.root,
    )  # fmt: skip
    sources = AuditSources(channel=records, files=tour.registry, environment="prod", ledger=events)
    return audit(sources, now=max(NOW, tour.now) + timedelta(hours=1))


CHANNEL, CHAIN, UNTOLD = "audit.channel", "audit.chain", "audit.promotion-untold"
ALTERED, EXTRA, UNSIGNED = "audit.file-altered", "audit.file-extra", "audit.event-unsigned"
# By case: what is reported. An empty set is an attack that leaves nothing in the repositories, or nothing that matters.
TRACES: dict[str, set[str]] = {
    "weights-swapped": {ALTERED},
    "weights-and-release-swapped": {CHAIN},
    "release-swapped-with-an-older-one": {CHAIN},
    "statements-swapped-with-older-ones": {CHAIN},
    "record-with-more-in-it": {CHAIN},
    "record-deleted": {CHAIN},
    "extra-file-in-the-registry": {EXTRA},
    "symlink-in-the-registry": {ALTERED},
    "promotion-of-another-model": {CHANNEL},
    "promotion-with-another-release": {CHAIN, UNTOLD},
    "another-models-promotion-asked-for": {CHAIN, UNTOLD},
    "another-release-asked-for": set(),
    "another-channels-metadata": {CHANNEL},
    "path-outside-the-folder": {CHAIN, UNTOLD},
    "one-person-approves-twice": {CHAIN, UNTOLD},
    "approval-expired-before-the-promotion": {CHAIN, UNTOLD},
    "statement-unknown-key": {CHAIN, UNTOLD},
    "statement-wrong-role": {CHAIN, UNTOLD},
    "runtime-image-of-another-release": {CHAIN, UNTOLD},
    "metadata-unknown-key": {CHANNEL},
    "one-person-with-two-keys": {CHANNEL},
    "restored-shown-to-a-container": {UNSIGNED},
    "restored-after-its-expiry": {CHANNEL},
    "shown-less-than-the-floor": set(),
    "expired-timestamp": {CHANNEL},
    "newest-promotion-deleted": {CHANNEL},
    "promotion-text-deleted": set(),
    "revocation-list-deleted": {CHANNEL},
    "revocation-list-answered-404": {CHANNEL},
    "revocation-list-swapped-with-an-older-one": {CHANNEL},
    "fast-forwarded-timestamp": {CHANNEL},
    "fast-forwarded-snapshot": {CHANNEL},
}
BY_NAME = {case.name: case for case in CASES}


@pytest.mark.parametrize("name", TRACES)
def test_the_audit_reports(keeper: Gatekeeper, name: str, tmp_path: Path) -> None:
    BY_NAME[name].attack(keeper, "load", True)
    report = audited(keeper, tmp_path)
    assert {item.rule for item in report.findings} - NOT_ASKED == TRACES[name]
    assert report.failures == ()


def test_a_list_that_is_withheld_makes_the_audit_fail(keeper: Gatekeeper, tmp_path: Path) -> None:
    BY_NAME["revocation-list-answered-403"].attack(keeper, "load", True)
    report = audited(keeper, tmp_path)
    assert not report.clean
    assert any("revocations" in failure for failure in report.failures)


@pytest.mark.parametrize("name", ["weights-swapped", "metadata-unknown-key", "restored-shown-to-a-container"])
def test_of_the_control_it_reports_nothing(keeper: Gatekeeper, name: str, tmp_path: Path) -> None:
    BY_NAME[name].attack(keeper, "load", False)
    report = audited(keeper, tmp_path)
    assert {item.rule for item in report.findings} - NOT_ASKED == set()
    assert report.clean


def test_a_promotion_in_silence_is_reported(keeper: Gatekeeper, tmp_path: Path) -> None:
    """Everything about it is in order, but nobody told the ledger: a promoter's key in other hands."""
    keeper.tour.force("prod")
    keeper.passes("load")
    assert {item.rule for item in audited(keeper, tmp_path).findings} - NOT_ASKED == {UNTOLD}
