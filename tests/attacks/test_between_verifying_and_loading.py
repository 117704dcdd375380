"""Weights replaced after they were verified: the tensor that is served is the approved one, or nothing is served."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from containers.encoder.weights import read_tensors
from tests.attacks.attacks_on_bytes import promoted
from tests.attacks.tour_gates import Gatekeeper
from tests.attacks.tour_world import NEW, WEIGHTS, tensor, tensors
from weighbridge.release import Release
from weighbridge.serving import ContainerEnvironment
from weighbridge.serving.chain import Chain

SERVER, STRANGER = 10001, 10002
EVIL = tensors("6.6.6")
APPROVED_TENSOR = hashlib.sha256(tensor(NEW).tobytes()).hexdigest()
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def rename(lair: int) -> None:
    os.rename("evil", WEIGHTS, src_dir_fd=lair)


def swap_symlink(lair: int) -> None:
    os.symlink(f"/proc/self/fd/{lair}/evil", "link")  # noqa: PTH211
    os.rename("link", WEIGHTS)  # noqa: PTH104


def write_in_place(_: int) -> None:
    with open(WEIGHTS, "r+b") as file:  # noqa: PTH123
        file.write(EVIL)


def truncate_and_write(_: int) -> None:
    Path(WEIGHTS).write_bytes(EVIL)


ATTEMPTS: Mapping[str, Callable[[int], None]] = {
    "rename": rename, "symlink swap": swap_symlink, "in-place write": write_in_place, "rewrite": truncate_and_write,
}  # fmt: skip


def attempt(how: str, *, folder: Path, lair: Path, user: int) -> str:
    """Try as another user, in a process of its own that stands in the folder already."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        said = "died"
        try:
            hidden = os.open(lair, os.O_RDONLY | os.O_DIRECTORY)
            os.chdir(folder)
            os.setgroups([])
            os.setgid(user)
            os.setuid(user)
            try:
                ATTEMPTS[how](hidden)
                said = "done"
            except OSError as error:
                said = type(error).__name__
        finally:
            os.write(writing, said.encode())
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    return told


@pytest.fixture
def lair(tmp_path: Path) -> Path:
    """The attacker's own folder, with a model that is not approved."""
    folder = tmp_path / "lair"
    folder.mkdir()
    folder.chmod(0o777)
    (folder / "evil").write_bytes(EVIL)
    (folder / "evil").chmod(0o666)
    return folder


@dataclass(frozen=True)
class Between:
    """The chain, with something done between its last verified byte and what the start sequence does then."""

    chain: Chain
    act: Callable[[Path], None]

    def verify(self, environment: ContainerEnvironment) -> Release:
        return self.chain.verify(environment)

    def pull(self, release: Release, *, environment: ContainerEnvironment, progress: Callable[[int], None]) -> None:
        self.chain.pull(release, environment=environment, progress=progress)
        self.act(environment.model_folder)


def start(
    keeper: Gatekeeper, *, when: str, act: Callable[[Path], None], user: int | None = SERVER
) -> tuple[list[str], tuple[str, str] | None]:
    """Start the container; `act` runs when it was pulled, or as the server begins. Returns hashes of what is served, and the refusal."""
    promoted(keeper, "load")
    if user is not None:
        keeper.environ["WEIGHBRIDGE_SERVER_USER"] = str(user)
    served: list[str] = []

    def serve(_: object) -> None:
        if when == "locked":
            act(keeper.model_folder)
        served.append(hashlib.sha256(read_tensors(keeper.model_folder / WEIGHTS)["weight"].tobytes()).hexdigest())

    keeper.hand_over = serve
    if when == "pulled":
        keeper.watch = lambda chain: Between(chain, act)
    refusal = keeper.load()
    return served, refusal


@needs_root
@pytest.mark.parametrize("user", [SERVER, STRANGER], ids=["the server's user", "a stranger"])
@pytest.mark.parametrize("when", ["pulled", "locked"])
@pytest.mark.parametrize("how", ATTEMPTS)
def test_another_user_replaces_nothing(keeper: Gatekeeper, lair: Path, how: str, when: str, user: int) -> None:
    said: list[str] = []
    served = start(keeper, when=when, act=lambda folder: said.append(attempt(how, folder=folder, lair=lair, user=user)))
    assert said == ["PermissionError"]
    assert served == ([APPROVED_TENSOR], None)


@needs_root
@pytest.mark.parametrize("how", ATTEMPTS)
def test_the_same_attempt_works_where_nothing_guards_the_folder(lair: Path, tmp_path: Path, how: str) -> None:
    open_folder = tmp_path / "open"
    open_folder.mkdir()
    (open_folder / WEIGHTS).write_bytes(tensors(NEW))
    open_folder.chmod(0o777)
    (open_folder / WEIGHTS).chmod(0o666)
    assert attempt(how, folder=open_folder, lair=lair, user=STRANGER) == "done"
    path = open_folder / WEIGHTS
    assert path.is_symlink() if how == "symlink swap" else path.read_bytes() == EVIL


def own_rename(folder: Path) -> None:
    (folder / "other").write_bytes(b"shorter")
    (folder / "other").replace(folder / WEIGHTS)


def own_symlink(folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    (folder / WEIGHTS).symlink_to(folder / "config.json")


def own_extra(folder: Path) -> None:
    (folder / "modeling_evil.py").write_bytes(b"import os")


def own_folder(folder: Path) -> None:
    (folder / "code").mkdir()
    (folder / "code" / "evil.py").symlink_to("/etc/passwd")


@pytest.mark.parametrize("act", [own_rename, own_symlink, own_extra, own_folder])
def test_what_the_pulls_own_user_adds_or_exchanges_is_seen(keeper: Gatekeeper, act: Callable[[Path], None]) -> None:
    served, refusal = start(keeper, when="pulled", act=act, user=None)
    assert served == []
    assert refusal is not None
    assert refusal[0] == "refused.integrity"
    assert list(keeper.model_folder.iterdir()) == []


def test_untouched_the_approved_tensor_is_served(keeper: Gatekeeper) -> None:
    assert start(keeper, when="locked", act=lambda _: None, user=None) == ([APPROVED_TENSOR], None)


def test_a_model_folder_that_is_a_link_is_refused(keeper: Gatekeeper, tmp_path: Path) -> None:
    (tmp_path / "ml").mkdir()
    (tmp_path / "elsewhere").mkdir()
    keeper.model_folder.symlink_to(tmp_path / "elsewhere")
    promoted(keeper, "load")
    keeper.refuses("load", "input.model-folder")
    assert list((tmp_path / "elsewhere").iterdir()) == []
