"""Files up, down and across: write-once, verified, resumable, and complete or not at all."""

from __future__ import annotations

import hashlib
import json
import threading
from pathlib import Path

import pytest
import responses
from registry_world import MODELS, RECORDS, TARGET, World

from local.registry.process import Fault
from weighbridge.errors import (
    InputError,
    IntegrityError,
    RegistryConflictError,
    RegistryError,
    RegistryForbiddenError,
    RegistryNotFoundError,
    RegistryUnavailableError,
)
from weighbridge.registry import ArtifactoryClient, Location, Retries, StaticToken

URL = "https://registry.example.com/artifactory"
DATA = bytes(range(256)) * 2000


def mocked() -> ArtifactoryClient:
    return ArtifactoryClient(
        url=URL, tokens=StaticToken(token="t"), retries=Retries(attempts=1), sleep=lambda seconds: None
    )


def info(data: bytes) -> dict[str, object]:
    return {"size": str(len(data)), "checksums": {"sha256": hashlib.sha256(data).hexdigest()}}


def methods(world: World, since: int) -> list[tuple[str, int]]:
    return [(entry.method, entry.status) for entry in world.registry.requests(since=since)]


def test_what_lies_there_already_is_not_sent_again(world: World, tmp_path: Path) -> None:
    source = tmp_path / "weights"
    source.write_bytes(DATA)
    client = world.client()
    client.deploy_file(repository=MODELS, path="again", source=source)
    before = world.registry.last_request()
    client.deploy_file(repository=MODELS, path="again", source=source)
    assert methods(world, before) == [("GET", 200)]


def test_other_bytes_at_the_path_are_a_conflict_and_stay(world: World, tmp_path: Path) -> None:
    world.client().deploy_bytes(repository=MODELS, path="taken", data=b"first")
    source = tmp_path / "other"
    source.write_bytes(DATA)
    before = world.registry.last_request()
    with pytest.raises(RegistryConflictError, match=r"taken already holds other bytes .*never replaced"):
        world.client().deploy_file(repository=MODELS, path="taken", source=source)
    assert methods(world, before) == [("GET", 200)]
    assert world.client().read(repository=MODELS, path="taken", limit=10) == b"first"


def test_who_loses_a_race_is_told_of_the_conflict(world: World) -> None:
    world.client().deploy_bytes(repository=RECORDS, path="raced", data=b"winner")
    # The check before the write sees nothing, as it does when somebody else writes right after it.
    world.registry.add_fault(Fault(kind="status", path=f"api/storage/{RECORDS}/raced", status=404, times=1))
    with pytest.raises(RegistryConflictError, match="already holds other bytes"):
        world.client().deploy_bytes(repository=RECORDS, path="raced", data=b"loser")
    assert world.client().read(repository=RECORDS, path="raced", limit=10) == b"winner"


def test_of_many_writers_of_different_bytes_one_wins(world: World) -> None:
    outcomes: list[str] = []

    def write(number: int) -> None:
        try:
            world.client().deploy_bytes(repository=RECORDS, path="contended", data=b"%d" % number)
            outcomes.append(f"{number}")
        except RegistryConflictError:
            outcomes.append("conflict")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [winner] = [outcome for outcome in outcomes if outcome != "conflict"]
    assert outcomes.count("conflict") == 7
    assert world.client().read(repository=RECORDS, path="contended", limit=10).decode() == winner


@pytest.mark.parametrize("status", [403, 409])
def test_a_write_whose_repetition_is_refused_has_succeeded_if_the_bytes_lie_there(world: World, status: int) -> None:
    path = f"lost-answer-{status}"
    world.client().deploy_bytes(repository=RECORDS, path=path, data=b"data")
    world.registry.add_fault(Fault(kind="status", path=f"api/storage/{RECORDS}/{path}", status=404, times=1))
    world.registry.add_fault(Fault(kind="status", path=f"{RECORDS}/{path}", methods=("PUT",), status=status))
    assert world.client().deploy_bytes(repository=RECORDS, path=path, data=b"data").size == 4


def test_a_refused_write_stays_refused(world: World) -> None:
    with pytest.raises(RegistryForbiddenError):
        world.client("reader").deploy_bytes(repository=RECORDS, path="not-mine", data=b"data")
    world.client().deploy_bytes(repository=RECORDS, path="mine", data=b"data")
    with pytest.raises(RegistryForbiddenError, match="DELETE permission"):
        world.client().deploy_bytes(repository=RECORDS, path="mine", data=b"other", overwrite=True)


