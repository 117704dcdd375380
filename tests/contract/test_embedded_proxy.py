"""The caching proxy in front of a hub: asks once, keeps what is whole, tells no token."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Iterator
from pathlib import Path

import pytest
from embedded_world import config, send
from upstream_hub import COMMIT, FILES, MODEL, TREE, Upstream, upstream_hub

from local.registry.process import RegistryProcess

BASE = "api/huggingfaceml/hf-remote"
WEIGHTS = f"{BASE}/{MODEL}/resolve/{COMMIT}/model.safetensors"
LISTING = f"{BASE}/api/models/{MODEL}/tree/{COMMIT}?recursive=true"


@pytest.fixture
def hub() -> Iterator[Upstream]:
    with upstream_hub() as found:
        yield found


@pytest.fixture
def registry(hub: Upstream, tmp_path: Path) -> Iterator[RegistryProcess]:
    with RegistryProcess(folder=tmp_path / "registry", config=config(hub_url=hub.url)) as found:
        yield found


def resolved(hub: Upstream) -> list[str]:
    return [path for path in hub.asked if "/resolve/" in path]


def test_a_listing_of_several_pages_is_read_whole_and_once(registry: RegistryProcess, hub: Upstream) -> None:
    for _ in range(2):
        listed = send(registry, "GET", LISTING, user="scientist").json()
        assert listed == [file.to_json() for file in sorted(TREE, key=lambda file: file.path)]
    assert len(hub.asked) == 3


def test_many_callers_at_once_fetch_a_file_once(registry: RegistryProcess, hub: Upstream) -> None:
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        bodies = list(pool.map(lambda _: send(registry, "GET", WEIGHTS, user="scientist").content, range(8)))
    assert set(bodies) == {FILES["model.safetensors"]}
    assert len(resolved(hub)) == 1


def test_head_tells_what_the_file_is_without_fetching_it(registry: RegistryProcess, hub: Upstream) -> None:
    weights = next(file for file in TREE if file.sha256)
    for _ in range(2):
        answer = send(registry, "HEAD", WEIGHTS, user="scientist")
        assert answer.headers["X-Repo-Commit"] == COMMIT
        assert answer.headers["ETag"] == answer.headers["X-Linked-ETag"] == f'"{weights.sha256}"'
        assert answer.headers["Content-Length"] == answer.headers["X-Linked-Size"] == str(weights.size)
    assert resolved(hub) == []
    assert send(registry, "GET", WEIGHTS, user="scientist").headers["ETag"] == f'"{weights.sha256}"'


def test_a_file_that_is_not_as_long_as_listed_is_not_kept(registry: RegistryProcess, hub: Upstream) -> None:
    hub.files["model.safetensors"] = FILES["model.safetensors"][:-1]
    assert send(registry, "GET", WEIGHTS, user="scientist").status_code == 502
    hub.files["model.safetensors"] = FILES["model.safetensors"]
    assert send(registry, "GET", WEIGHTS, user="scientist").content == FILES["model.safetensors"]


@pytest.mark.parametrize("listing", [["text", "text"], [{"type": "file"}, {"type": "file"}]])
def test_a_listing_that_is_not_understood_is_not_kept(
    registry: RegistryProcess, hub: Upstream, listing: list[object]
) -> None:
    right, hub.listing = hub.listing, listing
    assert send(registry, "GET", LISTING, user="scientist").status_code == 502
    hub.listing = right
    assert send(registry, "GET", LISTING, user="scientist").status_code == 200


def test_the_hub_never_sees_the_callers_token(registry: RegistryProcess, hub: Upstream) -> None:
    send(registry, "GET", f"{BASE}/api/models/{MODEL}/revision/main", user="scientist")
    send(registry, "GET", WEIGHTS, user="scientist")
    assert len(hub.asked) == 4
    assert hub.tokens == []


@pytest.mark.parametrize("name", ["..%2f..", ".hidden", "a%3Fb", "a%23b"])
def test_a_name_that_is_none_reaches_no_hub(registry: RegistryProcess, hub: Upstream, name: str) -> None:
    answer = send(registry, "GET", f"{BASE}/api/models/org/{name}/revision/main", user="scientist")
    assert answer.status_code in (400, 404)
    assert hub.asked == []


def test_nothing_is_deployed_to_a_remote(registry: RegistryProcess) -> None:
    assert send(registry, "PUT", "hf-remote/models/x", data=b"x").status_code == 405
    assert send(registry, "POST", f"{BASE}/api/models/{MODEL}/preupload/main", json={"files": []}).status_code == 405
