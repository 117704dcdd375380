"""Scanners in processes of their own: whatever goes wrong with one blocks, and nothing of it stays behind."""

from __future__ import annotations

import json
import os
import pickle
import stat
import textwrap
import time
from pathlib import Path

import pytest

from local.process import environment_python
from weighbridge.inspection import InspectionReport, inspect_folder
from weighbridge.inspection.scanners import HaywardScanner, Limits, ModelAuditScanner

HAYWARD = environment_python("scan").with_name("hayward")
MIB = 1024 * 1024
ANSWER = """
import json, os, sys
files = [item for item in sys.argv if os.path.isabs(item) and item != sys.argv[0]]
def answer(**changes):
    whole = {"tool": "hayward", "schema_version": 1, "version": "9", "root": None, "findings": [], "coverage_gaps": []}
    with open("report.json", "w") as out:
        json.dump({**whole, **changes}, out)
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "a.txt").write_text("x")
    (folder / "config.json").write_text("{}")
    return folder


def program(folder: Path, body: str, *, shebang: str | None = None) -> Path:
    """A scanner that does what `body` says, with `answer` to write a report of hayward's form."""
    path = folder / "fake-scanner"
    # A first line ends at a blank, which the interpreter's path may hold; sh does not mind.
    first = f"#!{shebang}" if shebang else f"#!/bin/sh\n'''exec' \"{environment_python('dev')}\" \"$0\" \"$@\"\n' '''"
    path.write_text(f"{first}\n{ANSWER}\n{textwrap.dedent(body)}", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def run(folder: Path, fake: Path, *, limits: Limits | None = None) -> InspectionReport:
    return inspect_folder(folder, scanners=(HaywardScanner(program=fake, limits=limits or Limits(seconds=30)),))


def said(report: InspectionReport) -> list[str]:
    return [item.reason for file in report.files for item in file.findings if item.rule == "inspect.scanner.incomplete"]


def test_a_scanner_that_answers_for_every_file_lets_pass(model: Path, tmp_path: Path) -> None:
    report = run(model, program(tmp_path, "answer()"))
    assert (report.verdict, report.scanners[0].version, report.scanners[0].complete) == ("clean", "9", True)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("", "wrote no report and ended with 0"),
        ("sys.exit(2)", "wrote no report and ended with 2"),
        ("answer(); sys.exit(2)", "ended with 2"),
        ("raise RuntimeError", "wrote no report and ended with 1"),
        ("answer(); os.kill(os.getpid(), 9)", "ended by signal 9"),
        ("open('report.json', 'w').write('{')", "cannot be read"),
        ("open('report.json', 'w').write('[]')", "cannot be read"),
        ("open('report.json', 'w').write('[' * 100000)", "cannot be read"),
        ("answer(tool='other')", "cannot be read"),
        ("answer(schema_version=2)", "cannot be read"),
        ("answer(coverage_gaps=None)", "cannot be read"),
        ("answer(findings=[1])", "cannot be read"),
        ("answer(findings=[{'file': '/etc/passwd', 'severity': 'high'}])", "not asked about"),
        ("answer(coverage_gaps=['elsewhere'])", "not asked about"),
        ("os.symlink('/etc/passwd', 'report.json')", "not a file within the limit"),
        ("block = bytearray(3 << 30); answer()", "wrote no report"),
        ("open('report.json', 'wb').write(b' ' * (2 << 20)); answer()", "cannot be read"),
    ],
)
def test_whatever_goes_wrong_blocks_every_file(model: Path, tmp_path: Path, body: str, words: str) -> None:
    limits = Limits(seconds=30, memory=1024 * MIB, report=MIB)
    report = run(model, program(tmp_path, body), limits=limits)
    assert report.verdict == "blocked"
    assert [words in reason for reason in said(report)] == [True, True], said(report)
    assert not report.scanners[0].complete


def test_a_file_that_it_skipped_is_blocked_and_no_other(model: Path, tmp_path: Path) -> None:
    report = run(model, program(tmp_path, "answer(coverage_gaps=[files[0]])"))
    assert [file.verdict for file in report.files] == ["blocked", "clean"]