def test_an_upload_is_repeated_after_a_fault_and_progress_takes_it_back(world: World, tmp_path: Path) -> None:
    source = tmp_path / "weights"
    source.write_bytes(DATA + b"repeated")
    # The first PUT asks by checksum; the fault meets the one with the content.
    world.registry.add_fault(Fault(kind="status", path=f"{MODELS}/repeated", methods=("PUT",), status=404, times=1))
    world.registry.add_fault(Fault(kind="status", path=f"{MODELS}/repeated", methods=("PUT",), status=503, times=2))
    steps: list[int] = []
    world.client().deploy_file(repository=MODELS, path="repeated", source=source, progress=steps.append)
    assert sum(steps) == len(DATA) + 8
    assert sum(step for step in steps if step > 0) == 3 * (len(DATA) + 8)
    assert world.client().read(repository=MODELS, path="repeated", limit=10**6) == DATA + b"repeated"


def test_an_empty_file_is_sent_with_its_length(world: World, tmp_path: Path) -> None:
    source = tmp_path / "empty"
    source.write_bytes(b"")
    assert world.client().deploy_file(repository=MODELS, path="empty-file", source=source).size == 0
    assert world.client().info(repository=MODELS, path="empty-file").sha256 == hashlib.sha256(b"").hexdigest()


def test_bytes_that_are_not_what_was_announced_are_refused(world: World, tmp_path: Path) -> None:
    source = tmp_path / "weights"
    source.write_bytes(b"changed since it was hashed")
    with pytest.raises(RegistryError):
        world.client().deploy_file(repository=MODELS, path="announced", source=source, sha256="0" * 64)
    assert [file.path for file in world.client().listing(repository=MODELS) if file.path == "announced"] == []


def test_a_registry_that_stored_something_else_is_not_believed() -> None:
    with responses.RequestsMock() as mock:
        mock.get(f"{URL}/api/storage/{RECORDS}/x", status=404)
        mock.put(f"{URL}/{RECORDS}/x", status=201, json=info(b"other"))
        with pytest.raises(IntegrityError, match="the registry stored"):
            mocked().deploy_bytes(repository=RECORDS, path="x", data=b"sent")


@pytest.mark.parametrize("sha256", [None, "0" * 64])
def test_a_local_file_that_cannot_be_read_is_named(tmp_path: Path, sha256: str | None) -> None:
    with pytest.raises(InputError, match=r"source: .*missing cannot be read"):
        mocked().deploy_file(repository=MODELS, path="x", source=tmp_path / "missing", sha256=sha256)


def test_a_file_longer_than_it_may_be_is_not_read_to_its_end(world: World) -> None:
    world.client().deploy_bytes(repository=RECORDS, path="long", data=DATA)
    assert world.client().read(repository=RECORDS, path="long", limit=len(DATA)) == DATA
    client = world.client()
    with pytest.raises(IntegrityError, match="longer than the 100 bytes"):
        client.read(repository=RECORDS, path="long", limit=100)
    assert client.requests_made == 1


@pytest.mark.parametrize("kind", ["short", "stall"])
def test_a_streamed_body_that_breaks_off_is_told(world: World, kind: str) -> None:
    world.client().deploy_bytes(repository=RECORDS, path="streamed", data=DATA)
    world.registry.add_fault(Fault(kind=kind, path=f"{RECORDS}/streamed", methods=("GET",), at=300_000))
    held: list[bytes] = []
    with world.client(read=0.3).stream(repository=RECORDS, path="streamed") as download:
        assert download.size == len(DATA)
        with pytest.raises(RegistryUnavailableError, match="was cut or stalled"):
            held.extend(download.chunks())
    assert DATA.startswith(b"".join(held))


def test_a_range_that_was_not_asked_for_is_refused(world: World) -> None:
    world.client().deploy_bytes(repository=RECORDS, path="ranged", data=DATA)
    world.registry.add_fault(Fault(kind="content-range", path=f"{RECORDS}/ranged"))
    with (
        pytest.raises(RegistryError, match="asked for bytes from 100, got 'bytes 101-"),
        world.client().stream(repository=RECORDS, path="ranged", start=100),
    ):
        pytest.fail("the download was opened")


@pytest.mark.parametrize("told", [None, "bytes */10", "bytes 2-9", "bytes 2-20/30", "items 2-9/10", "bytes 0-9/10"])
def test_a_part_without_its_right_place_is_refused(told: str | None) -> None:
    with responses.RequestsMock() as mock:
        headers = {} if told is None else {"Content-Range": told}
        mock.get(f"{URL}/{RECORDS}/x", status=206, body=b"01234567", headers=headers)
        with (
            pytest.raises(RegistryError, match="asked for bytes from 2"),
            mocked().stream(repository=RECORDS, path="x", start=2, end=9),
        ):
            pytest.fail("the download was opened")


