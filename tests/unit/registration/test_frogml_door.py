"""The door to frogml: what it is told, what is worked around, and what its errors become."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import requests

from weighbridge.errors import (
    InputError,
    RegistryAuthError,
    RegistryError,
    RegistryForbiddenError,
    RegistryUnavailableError,
)
from weighbridge.registration.frogml_storage import FrogmlStorage

URL = "https://registry.example.com/artifactory"
Told = dict[str, object]


@pytest.fixture
def frogml(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Told]:
    """Put a frogml in place that notes what it was told, prints as the real one does, and may fail."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("JFML_TIMEOUT", raising=False)
    monkeypatch.setenv("TQDM_DISABLE", "1")

    def install(failure: Exception | None = None) -> Told:
        told: Told = {}

        class Storage:
            def __init__(self, credentials: object) -> None:
                told["credentials"] = credentials

            def upload_model_version(self, **arguments: object) -> None:
                sys.stdout.write("frogml says something on standard output\n")
                told.update(arguments)
                if failure is not None:
                    raise failure

        for name, contents in (
            ("frogml", {}),
            ("frogml.storage", {}),
            ("frogml.storage.frog_ml", {"FrogMLStorage": Storage}),
            ("frogml.storage.authentication", {}),
            (
                "frogml.storage.authentication.models",
                {"AuthConfig": SimpleNamespace(by_access_token=lambda url, token: (url, token))},
            ),
        ):
            module = ModuleType(name)
            vars(module).update(contents)
            monkeypatch.setitem(sys.modules, name, module)
        return told

    return install


def log(folder: Path, *, url: str = URL) -> None:
    FrogmlStorage(url=url, token="secret").log(
        folder=folder, repository="incoming", name="minilm", version="1.0.0", properties={"a": "b"}
    )


def test_it_is_told_the_registry_and_the_identity_and_kept_off_standard_output(
    frogml: Callable[..., Told], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = frogml()
    log(tmp_path)
    assert told["credentials"] == (URL, "secret")
    assert {key: told[key] for key in ("repository", "model_name", "version", "model_path", "properties")} == {
        "repository": "incoming", "model_name": "minilm", "version": "1.0.0", "model_path": str(tmp_path),
        "properties": {"a": "b"},
    }  # fmt: skip
    assert capsys.readouterr().out == ""


def refused(status: int) -> requests.HTTPError:
    answer = requests.Response()
    answer.status_code = status
    return requests.HTTPError(f"{status} for url", response=answer)


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (refused(401), RegistryAuthError),
        (refused(403), RegistryForbiddenError),
        (refused(503), RegistryUnavailableError),
        (requests.ConnectionError("refused"), RegistryUnavailableError),
        (requests.ReadTimeout("30 s"), RegistryUnavailableError),
        (refused(400), RegistryError),
        (KeyError("transactionId"), RegistryError),
    ],
)
def test_its_errors_become_the_registrys(
    frogml: Callable[..., Told], tmp_path: Path, failure: Exception, kind: type[RegistryError]
) -> None:
    frogml(failure)
    with pytest.raises(RegistryError, match=r"incoming: frogml could not log minilm:1\.0\.0") as caught:
        log(tmp_path)
    assert type(caught.value) is kind


def test_what_breaks_frogml_is_refused_before_it_starts(
    frogml: Callable[..., Told], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = frogml()
    with pytest.raises(InputError, match="registry url"):
        log(tmp_path, url="https://registry.example.com/custom/artifactory")
    monkeypatch.setenv("JFML_TIMEOUT", "120")
    with pytest.raises(InputError, match="JFML_TIMEOUT"):
        log(tmp_path)
    monkeypatch.delenv("JFML_TIMEOUT")
    monkeypatch.setenv("HOME", str(tmp_path / "missing"))
    with pytest.raises(InputError, match="HOME"):
        log(tmp_path)
    assert told == {}


def test_the_token_is_never_shown() -> None:
    assert "secret" not in repr(FrogmlStorage(url=URL, token="secret"))
