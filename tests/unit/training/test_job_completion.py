"""A training job ended: one release however often it is told, a refusal in plain words, nothing half done for good."""

from __future__ import annotations

from pathlib import Path

import pytest
from registrar_world import ARN, COMMIT, IMAGE, NOW, RUNTIME, RegistrarWorld, job

from tests.unit.registration.memory_registry import INCOMING, MODELS, RECORDS, KilledError
from weighbridge.errors import CloudError, ConflictError, InputError, RegistryUnavailableError, TrustError
from weighbridge.names import Digest
from weighbridge.release import parse_release
from weighbridge.trust import Channel, load_signer


@pytest.fixture
def world(tmp_path: Path) -> RegistrarWorld:
    return RegistrarWorld(tmp_path)


def test_a_completed_job_becomes_a_release_with_the_lineage_that_aws_attests(world: RegistrarWorld) -> None:
    world.train()
    done = world.complete()
    assert done.outcome == "published"
    head = world.state().head("minilm")
    release = parse_release(
        world.registry.files[RECORDS, world.layout.release_path(name="minilm", release=head.release)],
        expected=head.release,
    )
    assert (release.name, release.version) == ("minilm", "1.0.0")
    assert release.runtime == RUNTIME, "the inference image, not the one that trained"
    assert release.lineage.training_job == ARN
    assert release.lineage.source_commit == COMMIT
    assert release.lineage.parameters == {
        "model_name": "minilm", "model_version": "1.0.0", "epochs": "3", "learning_rate": "0.001"
    }  # fmt: skip
    assert set(release.lineage.claimed) == {"base_model", "datasets", "parameters", "metrics"}
    assert IMAGE.rpartition(":")[2] in statement_text(world, head.release)
    assert "s3://data/input/train/" in statement_text(world, head.release)
    assert world.parameter.values == {"/weighbridge/dev/minilm/release-id": str(head.release_id)}
    assert world.told.notices == []


def statement_text(world: RegistrarWorld, release: Digest) -> str:
    import base64
    import json

    data = world.registry.files[RECORDS, world.layout.statements_path(name="minilm", release=release)]
    (envelope,) = json.loads(data)["envelopes"]
    return base64.b64decode(envelope["payload"]).decode()


def test_the_same_event_five_times_makes_one_release_and_one_promotion(world: RegistrarWorld) -> None:
    world.train()
    outcomes = [world.complete().outcome for _ in range(5)]
    assert outcomes == ["published", *["already-published"] * 4]
    assert len(world.releases()) == 1
    assert len(world.state().promotions("minilm")) == 1
    assert world.told.notices == []


def test_an_old_event_again_does_not_bring_the_old_version_back(world: RegistrarWorld) -> None:
    world.train()
    world.complete()
    world.train(version="1.1.0", weights=b"v" * 3000)
    world.complete(job(parameters={"model_name": "minilm", "model_version": "1.1.0"}))
    assert world.complete().outcome == "already-published"
    assert world.state().head("minilm").version == "1.1.0"
    assert world.told.notices == []


def test_killed_at_any_write_and_told_again_it_ends_as_if_never_killed(tmp_path: Path) -> None:
    whole = RegistrarWorld(_new(tmp_path, "whole"))
    whole.train()
    begun = len(whole.registry.writes)
    whole.complete()
    writes = len(whole.registry.writes) - begun
    assert writes > 8
    for at in range(writes):
        world = RegistrarWorld(_new(tmp_path, f"before-{at}"))
        world.train()
        world.registry.die_before = len(world.registry.writes) + at
        with pytest.raises(KilledError):
            world.complete()
        world.registry.die_before = None
        assert world.complete().outcome in ("published", "already-published")
        assert len(world.releases()) == 1
        assert [item.version for item in world.state().promotions("minilm")] == ["1.0.0"]
        assert world.parameter.values["/weighbridge/dev/minilm/release-id"].startswith("1@sha256:")


