"""The real huggingface_hub through the registry's proxy, and into a local huggingfaceml repository. Xet is off."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from client_world import LOCAL_HUB, MODEL, Clients, client_config, contents

from local.hub.process import HubProcess
from local.registry.process import Fault, RegistryProcess
from weighbridge.registry import ArtifactoryClient, StaticToken

SNAPSHOT = """
from huggingface_hub import snapshot_download
repository, revision, target = ARGS
print(json.dumps(snapshot_download(repository, revision=revision, local_dir=target)))
"""
FILE = """
from huggingface_hub import hf_hub_download
repository, revision, name, target = ARGS
print(json.dumps(hf_hub_download(repository, name, revision=revision, cache_dir=target)))
"""
REFUSED = """
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import HfHubHTTPError
repository, revision, name, target = ARGS
try:
    hf_hub_download(repository, name, revision=revision, cache_dir=target)
except Exception as error:
    chain = []
    while error is not None:
        response = getattr(error, "response", None)
        chain.append([type(error).__name__, getattr(response, "status_code", None)])
        error = error.__cause__
    print(json.dumps(chain))
"""
UPLOAD = """
from huggingface_hub import HfApi
repository, source = ARGS
done = HfApi().upload_folder(repo_id=repository, folder_path=source, commit_message="from a test")
print(json.dumps([done.oid, done.repo_url.repo_id]))
"""
TREE = """
from huggingface_hub import HfApi
entries = HfApi().list_repo_tree(ARGS[0], revision=ARGS[1], recursive=True)
print(json.dumps({entry.path: entry.lfs.sha256 if entry.lfs else None for entry in entries}))
"""


@pytest.fixture
def fresh(hub: HubProcess, tmp_path: Path) -> Iterator[Clients]:
    """A registry whose proxy holds nothing yet, in front of the session's hub."""
    with RegistryProcess(folder=tmp_path / "registry", config=client_config(hub_url=hub.url)) as registry:
        yield Clients(registry=registry, home=tmp_path / "home")


def test_a_pinned_revision_comes_through_the_proxy_and_stays(model: Path, tmp_path: Path) -> None:
    with HubProcess(folder=model, repository=MODEL, log=tmp_path / "hub.log") as hub:
        config = client_config(hub_url=hub.url)
        with RegistryProcess(folder=tmp_path / "registry", config=config) as registry:
            clients = Clients(registry=registry, home=tmp_path / "home")
            first = clients.run(SNAPSHOT, MODEL, hub.revision, tmp_path / "first")
            assert first.code == 0, first.output
            assert contents(tmp_path / "first") == contents(model)
            hub.kill()
            second = clients.run(SNAPSHOT, MODEL, hub.revision, tmp_path / "second", user="reader")
            assert second.code == 0, second.output
            assert contents(tmp_path / "second") == contents(model)
            unknown = clients.run(REFUSED, MODEL, "0" * 40, "config.json", tmp_path / "third")
            assert ["HfHubHTTPError", 404] in unknown.answer, unknown.output


def test_a_branch_is_followed_and_remembered(fresh: Clients, hub: HubProcess, model: Path, tmp_path: Path) -> None:
    assert fresh.run(SNAPSHOT, MODEL, "main", tmp_path / "first").code == 0
    assert contents(tmp_path / "first") == contents(model)
    cached = ArtifactoryClient(url=fresh.registry.url, tokens=StaticToken(token=fresh.registry.token("admin")))
    listed = cached.listing(repository="hf-remote-cache", path=f"models/{MODEL}/{hub.revision}")
    assert len(listed) == len(contents(model))


def test_the_listing_names_the_digest_of_each_large_file(clients: Clients, hub: HubProcess, model: Path) -> None:
    ran = clients.run(TREE, MODEL, hub.revision)
    assert ran.answer == {
        path: hashlib.sha256(data).hexdigest() if path.endswith(".safetensors") else None
        for path, data in contents(model).items()
    }


def test_one_file_is_downloaded_alone(fresh: Clients, hub: HubProcess, model: Path, tmp_path: Path) -> None:
    ran = fresh.run(FILE, MODEL, hub.revision, "1_Pooling/config.json", tmp_path / "cache")
    assert Path(str(ran.answer)).read_bytes() == (model / "1_Pooling/config.json").read_bytes()
    resolved = [entry.method for entry in fresh.registry.requests() if "/resolve/" in entry.path]
    assert resolved == ["HEAD", "GET"]


