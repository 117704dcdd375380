"""Crashes, races and damage: what the embedded registry promises of its storage."""

from __future__ import annotations

import concurrent.futures
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from embedded_world import MODELS, OTHER, RECORDS, TOKENS, client, running, send

from local.registry.process import RegistryProcess
from local.registry.tamper import flip_byte
from weighbridge.errors import RegistryNotFoundError
from weighbridge.registry import Location

PATH = "models/minilm/1.0.0/model.safetensors"
DATA = b"weights" * 1000


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[RegistryProcess]:
    with running(tmp_path / "registry") as found:
        yield found


def test_content_survives_a_kill_and_the_url_stays(registry: RegistryProcess) -> None:
    client(registry).deploy_bytes(repository=MODELS, path=PATH, data=DATA)
    client(registry).set_properties(repository=MODELS, path=PATH, properties={"stage": "dev"})
    before = registry.url
    registry.kill()
    registry.start()
    assert registry.url == before
    assert client(registry).read(repository=MODELS, path=PATH, limit=10_000) == DATA
    assert client(registry).properties(repository=MODELS, path=PATH) == {"stage": ("dev",)}


@pytest.mark.parametrize("ending", ["client leaves", "server dies"])
def test_half_an_upload_is_never_visible(registry: RegistryProcess, ending: str) -> None:
    parts = urlsplit(registry.url)
    head = (
        f"PUT /artifactory/{MODELS}/{PATH} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: {len(DATA)}\r\n"
        f"Authorization: Bearer {TOKENS['promoter']}\r\n\r\n"
    )
    with socket.create_connection((parts.hostname or "", parts.port or 0)) as connection:
        connection.sendall(head.encode() + DATA[:3000])
        parts_folder = registry.folder / "parts"
        while not any(parts_folder.iterdir()):
            continue
        if ending == "server dies":
            registry.kill()
    if ending == "server dies":
        registry.start()
    with pytest.raises(RegistryNotFoundError):
        client(registry).info(repository=MODELS, path=PATH)
    assert client(registry).listing(repository=MODELS) == ()
    client(registry).deploy_bytes(repository=MODELS, path=PATH, data=DATA)
    while any(parts_folder.iterdir()):
        continue


def test_of_two_writers_at_once_one_wins_and_the_other_is_told(registry: RegistryProcess) -> None:
    def write(data: bytes) -> int:
        return send(registry, "PUT", f"{RECORDS}/record.json", user="promoter", data=data).status_code

    bodies = [bytes([65 + number]) * 200_000 for number in range(8)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(write, bodies))
    assert sorted(statuses) == [201] + [403] * 7
    stored = client(registry).read(repository=RECORDS, path="record.json", limit=300_000)
    assert stored == bodies[statuses.index(201)]


def test_a_flipped_byte_is_served_as_if_it_were_right_and_only_there(registry: RegistryProcess) -> None:
    admin = client(registry)
    admin.deploy_bytes(repository=MODELS, path=PATH, data=DATA)
    admin.copy_file(source=Location(MODELS, PATH), target=Location(OTHER, PATH))
    place = flip_byte(folder=registry.folder, repository=OTHER, path=PATH)
    damaged = admin.read(repository=OTHER, path=PATH, limit=10_000)
    assert [at for at in range(len(DATA)) if damaged[at] != DATA[at]] == [place]
    told, whole = admin.info(repository=OTHER, path=PATH), admin.info(repository=MODELS, path=PATH)
    assert (told.size, told.sha256) == (whole.size, whole.sha256)
    assert admin.read(repository=MODELS, path=PATH, limit=10_000) == DATA


def test_a_checksum_deploy_after_damage_stores_the_right_bytes(registry: RegistryProcess, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(DATA)
    admin = client(registry)
    admin.deploy_file(repository=MODELS, path=PATH, source=source)
    flip_byte(folder=registry.folder, repository=MODELS, path=PATH, offset=0)
    admin.deploy_file(repository=OTHER, path=PATH, source=source)
    assert admin.read(repository=OTHER, path=PATH, limit=10_000) == DATA


def test_what_is_not_there_cannot_be_damaged(registry: RegistryProcess) -> None:
    with pytest.raises(ValueError, match="nothing lies there"):
        flip_byte(folder=registry.folder, repository=MODELS, path=PATH)


def test_a_file_and_a_folder_never_share_a_path(registry: RegistryProcess) -> None:
    client(registry).deploy_bytes(repository=RECORDS, path="a/b", data=b"x")
    assert send(registry, "PUT", f"{RECORDS}/a", data=b"y").status_code == 409
    assert send(registry, "PUT", f"{RECORDS}/a/b/c", data=b"y").status_code == 409


def test_a_path_out_of_the_repository_is_refused(registry: RegistryProcess) -> None:
    parts = urlsplit(registry.url)
    for path in (f"{RECORDS}/../x", f"{RECORDS}/a/%2e%2e/b", f"{RECORDS}/a//b"):
        with socket.create_connection((parts.hostname or "", parts.port or 0)) as connection:
            connection.sendall(
                f"PUT /artifactory/{path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n"
                f"Authorization: Bearer {TOKENS['admin']}\r\n\r\n".encode()
            )
            assert connection.recv(64).startswith(b"HTTP/1.1 400")