def _new(tmp_path: Path, name: str) -> Path:
    folder = tmp_path / name
    folder.mkdir()
    return folder


def test_a_job_that_lost_a_file_is_refused_and_told(world: RegistrarWorld) -> None:
    world.train(lost=("model.safetensors",))
    assert world.complete().outcome == "told"
    (notice,) = world.told.notices
    assert notice.owner == "ann"
    assert notice.subject == "weighbridge: the model of minilm-1 was not registered"
    assert "model.safetensors" in notice.text
    assert "Why: " in notice.text
    assert "Nothing of this one can be deployed." in notice.text
    assert world.releases() == set()
    assert not [path for repository, path in world.registry.files if repository == MODELS]
    assert world.state().promotions("minilm") == ()


def test_bytes_that_changed_after_the_upload_are_refused_and_told(world: RegistrarWorld) -> None:
    world.train()
    world.registry.arriving[INCOMING, "models/minilm/1.0.0/model.safetensors"] = b"x" * 3000
    assert world.complete().outcome == "told"
    assert "[refused.integrity]" in world.told.notices[0].text


def test_another_job_cannot_pass_its_upload_off_as_this_ones(world: RegistrarWorld) -> None:
    world.train(job_arn=ARN.replace("minilm-1", "other"))
    assert world.complete().outcome == "told"
    assert "[refused.lineage]" in world.told.notices[0].text
    assert world.releases() == set()


def test_nothing_uploaded_is_told(world: RegistrarWorld) -> None:
    assert world.complete().outcome == "told"
    assert "no model version is logged there" in world.told.notices[0].text


@pytest.mark.parametrize(("status", "failure"), [("Failed", "AlgorithmError: exit code: 4"), ("Stopped", None)])
def test_a_job_that_did_not_end_well_is_told_and_registers_nothing(
    world: RegistrarWorld, status: str, failure: str | None
) -> None:
    world.train()
    assert world.complete(job(status=status, failure=failure)).outcome == "told"
    (notice,) = world.told.notices
    assert notice.subject == f"weighbridge: training job minilm-1 {status.lower()}"
    assert (failure or "It was stopped.") in notice.text
    assert world.releases() == set()


@pytest.mark.parametrize(
    "changes",
    [
        {"environment": {}},
        {"environment": {"WEIGHBRIDGE_INCOMING_REPOSITORY": "another"}},
        {"environment": {}, "status": "Failed"},
        {"environment": {}, "status": "InProgress"},
    ],
)
def test_jobs_of_others_are_left_alone(world: RegistrarWorld, changes: dict[str, object]) -> None:
    world.train()
    assert world.complete(job(**changes)).outcome == "ignored"
    assert world.told.notices == []
    assert world.releases() == set()


def test_a_description_that_lags_behind_the_event_is_asked_for_again(world: RegistrarWorld) -> None:
    world.train()
    with pytest.raises(ConflictError, match="is InProgress, although an event said that it ended"):
        world.complete(job(status="InProgress"))
    assert world.told.notices == []
    assert world.complete().outcome == "published"


def test_tags_name_the_model_of_a_job_with_hyperparameters_of_its_own(world: RegistrarWorld) -> None:
    world.train()
    tags = {"weighbridge:model": "minilm", "weighbridge:version": "1.0.0"}
    assert world.complete(job(environment={}, parameters={"lr": "1"}, tags=tags)).outcome == "published"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"parameters": {}}, "says neither by the tag weighbridge:model nor by the hyperparameter model_name"),
        ({"image": "training:latest"}, "training image training:latest: is not named by its digest"),
        ({"image": None}, "training image none"),
        ({"tags": {"weighbridge:commit": "main"}}, "tag weighbridge:commit: 'main' is not a pinned revision"),
        ({"parameters": {"model_name": "a b", "model_version": "1"}}, "'a b' is not a legal name"),
    ],
)
def test_a_job_that_was_started_badly_is_told(world: RegistrarWorld, changes: dict[str, object], message: str) -> None:
    world.train()
    assert world.complete(job(**changes)).outcome == "told"
    assert message in world.told.notices[0].text
    assert world.releases() == set()