def test_what_it_finds_is_told_in_its_words(model: Path, tmp_path: Path) -> None:
    body = "answer(findings=[{'file': files[1], 'severity': 'medium', 'rule_id': 'R1', 'message': 'bad\\nthing'}])"
    (found,) = [item for file in run(model, program(tmp_path, body)).files for item in file.findings]
    assert (found.rule, found.reason) == ("inspect.scanner.finding", r"hayward: 'R1: bad\nthing'")


def test_one_that_hangs_is_killed_with_its_children(model: Path, tmp_path: Path) -> None:
    body = f"""
    import subprocess, time
    child = subprocess.Popen(["sleep", "600"])
    open({str(tmp_path / "child")!r}, "w").write(str(child.pid))
    time.sleep(600)
    """
    report = run(model, program(tmp_path, body), limits=Limits(seconds=2))
    assert all("not done after 2 seconds" in reason for reason in said(report))
    pid = int((tmp_path / "child").read_text())
    deadline = time.monotonic() + 10
    while _runs(pid):
        assert time.monotonic() < deadline, "a child outlived the scanner"
        time.sleep(0.01)


def test_it_sees_no_token_and_writes_into_a_folder_that_goes(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JF_ACCESS_TOKEN", "secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    seen = tmp_path / "seen.json"
    body = f"open({str(seen)!r}, 'w').write(json.dumps({{'cwd': os.getcwd(), **os.environ}})); answer()"
    assert run(model, program(tmp_path, body)).verdict == "clean"
    environment = json.loads(seen.read_text())
    assert "secret" not in environment.values()
    assert environment["HOME"] == environment["TMPDIR"] == environment["XDG_CACHE_HOME"] == environment["cwd"]
    assert not Path(environment["cwd"]).exists()
    assert environment["HTTPS_PROXY"] == "http://127.0.0.1:9"


@pytest.mark.parametrize("scanner", [HaywardScanner, ModelAuditScanner])
def test_one_that_is_not_installed_blocks(
    model: Path, tmp_path: Path, scanner: type[HaywardScanner] | type[ModelAuditScanner]
) -> None:
    report = inspect_folder(model, scanners=(scanner(program=tmp_path / "nothing"),))
    assert report.verdict == "blocked"
    assert all("not installed: pip install" in reason for reason in said(report))


def test_a_link_is_not_handed_over(model: Path, tmp_path: Path) -> None:
    (model / "z.txt").symlink_to("/etc/hostname")
    body = "open(sys.argv[0] + '.seen', 'w').write(json.dumps(files)); answer()"
    fake = program(tmp_path, body)
    run(model, fake)
    seen = json.loads(Path(f"{fake}.seen").read_text())
    assert [Path(path).name for path in seen] == ["a.txt", "config.json"]


def test_the_real_one_finds_a_pickle_under_any_name_and_passes_the_rest(model: Path) -> None:
    class Payload:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, ("true",)

    scanner = HaywardScanner(program=HAYWARD)
    assert inspect_folder(model, scanners=(scanner,)).verdict == "clean"
    (model / "sub").mkdir()
    (model / "sub" / "b.txt").write_bytes(pickle.dumps(Payload(), protocol=2))
    report = inspect_folder(model, scanners=(scanner,))
    found = {file.path: {item.rule for item in file.findings} for file in report.files}
    assert found["a.txt"] == found["config.json"] == set()
    assert "inspect.scanner.finding" in found["sub/b.txt"]
    assert report.scanners[0].complete
    assert report.scanners[0].version == "1.4.1"


def test_the_real_one_passes_over_what_is_larger_than_its_memory_and_that_blocks(model: Path) -> None:
    header = json.dumps({"a": {"dtype": "U8", "shape": [64 * MIB], "data_offsets": [0, 64 * MIB]}}).encode()
    with (model / "model.safetensors").open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(8 + len(header) + 64 * MIB)
    limits = Limits(memory=(512 + 32) * MIB)
    report = inspect_folder(model, scanners=(HaywardScanner(program=HAYWARD, limits=limits),))
    assert {file.path: file.verdict for file in report.files} == {
        "a.txt": "clean", "config.json": "clean", "model.safetensors": "blocked",
    }  # fmt: skip


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
