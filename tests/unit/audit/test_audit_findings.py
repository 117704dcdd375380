"""An honest estate is clean; whoever writes anything into one repository, table or ledger is named."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from securesystemslib.signer import CryptoSigner

from tests.unit.audit.audit_world import accept
from tests.unit.lineage.lineage_world import channel_records
from tests.unit.promotion.policy_roles import Roles
from tests.unit.promotion.promotion_world import MODEL, NOW, PromotionWorld, make_promotion_world
from weighbridge.audit import RULES, AuditReport, AuditSources, Signing, audit
from weighbridge.errors import RegistryUnavailableError
from weighbridge.layout import SCRATCH, SCRATCH_FOLDER
from weighbridge.ledger.events import FolderSeals, SqliteEvents, read_seals, seal_ledger, tell
from weighbridge.names import Digest
from weighbridge.promotion import BrokenGlass
from weighbridge.resolution import SqliteAcceptances
from weighbridge.trust import PromotionRequest

LATER = NOW + timedelta(hours=1)
SEALER = CryptoSigner.generate_ed25519()


@dataclass
class Estate:
    """dev and prod in memory, a ledger with seals, prod's acceptances."""

    folder: Path
    world: PromotionWorld

    @property
    def ledger(self) -> SqliteEvents:
        return SqliteEvents(path=self.folder / "events.sqlite")

    @property
    def acceptances(self) -> SqliteAcceptances:
        return SqliteAcceptances(path=self.folder / "acceptances.sqlite")

    @property
    def seals(self) -> FolderSeals:
        return FolderSeals(folder=self.folder / "seals")

    @property
    def files(self) -> dict[tuple[str, str], bytes]:
        return self.world.registry.files

    def file(self, repository: str, ending: str) -> tuple[str, str]:
        """Return the one file of a repository with that ending."""
        [found] = [key for key in self.files if key[0] == repository and key[1].endswith(ending)]
        return found

    def audit(self, channel: str = "prod", *, deep: bool = False, signings: list[Signing] | None = None) -> AuditReport:
        return audit(
            AuditSources(
                channel=channel_records(self.world, channel),
                files=self.world.registry,
                environment=channel,
                ledger=self.ledger,
                seals=lambda: read_seals(store=self.seals, keys=[SEALER.public_key], ledger="prod"),
                acceptances=self.acceptances,
                signings=None if signings is None else lambda: signings,
            ),
            now=LATER,
            deep=deep,
        )

    def rules(self, channel: str = "prod", *, deep: bool = False) -> set[str]:
        report = self.audit(channel, deep=deep)
        assert report.failures == ()
        return {item.rule for item in report.findings}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Estate:
    """1.0.0 and 2.0.0 in dev, 1.0.0 in prod and accepted there, 3.0.0 registered alone; all told and sealed."""
    folder = tmp_path_factory.mktemp("estate")
    estate = Estate(folder=folder, world=make_promotion_world(folder))
    for version in ("1.0.0", "2.0.0", "3.0.0"):
        estate.world.register(version)
    for version, channel in (("1.0.0", "dev"), ("2.0.0", "dev"), ("1.0.0", "prod")):
        promotion = estate.world.promote(version, to=channel).promotion
        estate.ledger.append(event=tell.promoted(promotion=promotion, environment=channel))
    estate.acceptances.accept(accept(promotion))
    seal_ledger(ledger=estate.ledger, store=estate.seals, signer=SEALER, name="prod", now=NOW)
    return estate


@pytest.fixture
def estate(built: Estate, tmp_path: Path) -> Estate:
    """A copy to attack."""
    import shutil

    shutil.copytree(built.folder, tmp_path, dirs_exist_ok=True)
    registry = replace(built.world.registry, files=dict(built.world.registry.files))
    world = replace(built.world, folder=tmp_path, registry=registry)
    return Estate(folder=tmp_path, world=world)


@pytest.mark.parametrize("channel", ["dev", "prod"])
@pytest.mark.parametrize("deep", [False, True])
def test_an_honest_estate_is_clean(estate: Estate, channel: str, deep: bool) -> None:
    report = estate.audit(channel, deep=deep)
    assert (report.findings, report.failures, report.clean) == ((), (), True)
    assert report.releases == {"dev": 3, "prod": 1}[channel]


def swap_weights(estate: Estate) -> None:
    estate.files[estate.file("prod-models", ".safetensors")] = b"evil weights"


def remove_weights(estate: Estate) -> None:
    del estate.files[estate.file("prod-models", ".safetensors")]


def add_file(estate: Estate) -> None:
    estate.files["prod-models", f"models/{MODEL}/1.0.0/payload.py"] = b"import os"


def add_version(estate: Estate) -> None:
    estate.files["prod-models", f"models/{MODEL}/6.6.6/model.safetensors"] = b"evil"


def swap_record(estate: Estate) -> None:
    [key] = [key for key in estate.files if key[0] == "prod-records" and "/records/" in key[1]]
    estate.files[key] = b"{}"