def test_a_version_that_is_taken_is_told_and_stays_what_it_was(world: RegistrarWorld) -> None:
    world.train()
    world.complete()
    before = world.releases()
    again = job(parameters={"model_name": "minilm", "model_version": "1.0.0", "epochs": "3", "extra": "1"})
    assert world.complete(again).outcome == "told"
    assert "register what changed under another version [registry.conflict]" in world.told.notices[0].text
    assert world.releases() == before
    assert len(world.state().promotions("minilm")) == 1


def test_what_is_not_the_jobs_fault_is_told_and_repeated(world: RegistrarWorld) -> None:
    world.train()
    read = world.registry.read

    def down(**_: object) -> bytes:
        raise RegistryUnavailableError("no answer")

    world.registry.read = down  # type: ignore[method-assign]
    with pytest.raises(RegistryUnavailableError):
        world.complete()
    assert "this is not your job's fault" in world.told.notices[0].text
    world.registry.read = read  # type: ignore[method-assign]
    assert world.complete().outcome == "published"


def test_who_lost_a_race_reads_the_channel_again_and_publishes(
    world: RegistrarWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.train()
    claim = world.ledger.claim
    lost = iter([ConflictError("number 1 is claimed"), ConflictError("number 1 is claimed")])

    def racing(**arguments: object) -> None:
        error = next(lost, None) if arguments["scope"] == "dev/minilm" else None
        if error is not None:
            raise error
        claim(**arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(world.ledger, "claim", racing)
    assert world.complete().outcome == "published"
    assert world.told.notices == []
    assert len(world.slept) == 2
    assert [item.version for item in world.state().promotions("minilm")] == ["1.0.0"]


def test_an_expired_channel_is_not_the_jobs_fault(world: RegistrarWorld) -> None:
    world.train()
    world.registry.files[RECORDS, "tuf/timestamp.json"] = b"{}"
    with pytest.raises(TrustError):
        world.complete()
    (notice,) = world.told.notices
    assert notice.subject == "weighbridge: minilm:1.0.0 was registered, but not published"


def test_the_key_of_the_statements_cannot_promote(world: RegistrarWorld) -> None:
    world.train()
    world.uris["promoter"] = world.uris["registrar"]
    with pytest.raises(InputError, match="is not one of its keys"):
        world.complete()
    assert "was registered, but not published" in world.told.notices[0].subject
    assert world.state().promotions("minilm") == ()


def test_a_base_model_that_the_policy_forbids_is_final(tmp_path: Path) -> None:
    world = RegistrarWorld(tmp_path, base_owners=("sentence-transformers",))
    world.train()
    assert world.complete().outcome == "told"
    assert "[refused.base-owner]" in world.told.notices[0].text
    assert world.state().promotions("minilm") == ()


def test_a_revoked_release_is_final(world: RegistrarWorld) -> None:
    world.train()
    registrar = world.registrar()
    reference = registrar.register(model=job().model_version(), evidence=job().evidence())
    online = registrar._publisher(NOW).channel
    assert isinstance(online, Channel)
    online.revoke(
        releases=[Digest.parse(reference.partition("@")[2])],
        reason="bad",
        signers=[load_signer(world.uris["revocations"])],
        now=NOW,
    )
    assert world.complete().outcome == "told"
    assert "[refused.revoked]" in world.told.notices[0].text


def test_an_owner_who_cannot_be_told_is_told_by_the_repetition(world: RegistrarWorld) -> None:
    world.train(lost=("config.json",))
    world.told.down = True
    with pytest.raises(CloudError, match="sns:Publish"):
        world.complete()
    world.told.down = False
    assert world.complete().outcome == "told"
    assert len(world.told.notices) == 1
