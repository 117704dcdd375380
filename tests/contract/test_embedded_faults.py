"""Each fault switch does what its description says, as often as it says, and the log tells it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import requests
from embedded_world import RECORDS, running, send

from local.process import ServerError
from local.registry.process import Fault, RegistryProcess

DATA = bytes(range(256)) * 1000
URL = f"{RECORDS}/file"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryProcess]:
    with running(tmp_path_factory.mktemp("faults")) as found:
        send(found, "PUT", URL, data=DATA)
        yield found


@pytest.fixture
def registry(server: RegistryProcess) -> Iterator[RegistryProcess]:
    yield server
    server.clear_faults()


def test_a_status_comes_as_often_as_it_is_asked_for(registry: RegistryProcess) -> None:
    registry.add_fault(Fault(kind="status", path=URL, status=503, times=2))
    assert [send(registry, "GET", URL).status_code for _ in range(3)] == [503, 503, 200]
    assert registry.fault_hits() == (2,)


def test_too_many_requests_say_when_to_come_again(registry: RegistryProcess) -> None:
    registry.add_fault(Fault(kind="status", path=URL, status=429, retry_after="7", times=1))
    answer = send(registry, "GET", URL)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")


def test_one_path_is_blocked_in_the_words_of_a_policy(registry: RegistryProcess) -> None:
    words = f"Artifact download request rejected: {URL} was not downloaded due to the download blocking policy"
    registry.add_fault(Fault(kind="status", path=URL, methods=("GET",), status=403, message=words))
    assert send(registry, "GET", URL).json() == {"errors": [{"status": 403, "message": words}]}
    assert send(registry, "HEAD", URL).status_code == 200
    assert send(registry, "GET", f"api/storage/{URL}").status_code == 200


@pytest.mark.parametrize(
    ("shape", "found"), [("access", '"code":"502"'), ("html", "<h1>"), ("artifactory", '"errors"')]
)
def test_errors_come_in_three_shapes(registry: RegistryProcess, shape: str, found: str) -> None:
    registry.add_fault(Fault(kind="status", path=URL, status=502, shape=shape))
    assert found in send(registry, "GET", URL).text


def test_one_byte_is_flipped_in_transit(registry: RegistryProcess) -> None:
    registry.add_fault(Fault(kind="flip", path=URL, methods=("GET",), at=70_000, times=1))
    body = send(registry, "GET", URL).content
    assert [at for at in range(len(DATA)) if body[at] != DATA[at]] == [70_000]
    assert send(registry, "GET", URL).content == DATA


def test_a_body_ends_early(registry: RegistryProcess) -> None:
    registry.add_fault(Fault(kind="short", path=URL, at=100_000))
    answer = requests.get(
        f"{registry.url}/{URL}", headers={"Authorization": f"Bearer {registry.token('admin')}"}, stream=True, timeout=30
    )
    assert answer.headers["Content-Length"] == str(len(DATA))
    held: list[bytes] = []
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        held.extend(answer.iter_content(1000))
    assert len(DATA) > len(b"".join(held))
    assert DATA.startswith(b"".join(held))


@pytest.mark.parametrize("at", [None, 1000])
def test_an_answer_stalls_until_the_client_leaves(registry: RegistryProcess, at: int | None) -> None:
    registry.add_fault(Fault(kind="stall", path=URL, at=at, times=1))
    with pytest.raises((requests.exceptions.ReadTimeout, requests.exceptions.ConnectionError)):
        requests.get(
            f"{registry.url}/{URL}",
            headers={"Authorization": f"Bearer {registry.token('admin')}"},
            timeout=(5, 0.3),
        )
    assert send(registry, "GET", URL).content == DATA


def test_a_download_is_redirected_to_an_origin_that_refuses_tokens(registry: RegistryProcess) -> None:
    registry.add_fault(Fault(kind="redirect", path=URL, methods=("GET",)))
    answer = send(registry, "GET", URL)
    assert answer.status_code == 302
    signed = answer.headers["Location"]
    assert signed.startswith(registry.storage_url)
    before = registry.last_request()
    assert requests.get(signed, timeout=30).content == DATA
    assert requests.get(signed, headers={"Range": "bytes=10-19"}, timeout=30).content == DATA[10:20]
    refused = requests.get(signed, headers={"Authorization": "Bearer leaked"}, timeout=30)
    assert refused.status_code == 400
    seen = [(entry.origin, entry.status, entry.authorization) for entry in registry.requests(since=before)]
    assert seen == [("storage", 200, False), ("storage", 206, False), ("storage", 400, True)]


def test_a_redirect_may_lead_anywhere(registry: RegistryProcess) -> None:
    registry.add_fault(Fault(kind="redirect", path=URL, location="http://registry.example.com/"))
    assert send(registry, "GET", URL).headers["Location"] == "http://registry.example.com/"


def test_a_range_is_told_wrongly_or_ignored(registry: RegistryProcess) -> None:
    headers = {"Authorization": f"Bearer {registry.token('admin')}", "Range": "bytes=10-19"}
    registry.add_fault(Fault(kind="content-range", path=URL, times=1))
    registry.add_fault(Fault(kind="no-range", path=URL, times=1))
    wrong = requests.get(f"{registry.url}/{URL}", headers=headers, timeout=30)
    assert wrong.headers["Content-Range"] == f"bytes 11-19/{len(DATA)}"
    ignored = requests.get(f"{registry.url}/{URL}", headers=headers, timeout=30)
    assert (ignored.status_code, ignored.content) == (200, DATA)


def test_headers_are_set_and_removed(registry: RegistryProcess) -> None:
    registry.add_fault(Fault(kind="headers", path=URL, headers={"X-Checksum-Sha256": None, "X-Extra": "1"}))
    answer = send(registry, "HEAD", URL)
    assert "X-Checksum-Sha256" not in answer.headers
    assert answer.headers["X-Extra"] == "1"


def test_requests_are_logged_with_user_status_and_fault(registry: RegistryProcess) -> None:
    before = registry.last_request()
    registry.add_fault(Fault(kind="status", path="api/system/ping", status=500, times=1))
    send(registry, "GET", "api/system/ping", user="reader")
    send(registry, "GET", f"api/storage/{URL}?properties", user="scientist")
    requests.get(f"{registry.url}/{URL}", timeout=30)
    seen = registry.requests(since=before)
    assert [(entry.method, entry.path, entry.user, entry.status, entry.fault) for entry in seen] == [
        ("GET", "/artifactory/api/system/ping", "reader", 500, "status"),
        ("GET", f"/artifactory/api/storage/{URL}?properties", "scientist", 403, None),
        ("GET", f"/artifactory/{URL}", None, 401, None),
    ]


def test_the_switches_are_an_admins(registry: RegistryProcess) -> None:
    control = registry.url.removesuffix("/artifactory") + "/control/faults"
    for user, status in (("scientist", 403), ("admin", 200)):
        headers = {"Authorization": f"Bearer {registry.token(user)}"}
        assert requests.get(control, headers=headers, timeout=30).status_code == status
    assert requests.get(control, timeout=30).status_code == 401


def test_a_fault_that_is_not_understood_is_named() -> None:
    with pytest.raises(ValueError, match="'explode'"):
        Fault(kind="explode")


def test_a_registry_without_an_admin_does_not_start(registry: RegistryProcess) -> None:
    users = tuple(user for user in registry.config.users if not user.admin)
    with pytest.raises(ServerError, match="admin"):
        RegistryProcess(folder=registry.folder / "other", config=replace(registry.config, users=users))