def remove_record(estate: Estate) -> None:
    [key] = [key for key in estate.files if key[0] == "prod-records" and "/records/" in key[1]]
    del estate.files[key]


def swap_chunks(estate: Estate) -> None:
    estate.files[estate.file("prod-records", "chunks.json")] = b"{}"


def add_record(estate: Estate) -> None:
    estate.files["prod-records", f"{MODEL}/releases/{'e' * 64}/release.json"] = b"{}"


def add_junk(estate: Estate) -> None:
    estate.files["prod-records", "readme.txt"] = b"hello"


def swap_policy(estate: Estate) -> None:
    [key] = [key for key in estate.files if key[0] == "prod-records" and key[1].endswith("1.targets.json")]
    estate.files[key] = estate.files[key].replace(b'"version":1', b'"version":7').replace(b"1", b"2")


def hide_timestamp(estate: Estate) -> None:
    del estate.files["prod-records", "tuf/timestamp.json"]


def forge_registration(estate: Estate) -> None:
    release = estate.world.register("3.0.0").release
    forged = replace(release, version="6.6.6")
    folder = f"{MODEL}/releases/{forged.digest.hex}"
    estate.files["prod-records", f"{folder}/release.json"] = forged.to_bytes()
    estate.files["prod-records", f"{folder}/statements.json"] = b'{"envelopes":[]}'
    claim = (
        b'{"name":"minilm","release":"%s","schema":"weighbridge.version/v1","version":"6.6.6"}'
        % str(forged.digest).encode()
    )
    estate.files["prod-records", f"{MODEL}/versions/6.6.6.json"] = claim


def accept_stranger(estate: Estate) -> None:
    head = estate.world.state("prod").head(MODEL)
    estate.acceptances.accept(accept(replace(head, sequence=9)))


def tell_a_lie(estate: Estate) -> None:
    head = estate.world.state("prod").head(MODEL)
    estate.ledger.append(event=tell.promoted(promotion=replace(head, sequence=9), environment="prod"))


def promote_in_silence(estate: Estate) -> None:
    estate.world.promote("2.0.0", to="prod", by="mallory")


def tell_of_another(estate: Estate) -> None:
    report = estate.world.promote("2.0.0", to="prod", by="mallory")
    told = replace(tell.promoted(promotion=report.promotion, environment="prod"), actor="ann")
    estate.ledger.append(event=told)


def revoke_in_silence(estate: Estate) -> None:
    estate.world.channel("prod").revoke(
        releases=[Digest.of(b"x")], reason="x", signers=estate.world.channels["prod"].signers.revocations, now=NOW
    )


def tell_of_a_revocation(estate: Estate) -> None:
    event = tell.revoked(
        release=Digest.of(b"x"), channel="prod", environment="prod", reason="x", actor="security", at=NOW
    )
    estate.ledger.append(event=event)


def cut_the_ledger(estate: Estate) -> None:
    with sqlite3.connect(estate.folder / "events.sqlite") as connection:
        connection.execute("DELETE FROM events WHERE sequence > 1")


def forge_a_seal(estate: Estate) -> None:
    estate.seals.put(first=99, data=b"{}")


def test_who_approves_before_the_promotion_rings_no_alarm(estate: Estate) -> None:
    data, release = b'{"envelopes":[]}', Digest.of(b"not promoted here yet")
    path = estate.world.channels["prod"].layout.later_statement_path(
        name=MODEL, release=release, role="approver", bundle=Digest.of(data)
    )
    estate.files["prod-records", path] = data
    assert estate.rules() == set()
    estate.files["prod-records", path] = b"{}"
    assert estate.rules() == {"audit.record-altered"}


@pytest.mark.parametrize("repository", ["prod-models", "prod-records"])
def test_what_the_doctor_leaves_behind_rings_no_alarm_and_anything_else_there_does(
    estate: Estate, repository: str
) -> None:
    estate.files[repository, f"{SCRATCH_FOLDER}/scratch-promoter.txt"] = SCRATCH
    assert estate.rules() == set()
    for path, data in (
        (f"{SCRATCH_FOLDER}/scratch-keeper.txt", b"other bytes"),
        (f"{SCRATCH_FOLDER}/more.txt", SCRATCH),
    ):
        estate.files[repository, path] = data
        assert estate.rules() == {"audit.file-extra" if repository == "prod-models" else "audit.record-orphan"}
        del estate.files[repository, path]


