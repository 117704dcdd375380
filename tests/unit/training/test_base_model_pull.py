"""Pulling a base model: pinned, complete, verified, and a refusal of the proxy told in its own words."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from training_world import REVISION, FolderHub, tiny_hub

from weighbridge.errors import (
    InputError,
    IntegrityError,
    RegistryAuthError,
    RegistryError,
    RegistryForbiddenError,
    RegistryNotFoundError,
    RegistryUnavailableError,
)
from weighbridge.release import BaseModel
from weighbridge.training import HuggingFaceHub, pull_base_model
from weighbridge.training.hub import translate

BASE = BaseModel(repository="org/tiny", revision=REVISION)
PATTERNS = ("*.json", "model.safetensors")


@pytest.fixture
def hub(tmp_path: Path) -> FolderHub:
    return tiny_hub(tmp_path / "hub")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "base"
    found.mkdir()
    return found


def test_what_is_wanted_arrives_and_nothing_else(hub: FolderHub, folder: Path) -> None:
    (hub.folder / ".gitattributes").write_bytes(b"x")
    digests = pull_base_model(hub=hub, base=BASE, folder=folder, patterns=PATTERNS)
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors", "tokenizer.json"]
    assert digests == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    assert hub.asked == [("org/tiny", REVISION)]


@pytest.mark.parametrize("revision", ["main", "v1", "a" * 39, "A" * 40])
def test_a_revision_that_can_move_is_refused_before_any_request(hub: FolderHub, folder: Path, revision: str) -> None:
    with pytest.raises(InputError, match="is not a pinned revision"):
        pull_base_model(hub=hub, base=BaseModel(repository="org/tiny", revision=revision), folder=folder)
    assert hub.asked == []


def test_weights_that_are_not_the_hubs_are_refused(tmp_path: Path, folder: Path) -> None:
    hub = tiny_hub(tmp_path / "lying", lie="0" * 64)
    with pytest.raises(IntegrityError, match=r"model\.safetensors hashes to"):
        pull_base_model(hub=hub, base=BASE, folder=folder)


class Losing(FolderHub):
    """Lists a file that it does not give, or another size than it gives."""

    def download(self, *, repository: str, revision: str, folder: Path, patterns: Sequence[str] | None) -> None:
        super().download(repository=repository, revision=revision, folder=folder, patterns=patterns)
        if self.lie == "lost":
            (folder / "config.json").unlink()
        else:
            (folder / "config.json").write_bytes(b"{}")


@pytest.mark.parametrize(
    ("lie", "message"), [("lost", "config.json did not arrive"), ("size", "config.json has 2 bytes")]
)
def test_a_small_file_that_is_missing_or_cut_is_refused(tmp_path: Path, folder: Path, lie: str, message: str) -> None:
    hub = Losing(folder=tiny_hub(tmp_path / "hub").folder)
    hub.lie = None
    listed = hub.tree(repository="org/tiny", revision=REVISION)
    hub.tree = lambda **_: listed  # type: ignore[method-assign]
    hub.lie = lie
    with pytest.raises(IntegrityError, match=message):
        pull_base_model(hub=hub, base=BASE, folder=folder)


def test_a_pattern_that_matches_nothing_is_refused(hub: FolderHub, folder: Path) -> None:
    with pytest.raises(IntegrityError, match="lists none of the wanted files"):
        pull_base_model(hub=hub, base=BASE, folder=folder, patterns=["*.gguf"])


class Response:
    def __init__(self, status: int) -> None:
        self.status_code = status
        self.text = "Artifact download request rejected:\n  blocked by policy 'no-malware'"


class HubError(Exception):
    def __init__(self, status: int) -> None:
        super().__init__("hub")
        self.response = Response(status)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (403, RegistryForbiddenError),
        (404, RegistryNotFoundError),
        (401, RegistryAuthError),
        (503, RegistryUnavailableError),
    ],
)
def test_the_proxys_own_words_are_found_behind_check_your_connection(status: int, kind: type[RegistryError]) -> None:
    outer = RuntimeError("check your connection")
    outer.__cause__ = HubError(status)
    found = translate(outer, what="org/tiny")
    assert type(found) is kind
    assert found.status == status
    assert "blocked by policy 'no-malware'" in str(found)
    assert "\n" not in str(found)


def test_no_answer_at_all_names_the_first_cause() -> None:
    outer = RuntimeError("check your connection")
    outer.__context__ = ConnectionRefusedError("connection refused")
    found = translate(outer, what="org/tiny")
    assert "ConnectionRefusedError: connection refused" in str(found)
    assert found.status is None


@pytest.mark.parametrize(("renewed", "calls"), [(("first", "second", "third"), 2), (("first", "first"), 1)])
def test_a_token_that_stays_refused_ends_the_download(
    folder: Path, monkeypatch: pytest.MonkeyPatch, renewed: tuple[str, ...], calls: int
) -> None:
    refused = RuntimeError("401")
    vars(refused)["response"] = SimpleNamespace(status_code=401, text="expired")
    asked: list[str] = []

    class Tokens:
        def __init__(self) -> None:
            self.given = 0

        def token(self) -> str:
            return renewed[self.given]

        def refresh(self) -> str:
            self.given += 1
            return self.token()

    def snapshot_download(*_: object, token: str, **__: object) -> None:
        asked.append(token)
        raise refused

    monkeypatch.setattr(
        "weighbridge.training.hub._import_hub", lambda: SimpleNamespace(snapshot_download=snapshot_download)
    )
    with pytest.raises(RuntimeError, match="401"):
        HuggingFaceHub(endpoint="http://127.0.0.1:9", tokens=Tokens()).download(
            repository="org/tiny", revision=REVISION, folder=folder, patterns=None
        )
    assert asked == list(renewed[:calls])