def test_a_part_is_no_file() -> None:
    with responses.RequestsMock() as mock:
        mock.get(f"{URL}/{RECORDS}/x", status=206, body=b"01", headers={"Content-Range": "bytes 0-1/10"})
        with pytest.raises(RegistryError, match="a part of what was asked for"):
            mocked().read(repository=RECORDS, path="x", limit=10)


def test_a_server_that_knows_no_ranges_sends_the_whole_file(world: World) -> None:
    world.client().deploy_bytes(repository=RECORDS, path="whole", data=DATA)
    world.registry.add_fault(Fault(kind="no-range", path=f"{RECORDS}/whole"))
    with world.client().stream(repository=RECORDS, path="whole", start=100, if_range="x") as download:
        assert (download.status, download.start, download.size) == (200, 0, len(DATA))
        assert b"".join(download.chunks()) == DATA


def test_an_answer_that_is_neither_file_nor_range_is_refused() -> None:
    with responses.RequestsMock() as mock:
        mock.get(f"{URL}/{RECORDS}/x", status=204)
        with pytest.raises(RegistryError, match="answered 204"), mocked().stream(repository=RECORDS, path="x"):
            pytest.fail("the download was opened")


def test_a_copy_whose_answer_is_lost_counts_if_the_bytes_lie_there(world: World) -> None:
    source, goal = Location(MODELS, "copied/lost"), Location(TARGET, "copied/lost")
    world.client().deploy_bytes(repository=MODELS, path=source.path, data=DATA)
    world.registry.add_fault(Fault(kind="short", path="api/copy/*", at=5))
    copied = world.client(attempts=2).copy_file(source=source, target=goal)
    assert copied.sha256 == hashlib.sha256(DATA).hexdigest()


def test_a_copy_that_is_refused_says_why_and_leaves_nothing(world: World) -> None:
    source, goal = Location(MODELS, "copied/refused"), Location(TARGET, "copied/refused")
    world.client().deploy_bytes(repository=MODELS, path=source.path, data=b"x")
    with pytest.raises(RegistryForbiddenError, match=r"copying .* to .*DEPLOY permission"):
        world.client("reader").copy_file(source=source, target=goal)
    with pytest.raises(RegistryNotFoundError):
        world.client().info(repository=TARGET, path=goal.path)


def test_a_copy_that_differs_from_its_source_is_refused() -> None:
    source, goal = Location(MODELS, "m"), Location(TARGET, "m")
    with responses.RequestsMock() as mock:
        mock.get(f"{URL}/api/storage/{source}", json=info(b"right"))
        mock.get(f"{URL}/api/storage/{goal}", status=404)
        mock.post(f"{URL}/api/copy/{source}", json={"messages": [{"level": "INFO", "message": "done"}]})
        mock.get(f"{URL}/api/storage/{goal}", json=info(b"wrong"))
        with pytest.raises(IntegrityError, match="after copying"):
            mocked().copy_file(source=source, target=goal)


def test_a_copy_of_what_has_no_digest_is_refused() -> None:
    with responses.RequestsMock() as mock:
        mock.get(f"{URL}/api/storage/{MODELS}/m", json={"size": "1"})
        with pytest.raises(IntegrityError, match="tells no SHA-256"):
            mocked().copy_file(source=Location(MODELS, "m"), target=Location(TARGET, "m"))


def test_properties_are_patched_for_one_item_alone(world: World) -> None:
    client = world.client()
    for name in ("deep/a", "deep/b"):
        client.deploy_bytes(repository=RECORDS, path=f"patched/{name}", data=name.encode())
    where = {"repository": RECORDS, "path": "patched"}
    client.set_properties(**where, properties={"stage": "dev", "owner": "a,b;c=d"})
    client.set_properties(**where, properties={"stage": None})
    assert client.properties(**where) == {"owner": ("a,b;c=d",)}
    assert client.properties(repository=RECORDS, path="patched/deep/a") == {}


def test_a_patch_sends_json_and_the_switches() -> None:
    with responses.RequestsMock() as mock:
        mock.patch(f"{URL}/api/metadata/{RECORDS}/x", status=204)
        mocked().set_properties(repository=RECORDS, path="x", properties={"k": "v", "gone": None})
        sent = mock.calls[0].request
    assert json.loads(sent.body or b"") == {"props": {"k": "v", "gone": None}}
    assert sent.headers["Content-Type"] == "application/json"
    assert "recursiveProperties=0" in str(sent.url)


def test_a_missing_item_is_not_an_item_without_properties(world: World) -> None:
    with pytest.raises(RegistryError, match="Unable to find item"):
        world.client().properties(repository=RECORDS, path="no/such/item")


def test_the_package_type_is_told(world: World) -> None:
    assert world.client().repository_type(repository=MODELS) == "machinelearning"
