"""What `make bench` says of a busy machine, of a goal that was missed, and of a machine without a GPU."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from bench import gpu_load
from bench.contenders import CURL, FROGML, HUB_CLIENT, WEIGHBRIDGE, Interpreters
from bench.goals import GOALS, Goal
from bench.measure import Measured
from bench.quiet import busy_share, why_busy
from bench.reasons import reason
from bench.report import goal_table, missed
from bench.results import Bound, Results
from bench.sizes import MIB, Shape
from bench.webserver import find_nginx

MANY_CURL = Goal("many", "http", CURL, "wall", 0.9)


def results(*, ours: float, theirs: float) -> Results:
    """Two cores, 1 GB, and a bound of one second."""
    found = Results(cores=2, machine="2 cores", sizes={"many": 10**9, "one": 10**9, "small": 10**6})
    found.bounds["http"] = [Bound(receive=0.5, hash=0.5, write=0.5, send=0.5)]
    found.add("many http", WEIGHBRIDGE, Measured(wall=ours, cpu=1.5, peak=10**6))
    found.add("many http", CURL, Measured(wall=theirs, cpu=1.0, peak=10**6))
    return found


def test_a_busy_machine_is_refused_with_the_figures() -> None:
    assert why_busy(load=0.2, share=0.03, cores=2) is None
    assert "busy: 60% of its 2 cores" in str(why_busy(load=0.2, share=0.6, cores=2))
    assert "load average 1.80, at most 1.00" in str(why_busy(load=1.8, share=0.03, cores=2))
    assert 0 <= busy_share(seconds=0.05) <= 1


def test_a_missed_goal_says_why_and_a_reached_one_nothing() -> None:
    slow = results(ours=2.0, theirs=1.5)
    assert "1.33x | **missed**" in goal_table(slow)
    assert "many http, curl, wall 1.33x: the bound would allow 0.67x" in missed(slow)
    assert "curl, wall" not in missed(results(ours=1.2, theirs=1.5))


def test_a_goal_that_the_cores_forbid_is_shown_to_be_forbidden() -> None:
    found = results(ours=1.3, theirs=1.05)
    assert found.floor("many http", CURL, "wall") == pytest.approx(1 / 1.05)
    assert found.floor("many http", CURL, "cpu") == pytest.approx(1.5)
    assert (
        "forbidden on these cores: receiving, hashing, writing and sending alone take 0.95x of curl's time"
        in missed(found)
    )


def test_every_goal_has_its_reason() -> None:
    assert not [goal for goal in GOALS if "not explained" in reason(goal, floor=None)]


def test_without_a_gpu_there_is_one_clear_line() -> None:
    with pytest.raises(RuntimeError, match=r"no GPU that torch or cupy can use: --device cpu") as caught:
        gpu_load.main(["--device", "cuda", "--python", str(Interpreters().dev)])
    assert "\n" not in str(caught.value)


def test_an_interpreter_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="nowhere is missing"):
        gpu_load.main(["--device", "cpu", "--python", str(tmp_path / "nowhere")])


@pytest.mark.parametrize("words", [["--rounds", "0"], ["--size", "0"], ["--files", "-1"], ["--device", "tpu"]])
def test_arguments_that_make_no_sense_are_refused(words: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        gpu_load.main(words)
    assert caught.value.code == 2


def test_the_files_are_safetensors_of_the_size_that_was_asked_for(tmp_path: Path) -> None:
    shape = Shape("weights", 2, MIB)
    gpu_load.write_weights(tmp_path, shape)
    for index, path in enumerate(sorted(tmp_path.rglob("*.safetensors"))):
        assert path.stat().st_size == shape.size
        assert load_file(path)[f"layer.{index}.weight"].nbytes == MIB - 1032


def has_nginx() -> bool:
    try:
        return bool(find_nginx())
    except RuntimeError:
        return False


@pytest.mark.skipif(not has_nginx(), reason="nginx is not installed (Debian: apt-get install -y nginx-light)")
@pytest.mark.skipif(not Interpreters().hub.exists(), reason=".envs/hub is not set up: make setup")
def test_every_way_loads_the_same_bytes_into_memory(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = ["--device", "cpu", "--files", "2", "--size", "1", "--rounds", "1", "--folder", str(tmp_path)]
    assert gpu_load.main(words) == 0
    said = capsys.readouterr().out
    assert all(f"{name}: " in said for name in (WEIGHBRIDGE, FROGML, HUB_CLIENT))
    assert list(tmp_path.iterdir()) == []


def test_nginx_that_is_missing_is_one_line_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(RuntimeError, match="apt-get install -y nginx-light"):
        find_nginx()
