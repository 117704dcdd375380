"""What lies in the folder before, during and after a pull."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from faulty_server import FaultyServer
from pull_world import MIB, PullWorld, make_world, noise

from weighbridge.errors import InputError, IntegrityError

FILES = {
    "model.safetensors": noise(2 * MIB),
    "config.json": b"{}",
    "empty.txt": b"",
    "1_Pooling/config.json": b'{"a": 1}',
    "z" * 255: b"a name as long as names may be",
    "ein Ümläut & 100%.txt": b"quoted",
}


@pytest.fixture
def world(server: FaultyServer, tmp_path: Path) -> PullWorld:
    return make_world(tmp_path, server, {**FILES, "code.zip": b"code"}, roles={"code.zip": "code"})


def test_every_file_of_role_load_and_no_other_arrives_read_only(world: PullWorld) -> None:
    report = world.pull()
    assert world.visible() == FILES
    assert (report.files, report.bytes, report.faults) == (len(FILES), sum(map(len, FILES.values())), 0)
    assert world.everything() == sorted({*FILES, "1_Pooling"})
    assert all(not path.stat().st_mode & 0o222 for path in world.destination.rglob("*") if path.is_file())


def test_progress_adds_up_to_the_release(world: PullWorld) -> None:
    counts: list[int] = []
    world.server.fault("flip", "model.safetensors", at=MIB)
    world.pull(progress=counts.append)
    assert sum(counts) == world.built.release.load_bytes


def test_many_files_arrive(server: FaultyServer, tmp_path: Path) -> None:
    world = make_world(tmp_path, server, {f"{index % 7}/{index}.bin": noise(index, seed=index) for index in range(400)})
    report = world.pull()
    assert world.visible() == world.files
    assert report.files == 400
    assert server.connections <= 17


def test_verified_files_that_are_there_already_are_kept(world: PullWorld) -> None:
    world.pull()
    before = len(world.server.seen)
    report = world.pull()
    assert len(world.server.seen) == before
    assert report.bytes_kept == report.bytes
    assert world.visible() == FILES


@pytest.mark.parametrize("data", [b"", b"other bytes", FILES["model.safetensors"][:-1] + b"?"])
def test_other_bytes_at_a_path_are_refused_and_left(world: PullWorld, data: bytes) -> None:
    world.destination.mkdir()
    present = world.destination / "model.safetensors"
    present.write_bytes(data)
    with pytest.raises(IntegrityError, match=r"model\.safetensors.*remove it"):
        world.pull()
    assert present.read_bytes() == data


def test_a_link_at_a_path_is_refused(world: PullWorld) -> None:
    world.destination.mkdir()
    outside = world.folder / "outside"
    outside.write_bytes(FILES["config.json"])
    (world.destination / "config.json").symlink_to(outside)
    with pytest.raises(InputError, match=r"config\.json"):
        world.pull()


def test_a_folder_that_leads_elsewhere_is_refused(world: PullWorld) -> None:
    world.destination.mkdir()
    outside = world.folder / "outside"
    outside.mkdir()
    (world.destination / "1_Pooling").symlink_to(outside)
    with pytest.raises(InputError, match="1_Pooling"):
        world.pull()
    assert list(outside.iterdir()) == []


def test_a_folder_in_a_files_place_is_one_clear_line(world: PullWorld) -> None:
    (world.destination / "config.json").mkdir(parents=True)
    with pytest.raises(InputError, match=r"config\.json"):
        world.pull()


def test_a_file_in_a_folders_place_is_one_clear_line(world: PullWorld) -> None:
    world.destination.mkdir()
    (world.destination / "1_Pooling").write_bytes(b"")
    with pytest.raises(InputError, match="1_Pooling"):
        world.pull()


def test_a_destination_that_is_a_file_is_one_clear_line(world: PullWorld) -> None:
    world.destination.write_bytes(b"")
    with pytest.raises(InputError, match="model"):
        world.pull()


def test_too_little_space_is_refused_with_the_numbers(world: PullWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: (10**9, 10**9, 1000))
    with pytest.raises(InputError, match="1000") as caught:
        world.pull()
    assert caught.value.rule == "input.space"
    assert str(world.built.release.load_bytes) in str(caught.value)
    assert world.server.seen == []


_LIMITED = """
import resource, sys
sys.path[:0] = {path!r}
from pathlib import Path
from faulty_server import FaultyServer
from pull_world import make_world, noise
server = FaultyServer()
world = make_world(Path({folder!r}), server, {{"a.bin": b"small", "model.safetensors": noise(3_000_000)}})
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
try:
    world.pull()
