"""Rules that every Dockerfile of this repository keeps; building them needs a builder and the base images."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
DOCKERFILES = sorted((ROOT / "containers").glob("*/Dockerfile*"))


def instructions(path: Path) -> list[tuple[str, str]]:
    text = re.sub(r"\\\n\s*", " ", path.read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines]


def named(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


@pytest.fixture(params=DOCKERFILES, ids=named)
def dockerfile(request: pytest.FixtureRequest) -> list[tuple[str, str]]:
    return instructions(request.param)


def test_all_variants_are_there() -> None:
    assert {f"inference/Dockerfile{end}" for end in ("", ".vllm", ".huggingface", ".pytorch")} <= set(
        map(named, DOCKERFILES)
    )


def test_the_base_image_is_an_argument_without_a_moving_default(dockerfile: list[tuple[str, str]]) -> None:
    assert dockerfile[:2] == [("ARG", "BASE_IMAGE"), ("FROM", "${BASE_IMAGE}")]


def test_the_entry_point_is_in_exec_form_and_exists(dockerfile: list[tuple[str, str]]) -> None:
    words = json.loads(dict(dockerfile)["ENTRYPOINT"])
    assert (ROOT / words[-1].removeprefix("/srv/weighbridge/")).is_file()
    assert json.loads(dict(dockerfile)["CMD"]) in (["serve"], ["train"])


def test_everything_installed_is_locked_by_hash(dockerfile: list[tuple[str, str]]) -> None:
    installs = [words for name, words in dockerfile if name == "RUN" and " install" in words]
    assert installs
    for words in installs:
        assert words.count(" install ") == words.count("--require-hashes") == words.count("--no-deps")
        assert "apt-get" not in words
        assert "curl" not in words


def test_what_is_copied_exists_and_nothing_is_fetched(dockerfile: list[tuple[str, str]]) -> None:
    assert "ADD" not in dict(dockerfile)
    for name, words in dockerfile:
        if name == "COPY":
            assert (ROOT / words.split()[0]).exists()


def test_no_secret_and_no_remote_code(dockerfile: list[tuple[str, str]]) -> None:
    settings = " ".join(words for name, words in dockerfile if name in ("ENV", "ARG"))
    assert not re.search(r"TOKEN|SECRET|PASSWORD|CREDENTIAL|HF_MODEL_ID", settings)
    assert "trust-remote-code" not in settings
    assert "trust_remote_code" not in settings


def test_a_servers_command_is_a_json_array(dockerfile: list[tuple[str, str]]) -> None:
    for name, words in dockerfile:
        if name == "ENV" and words.startswith("WEIGHBRIDGE_SERVER_COMMAND="):
            assert all(isinstance(word, str) for word in json.loads(words.partition("=")[2].strip("'")))