ATTACKS: list[tuple[Callable[[Estate], None], set[str]]] = [
    (swap_weights, {"audit.file-altered"}),
    (remove_weights, {"audit.file-missing"}),
    (add_file, {"audit.file-extra"}),
    (add_version, {"audit.file-extra"}),
    (swap_record, {"audit.chain"}),
    (remove_record, {"audit.chain"}),
    (swap_chunks, {"audit.record-altered"}),
    (add_record, {"audit.record-orphan"}),
    (add_junk, {"audit.record-orphan"}),
    (swap_policy, {"audit.channel"}),
    (hide_timestamp, {"audit.channel"}),
    (forge_registration, {"audit.registration-unsigned", "audit.record-orphan"}),
    (accept_stranger, {"audit.accepted-stranger"}),
    (tell_a_lie, {"audit.event-unsigned"}),
    (promote_in_silence, {"audit.promotion-untold"}),
    (tell_of_another, {"audit.promotion-differs"}),
    (revoke_in_silence, {"audit.revocation-untold"}),
    (tell_of_a_revocation, {"audit.revocation-missing"}),
    (cut_the_ledger, {"ledger.cut-off", "audit.promotion-untold"}),
    (forge_a_seal, {"audit.seal"}),
]


@pytest.mark.parametrize(("attack", "rules"), ATTACKS, ids=[attack.__name__ for attack, _ in ATTACKS])
def test_an_attack_is_named(estate: Estate, attack: Callable[[Estate], None], rules: set[str]) -> None:
    attack(estate)
    report = estate.audit()
    assert {item.rule for item in report.findings} == rules
    assert not report.clean
    assert all(item.subject and item.message and item.remedy for item in report.findings)


def test_a_registry_that_lies_about_digests_is_found_by_reading_all(estate: Estate) -> None:
    key = estate.file("prod-models", ".safetensors")
    estate.world.registry.arriving[key] = b"other bytes"
    try:
        assert estate.rules() == set()
        assert estate.rules(deep=True) == {"audit.file-altered"}
    finally:
        estate.world.registry.arriving.clear()


def test_a_promotion_that_was_put_back_is_told_by_the_ledger(estate: Estate) -> None:
    kept = dict(estate.files)
    promotion = estate.world.promote("2.0.0", to="prod").promotion
    estate.ledger.append(event=tell.promoted(promotion=promotion, environment="prod"))
    assert estate.rules() == set()
    estate.files.clear()
    estate.files.update(kept)
    assert estate.rules() == {"audit.event-unsigned"}


@pytest.mark.parametrize("told", [True, False])
def test_a_waiver_that_was_used_and_not_told_of_before_is_named(estate: Estate, told: bool) -> None:
    roles = Roles(estate.world)
    release = estate.world.state("dev").head(MODEL)
    roles.demand(soak_hours=24)
    done = SimpleNamespace(release=release, digest=release.release)
    for signer in roles.glass[:2]:
        roles.waive(done, signer, "soak")  # type: ignore[arg-type]
    rung: list[BrokenGlass] = []
    promotion = estate.world.promote(release.version, to="prod", ring=rung.append).promotion
    for glass in rung if told else []:
        estate.ledger.append(event=tell.glass_used(glass=glass, environment="prod"))
    estate.ledger.append(event=tell.promoted(promotion=promotion, environment="prod"))
    found = {item for item in estate.rules() if item.startswith("audit.glass") or "promotion" in item}
    assert found == (set() if told else {"audit.glass-untold"})


def test_what_was_signed_a_moment_ago_may_not_be_told_yet(estate: Estate) -> None:
    request = PromotionRequest(
        name=MODEL, version="1.0.0", release=estate.world.state("prod").head(MODEL).release,
        statements=estate.world.state("prod").head(MODEL).statements, source=None, source_id=None,
        reason="rollback", promoted_by="bob",
    )  # fmt: skip
    estate.world.channel("prod").publish_promotion(
        request=request, signers=estate.world.channels["prod"].promoters, now=LATER - timedelta(minutes=1)
    )
    estate.world.clock = LATER
    assert estate.rules() == set()


def test_signatures_near_which_nothing_was_told_are_named(estate: Estate) -> None:
    near = Signing(id="1", role="promoters", actor="role/promoter", at=NOW + timedelta(minutes=5))
    far = Signing(id="2", role="promoters", actor="role/thief", at=NOW + timedelta(hours=5))
    [found] = estate.audit(signings=[near, far]).findings
    assert found.rule == "audit.sign-unexplained"
    assert "role/thief" in found.message


def test_a_registry_that_is_away_is_a_failure_and_no_finding(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(**_: object) -> tuple[()]:
        raise RegistryUnavailableError("no answer")

    monkeypatch.setattr(estate.world.registry, "listing", away)
    report = estate.audit()
    assert (report.findings, report.failures) == ((), ("repositories: no answer",))
    assert not report.clean


def test_without_ledger_and_seals_the_audit_says_so_and_is_clean(estate: Estate) -> None:
    report = audit(
        AuditSources(channel=channel_records(estate.world, "prod"), files=estate.world.registry, environment="prod"),
        now=LATER,
    )
    assert [item.rule for item in report.findings] == ["audit.no-ledger"]
    assert report.clean


def test_every_rule_says_what_to_do() -> None:
    assert all(rule.remedy for rule in RULES.values())
