"""The identities of docs/architecture.md may do what is written there, and no more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from embedded_world import TOKENS, client, running, send

from local.registry.process import RegistryProcess
from local.registry.standard import standard_config

PLACES = {
    "incoming": "ml-incoming-local/models/a/1/w",
    "models": "ml-dev-local/models/a/1/w",
    "records": "weighbridge-dev-local/a/releases/b/release.json",
    "inspections": "weighbridge-dev-local/a/releases/b/statements/inspector.c.json",
    "approvals": "weighbridge-dev-local/a/releases/b/statements/approver.c.json",
    "tuf": "weighbridge-dev-local/tuf/1.targets.json",
    "timestamp": "weighbridge-dev-local/tuf/timestamp.json",
    "prod": "ml-prod-local/models/a/1/w",
}
RECORDS = ("records", "inspections", "approvals")
# What each may do to each place: read, write what is not there, overwrite.
MAY = {
    "scientist": {"incoming": "rw"},
    "registrar": {"incoming": "r", "models": "rw", **dict.fromkeys(RECORDS, "rw"), "tuf": "rw", "timestamp": "rwo"},
    "inspector": {"models": "r", **dict.fromkeys(RECORDS, "r"), "inspections": "rw", "tuf": "r", "timestamp": "r"},
    "promoter": {
        "incoming": "r",
        "models": "rw",
        **dict.fromkeys(RECORDS, "rw"),
        "tuf": "rw",
        "timestamp": "rwo",
        "prod": "rw",
    },
    "keeper": {**dict.fromkeys(RECORDS, "r"), "tuf": "rw", "timestamp": "rwo"},
    "reader": {"models": "r", **dict.fromkeys(RECORDS, "r"), "tuf": "r", "timestamp": "r", "prod": "r"},
}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryProcess]:
    with running(tmp_path_factory.mktemp("identities")) as found:
        yield found


@pytest.mark.parametrize("user", MAY)
@pytest.mark.parametrize("place", PLACES)
def test_an_identity_may_what_is_written(registry: RegistryProcess, user: str, place: str) -> None:
    path, may = PLACES[place], MAY[user].get(place, "")
    send(registry, "PUT", path, data=b"first")
    reading = send(registry, "GET", path, user=user).status_code
    assert reading == (200 if "r" in may else 403)
    fresh = send(registry, "PUT", f"{path}.{user}", user=user, data=b"x").status_code
    # The timestamp's permission names one path: a fresh path beside it is an ordinary record.
    assert fresh == (201 if "w" in may else 403)
    overwriting = send(registry, "PUT", path, user=user, data=f"by {user}".encode()).status_code
    assert overwriting == (201 if "o" in may else 403)
    assert send(registry, "DELETE", path, user=user).status_code == (204 if "o" in may else 403)


def test_a_permission_of_one_repository_does_not_read_another_by_checksum(registry: RegistryProcess) -> None:
    secret = client(registry).deploy_bytes(repository="ml-prod-local", path="models/s/1/w", data=b"secret weights")
    answer = send(registry, "GET", f"api/search/checksum?sha256={secret.sha256}", user="scientist")
    assert answer.json() == {"results": []}
    found = send(registry, "POST", "api/search/aql", user="scientist", data=b'items.find({"repo":"ml-prod-local"})')
    assert found.json()["results"] == []


def test_a_checksum_is_no_way_to_read_what_one_may_not(registry: RegistryProcess, tmp_path: Path) -> None:
    source = tmp_path / "guess"
    source.write_bytes(b"weights of another team")
    client(registry).deploy_file(repository="ml-prod-local", path="models/t/1/w", source=source)
    sent: list[int] = []
    client(registry, "scientist").deploy_file(
        repository="ml-incoming-local", path="models/t/1/w", source=source, progress=sent.append
    )
    assert sum(sent) == source.stat().st_size


def test_repositories_that_one_may_not_read_are_not_listed(registry: RegistryProcess) -> None:
    listed = send(registry, "GET", "api/repositories", user="scientist").json()
    assert {entry["key"] for entry in listed} == {"hf-remote", "ml-incoming-local", "weighbridge-bases-local"}


def test_a_user_without_a_token_is_refused() -> None:
    with pytest.raises(ValueError, match="reader"):
        standard_config(hub_url=None, tokens={**TOKENS, "reader": ""})
