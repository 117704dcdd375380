"""What is asked of the folder as a whole: names, links, exceptions, scanners, statement, command line, memory."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inspection_attacks import ATTACKS
from inspection_benign import BENIGN
from securesystemslib.signer import CryptoSigner

from weighbridge.cli.run import run
from weighbridge.errors import InputError, IntegrityError
from weighbridge.inspection import (
    PickleException,
    ScannedFile,
    ScanResult,
    inspect_folder,
    inspection_predicate,
    parse_exceptions,
    sign_exceptions,
)
from weighbridge.names import Digest
from weighbridge.release import Lineage, Runtime, build_release, files_in
from weighbridge.trust.times import parse_time

NOW = datetime(2026, 6, 1, tzinfo=UTC)
PICKLE = pickle.dumps({"a": print})


def rules(folder: Path) -> set[str]:
    return {item.rule for file in inspect_folder(folder).files for item in file.findings}


@pytest.mark.parametrize(
    ("names", "rule"),
    [
        (["a\nb.txt"], "inspect.name.path"),
        (["a\x1b[2J.txt"], "inspect.name.path"),
        (["a\u202etxt.exe"], "inspect.name.path"),
        (["a\u200b.txt"], "inspect.name.path"),
        (["a;b.txt"], "inspect.name.path"),
        (["a\\b.txt"], "inspect.name.path"),
        (["c\u043enfig.txt"], "inspect.name.look-alike"),
        (["\u0441\u0430.txt"], "inspect.name.look-alike"),
        (["\uff41.txt"], "inspect.name.look-alike"),
        (["model.txt", "mode1.txt"], "inspect.name.look-alike"),
        (["a.txt", "A.txt"], "inspect.name.collision"),
        (["stra\u00dfe.txt", "strasse.txt"], "inspect.name.collision"),
    ],
)
def test_names(tmp_path: Path, names: list[str], rule: str) -> None:
    for name in names:
        (tmp_path / name).write_text("x")
    assert rule in rules(tmp_path)


def test_ordinary_names_pass(tmp_path: Path) -> None:
    for name in ("größe.txt", "модель.txt", "日本.txt", "part-00001-of-00011.txt", "part-00011-of-00011.txt"):
        (tmp_path / name).write_text("x")
    assert rules(tmp_path) == set()


def test_links_and_pipes_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "a.txt").symlink_to("/etc/hostname")
    (tmp_path / "b").symlink_to("/etc")
    os.mkfifo(tmp_path / "c.txt")
    report = inspect_folder(tmp_path)
    assert [file.path for file in report.files] == ["a.txt", "b", "c.txt"]
    assert {item.rule for file in report.files for item in file.findings} == {"inspect.name.not-plain"}


def test_a_name_forges_no_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a\nverdict  clean\r\x1b[2K.txt").write_text("x")
    assert run(["inspect", str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert [line for line in out.splitlines() if line.startswith("verdict")] == ["verdict   blocked"]


def test_depth_is_bounded(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["d"] * 40)
    deep.mkdir(parents=True)
    (deep / "a.txt").write_text("x")
    assert "inspect.name.limits" in rules(tmp_path)


SECURITY = CryptoSigner.generate_ecdsa()


def exceptions(expires: str, *, digest: str | None = None, signer: CryptoSigner = SECURITY) -> bytes:
    named = Digest(digest or hashlib.sha256(PICKLE).hexdigest())
    item = PickleException(digest=named, expires=parse_time(expires, field="expires"), reason="old embedding")
    return sign_exceptions([item], signers=[signer])


def parsed(data: bytes) -> Mapping[Digest, PickleException]:
    return parse_exceptions(data, keys=[SECURITY.public_key])


@pytest.mark.parametrize(
    ("data", "verdict"),
    [
        (exceptions("2026-06-01T00:00:01Z"), "clean"),
        (exceptions("2026-06-01T00:00:00Z"), "blocked"),
        (exceptions("2027-01-01T00:00:00Z", digest="0" * 64), "blocked"),
    ],
)
def test_exception_names_a_digest_and_ends(tmp_path: Path, data: bytes, verdict: str) -> None:
    (tmp_path / "a.pkl").write_bytes(PICKLE)
    assert inspect_folder(tmp_path, exceptions=parsed(data), now=NOW).verdict == verdict


def test_exception_lets_nothing_but_pickles_pass(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04" + b"\0" * 50)
    data = exceptions("2027-01-01T00:00:00Z", digest=hashlib.sha256(b"PK\x03\x04" + b"\0" * 50).hexdigest())
    assert inspect_folder(tmp_path, exceptions=parsed(data), now=NOW).verdict == "blocked"


def changed(**fields: object) -> bytes:
    return json.dumps({**json.loads(exceptions("2027-01-01T00:00:00Z")), **fields}).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"schema":"weighbridge.inspection-exceptions/v1","exceptions":[]}',
        exceptions("2027-01-01T00:00:00Z", signer=CryptoSigner.generate_ecdsa()),
        changed(signatures=[]),
        changed(payload="e30="),
        changed(payloadType="application/vnd.in-toto+json"),
        changed(signatures=[{"keyid": SECURITY.public_key.keyid, "sig": "AAAA"}]),
    ],
)
def test_what_security_did_not_sign_is_no_exception(data: bytes) -> None:
    with pytest.raises(InputError) as refusal:
        parsed(data)
    assert refusal.value.rule == "input.exceptions"


def test_an_exception_needs_a_reason_and_stands_once() -> None:
    item = PickleException(digest=Digest("0" * 64), expires=NOW, reason="why")
    for items in ([], [replace(item, reason=" ")], [item, item]):
        with pytest.raises(InputError):
            sign_exceptions(items, signers=[SECURITY])
    with pytest.raises(InputError):
        sign_exceptions([item], signers=[])


def test_exceptions_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, keys, signed = tmp_path / "model", tmp_path / "keys", tmp_path / "list.json"
    model.mkdir()
    (model / "a.pkl").write_bytes(PICKLE)
    for name in ("security", "other"):
        assert run(["channel", "keygen", str(keys / f"{name}.pem")]) == 0
    made = [
        "--until",
        "2099-01-01T00:00:00Z",
        "--reason",
        "old",
        "--key",
        f"file:{keys}/security.pem",
        "--out",
        str(signed),
    ]
    assert run(["except", str(model / "a.pkl"), *made]) == 0
    assert run(["except", str(model / "a.pkl"), *made]) == 2
    looked = ["inspect", str(model), "--exceptions", str(signed)]
    assert run([*looked, "--exceptions-key", f"public:{keys}/security.pem.pub"]) == 0
    assert run([*looked, "--exceptions-key", f"public:{keys}/other.pem.pub"]) == 2
    assert run(looked) == 2
    capsys.readouterr()


class FakeScanner:
    """Answers what a test tells it, or falls over."""

    name = "fake"

    def __init__(self, result: ScanResult | None) -> None:
        self._result = result

    def scan(self, folder: Path, paths: Sequence[str]) -> ScanResult:
        if self._result is None:
            raise OSError("gone")
        return self._result


@pytest.mark.parametrize(
    ("result", "rule"),
    [
        (ScanResult(version="1", files={"a.txt": ScannedFile("clean")}), None),
        (ScanResult(version="1", files={"a.txt": ScannedFile("unsafe", "bad\nthing")}), "inspect.scanner.finding"),
        (ScanResult(version="1", files={"a.txt": ScannedFile("skipped", "too large")}), "inspect.scanner.incomplete"),
        (ScanResult(version="1", files={}), "inspect.scanner.incomplete"),
        (ScanResult(version="1", files={"a.txt": ScannedFile("clean")}, fault="timeout"), "inspect.scanner.incomplete"),
        (None, "inspect.scanner.incomplete"),
    ],
)
def test_what_is_not_wholly_scanned_is_blocked(tmp_path: Path, result: ScanResult | None, rule: str | None) -> None:
    (tmp_path / "a.txt").write_text("x")
    report = inspect_folder(tmp_path, scanners=(FakeScanner(result),))
    assert [item.rule for item in report.files[0].findings] == ([] if rule is None else [rule])
    assert report.fields()["only_own_validators"] is False
    assert report.scanners[0].complete == (rule in (None, "inspect.scanner.finding"))


def test_statement_is_about_the_release_byte_for_byte(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    built = build_release(
        name="m",
        version="1",
        files=files_in(tmp_path),
        runtime=Runtime(image=f"h/i@sha256:{'0' * 64}", lock=Digest("0" * 64)),
        lineage=Lineage(),
    )
    report = inspect_folder(tmp_path)
    predicate = inspection_predicate(report, built.release, inspected_at=NOW)
    assert predicate["verdict"] == "clean"
    assert predicate["only_own_validators"] is True
    changed = replace(report, files=(replace(report.files[0], digest=Digest("1" * 64)),))
    for other in (changed, replace(report, files=())):
        with pytest.raises(IntegrityError):
            inspection_predicate(other, built.release, inspected_at=NOW)


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, sarif = tmp_path / "model", tmp_path / "out.sarif"
    model.mkdir()
    (model / "b.pkl").write_bytes(PICKLE)
    (model / "a.txt").write_text("x")
    assert run(["inspect", str(model), "--json", "--sarif", str(sarif)]) == 1
    first = capsys.readouterr().out
    answer = json.loads(first)
    assert [file["path"] for file in answer["files"]] == ["a.txt", "b.pkl"]
    assert answer["files"][1]["findings"][0]["rule"] == "inspect.format.pickle"
    result = json.loads(sarif.read_text())["runs"][0]["results"][0]
    assert (result["ruleId"], result["level"]) == ("inspect.format.pickle", "error")
    assert run(["inspect", str(model), "--json"]) == 1
    assert capsys.readouterr().out == first
    (model / "b.pkl").unlink()
    assert run(["inspect", str(model)]) == 0
    assert "no scanner ran" in capsys.readouterr().out
    assert run(["inspect", str(tmp_path / "nothing")]) == 2
    (model / "a.txt").unlink()
    assert run(["inspect", str(model)]) == 1


def test_memory_is_bounded_on_a_large_sparse_file(tmp_path: Path) -> None:
    size = 512 * 1024**2
    header = json.dumps({"a": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    with (tmp_path / "model.safetensors").open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(8 + len(header) + size)
    # VmHWM, not getrusage: a process's ru_maxrss begins with what its parent held when it forked.
    script = (
        "import re, sys; from pathlib import Path; from weighbridge.inspection import inspect_folder;"
        "report = inspect_folder(Path(sys.argv[1])); print(report.verdict);"
        "print(int(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1]) // 1024)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True)
    verdict, megabytes = done.stdout.split()
    assert verdict == "clean"
    assert int(megabytes) < 300


FAMILIES: dict[str, list[tuple[str, bytes]]] = {}
for _, seed_name, seed_data, *_ in (*ATTACKS, *BENIGN):
    if len(seed_data) < 4000:
        FAMILIES.setdefault(seed_name.rpartition(".")[2], []).append((seed_name, seed_data))


@pytest.mark.timeout(60)
@pytest.mark.parametrize("family", [name for name, seeds in FAMILIES.items() if len(seeds) >= 5])
@settings(deadline=None, max_examples=60, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_no_mutation_brings_a_validator_down(
    tmp_path_factory: pytest.TempPathFactory, family: str, data: st.DataObject
) -> None:
    name, seed = data.draw(st.sampled_from(FAMILIES[family]))
    mutated = bytearray(seed)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(mutated)))
        cut = data.draw(st.integers(0, 8))
        mutated[at : at + cut] = data.draw(st.binary(max_size=8))
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / name).write_bytes(bytes(mutated))
    report = inspect_folder(folder)
    assert "inspect.format.crash" not in {item.rule for item in report.files[0].findings}