def test_who_may_only_read_gets_nothing_that_is_not_cached(fresh: Clients, hub: HubProcess, tmp_path: Path) -> None:
    refused = fresh.run(REFUSED, MODEL, hub.revision, "config.json", tmp_path / "a", user="reader")
    assert 403 in [status for _, status in refused.answer], refused.output
    assert fresh.run(FILE, MODEL, hub.revision, "config.json", tmp_path / "b").code == 0
    assert fresh.run(FILE, MODEL, hub.revision, "config.json", tmp_path / "c", user="reader").code == 0


@pytest.mark.parametrize(
    ("repository", "revision", "name", "error"),
    [
        (MODEL, None, "no-such-file.bin", "RemoteEntryNotFoundError"),
        (MODEL, "no-such-branch", "config.json", "RevisionNotFoundError"),
        ("org/no-such-model", "main", "config.json", "RepositoryNotFoundError"),
    ],
)
def test_what_is_missing_is_told_as_the_hub_tells_it(
    clients: Clients, hub: HubProcess, tmp_path: Path, repository: str, revision: str | None, name: str, error: str
) -> None:
    ran = clients.run(REFUSED, repository, revision or hub.revision, name, tmp_path / "cache")
    assert error in [kind for kind, _ in ran.answer], ran.output


def test_a_blocked_file_looks_like_a_lost_connection(clients: Clients, hub: HubProcess, tmp_path: Path) -> None:
    clients.registry.add_fault(Fault(kind="status", path="*/resolve/*/model.safetensors", status=403))
    ran = clients.run(REFUSED, MODEL, hub.revision, "model.safetensors", tmp_path / "cache")
    kinds = [kind for kind, _ in ran.answer]
    assert kinds[0] == "LocalEntryNotFoundError"
    # The refusal itself is in the chain of causes: whoever reports it has to look there.
    assert ["HfHubHTTPError", 403] in ran.answer


def test_a_proxy_without_the_commit_header_is_of_no_use(clients: Clients, hub: HubProcess, tmp_path: Path) -> None:
    clients.registry.add_fault(Fault(kind="headers", path="*/resolve/*", headers={"X-Repo-Commit": None}))
    ran = clients.run(REFUSED, MODEL, hub.revision, "config.json", tmp_path / "cache")
    assert "FileMetadataError" in [kind for kind, _ in ran.answer], ran.output


def test_huggingface_hub_does_not_see_a_flipped_byte(
    clients: Clients, hub: HubProcess, model: Path, tmp_path: Path
) -> None:
    clients.registry.add_fault(Fault(kind="flip", path="*/resolve/*/model.safetensors", methods=("GET",)))
    ran = clients.run(FILE, MODEL, hub.revision, "model.safetensors", tmp_path / "cache")
    assert Path(str(ran.answer)).read_bytes() != (model / "model.safetensors").read_bytes()


def test_a_folder_is_uploaded_and_downloaded_again(clients: Clients, model: Path, tmp_path: Path) -> None:
    ran = clients.run(UPLOAD, "team/uploaded", model, repository=LOCAL_HUB)
    assert ran.code == 0, ran.output
    commit, name = ran.answer
    assert name == "team/uploaded"
    back = clients.run(SNAPSHOT, "team/uploaded", "main", tmp_path / "back", user="reader", repository=LOCAL_HUB)
    assert back.code == 0, back.output
    assert contents(tmp_path / "back") == contents(model)
    changed = tmp_path / "changed"
    changed.mkdir()
    (changed / "config.json").write_text('{"hidden_size": 8}')
    second = clients.run(UPLOAD, "team/uploaded", changed, repository=LOCAL_HUB)
    assert second.code == 0, second.output
    assert second.answer[0] != commit
    old = clients.run(SNAPSHOT, "team/uploaded", str(commit), tmp_path / "old", repository=LOCAL_HUB)
    new = clients.run(SNAPSHOT, "team/uploaded", "main", tmp_path / "new", repository=LOCAL_HUB)
    assert (old.code, new.code) == (0, 0)
    assert contents(tmp_path / "old") == contents(model)
    assert contents(tmp_path / "new") == {**contents(model), "config.json": b'{"hidden_size": 8}'}


def test_a_reader_uploads_nothing(clients: Clients, model: Path) -> None:
    ran = clients.run(UPLOAD, "team/forbidden", model, user="reader", repository=LOCAL_HUB)
    assert ran.code != 0
    assert "403" in ran.output