except Exception as error:
    print(type(error).__name__, error.rule, error)
print(sorted(world.visible()), world.everything())
"""


def run_script(script: str, **values: object) -> str:
    path = [str(Path(__file__).parent), *sys.path]
    done = subprocess.run(
        [sys.executable, "-c", script.format(path=path, **values)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_write_that_the_system_refuses_is_one_clear_line(tmp_path: Path) -> None:
    said, held = run_script(_LIMITED, folder=str(tmp_path)).splitlines()
    assert said.startswith("InputError input.")
    assert "model.safetensors" in said
    assert held in ("['a.bin'] ['a.bin']", "[] []")


def test_a_full_disk_is_one_clear_line(world: PullWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.pwrite
    written = 0

    def full(descriptor: int, data: bytes, offset: int) -> int:
        nonlocal written
        written += len(data)
        if written > MIB:
            raise OSError(28, "No space left on device")
        return real(descriptor, data, offset)

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(InputError, match="No space left") as caught:
        world.pull()
    assert caught.value.rule == "input.space"
    assert "model.safetensors" not in world.visible()
    assert world.visible().items() <= FILES.items()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write into a folder that is read-only by its mode")
def test_a_read_only_folder_is_one_clear_line(world: PullWorld) -> None:
    world.destination.mkdir()
    world.destination.chmod(0o500)
    try:
        with pytest.raises(InputError, match="Permission denied"):
            world.pull()
    finally:
        world.destination.chmod(0o700)


def test_a_read_only_disk_is_one_clear_line(world: PullWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open

    def refuse(path: os.PathLike[str] | str, flags: int, mode: int = 0o777, **more: int) -> int:
        if flags & os.O_CREAT and str(path).startswith(str(world.destination)):
            raise OSError(30, "Read-only file system", str(path))
        return real(path, flags, mode, **more)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(InputError, match="Read-only file system"):
        world.pull()
    assert world.visible() == {}


_TERMINATED = """
import os, signal, sys
sys.path[:0] = {path!r}
from pathlib import Path
from faulty_server import FaultyServer
from pull_world import make_world, noise
class Stop(BaseException): pass
def stop(*_): raise Stop
signal.signal(signal.SIGTERM, stop)
server = FaultyServer()
world = make_world(Path({folder!r}), server, {{"a.bin": b"small", "model.safetensors": noise(3_000_000)}})
server.fault("stall", "model.safetensors", at=1_000_000)
arrived = 0
def progress(count):
    global arrived
    arrived += count
    if arrived >= 1_000_000:
        os.kill(os.getpid(), signal.SIGTERM)
try:
    world.pull(progress=progress, client=world.client(read_timeout=600))
except Stop:
    print("stopped")
print(sorted(world.visible()), world.everything())
"""


def test_sigterm_stops_at_once_although_the_server_is_silent(tmp_path: Path) -> None:
    said, held = run_script(_TERMINATED, folder=str(tmp_path)).splitlines()
    assert said == "stopped"
    assert held in ("['a.bin'] ['a.bin']", "[] []")


def test_what_the_progress_callback_raises_stops_the_pull(world: PullWorld) -> None:
    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.pull(progress=stop)
    assert "model.safetensors" not in world.visible()


_KILLED = _TERMINATED.replace("signal.SIGTERM)\n", "signal.SIGKILL)\n")


def test_after_a_kill_the_next_pull_ends_with_the_release_alone(world: PullWorld, tmp_path: Path) -> None:
    script = _KILLED.format(path=[str(Path(__file__).parent), *sys.path], folder=str(tmp_path))
    with contextlib.suppress(subprocess.TimeoutExpired):
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=60, check=False)
        assert done.returncode == -signal.SIGKILL
    assert "model.safetensors" not in world.visible()
    for name in world.visible():
        (world.destination / name).unlink()
    world.pull()
    assert world.visible() == FILES
    assert world.everything() == sorted({*FILES, "1_Pooling"})


def test_the_modes_do_not_depend_on_the_umask(world: PullWorld) -> None:
    before = os.umask(0o777)
    try:
        world.destination.mkdir(mode=0o700)
        world.destination.chmod(0o700)
    finally:
        os.umask(before)
    world.pull()
    assert stat.S_IMODE((world.destination / "config.json").stat().st_mode) == 0o400
