"""The door to the real frogml, imported when it is needed: only training environments have it.

What is measured of frogml 2.1.152 and worked around here: it prints its log to stdout and a bar for each file, keeps a file in HOME from the
moment it is imported, fails on every upload when JFML_TIMEOUT is set, and rebuilds the URL as `https://HOST/artifactory`.
`FrogMLStorage` never opens the gRPC side channel that the SDK's `register_in_jml=True` does. It takes one token for a whole upload and
formats it into the header of every request; what is handed over here is therefore formatted as the token of that moment.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import requests

from weighbridge.errors import (
    InputError,
    RegistryAuthError,
    RegistryError,
    RegistryForbiddenError,
    RegistryUnavailableError,
    WeighbridgeError,
)
from weighbridge.registry import TokenSource

MODEL_TYPE = {
    "framework": "files",
    "framework_version": "",
    "serialization_format": "safetensors",
    "runtime": "python",
    "runtime_version": platform.python_version(),
}


class ModelStorage(Protocol):
    """Logs a folder as one model version."""

    def log(self, *, folder: Path, repository: str, name: str, version: str, properties: Mapping[str, str]) -> None:
        """Write every file of `folder`; a file that failed may go unnoticed."""
        ...


class _TokenOfNow:
    """Formatted, it is the token to send now. Its repr shows none."""

    def __init__(self, source: TokenSource) -> None:
        self._source = source

    def __repr__(self) -> str:
        return "_TokenOfNow()"

    def __str__(self) -> str:
        return self._source.token()


class FrogmlStorage:
    """frogml against the registry at `url` (ends in `/artifactory`), as the identity of `token`.

    A source is asked before every request, so that an upload may outlast a token.
    """

    def __init__(self, *, url: str, token: str | TokenSource) -> None:
        if urlsplit(url).path.rstrip("/") != "/artifactory":
            raise InputError(f"registry url: frogml reaches https://HOST/artifactory only, not {url!r}")
        self._url = url
        self._token = token if isinstance(token, str) else _TokenOfNow(token)

    def __repr__(self) -> str:
        return f"FrogmlStorage(url={self._url!r})"

    def log(self, *, folder: Path, repository: str, name: str, version: str, properties: Mapping[str, str]) -> None:
        """See `ModelStorage.log`.

        Raises:
            InputError: when frogml is not installed here, or cannot work in this environment.
            RegistryError: when frogml said that it failed.
        """
        _check_environment()
        with contextlib.redirect_stdout(sys.stderr):
            _quieten_progress()
            try:
                storage = importlib.import_module("frogml.storage.frog_ml")
                models = importlib.import_module("frogml.storage.authentication.models")
            except ImportError as error:
                raise InputError(
                    "frogml: is not installed here: upload from an environment with `pip install weighbridge[train]`"
                ) from error
            _quieten_log()
            try:
                credentials = models.AuthConfig.by_access_token(self._url, self._token)
                storage.FrogMLStorage(credentials).upload_model_version(
                    repository=repository,
                    model_name=name,
                    model_path=str(folder),
                    model_type=dict(MODEL_TYPE),
                    version=version,
                    properties=dict(properties),
                )
            except WeighbridgeError:
                raise
            except Exception as error:
                raise _translate(error, what=f"{repository}: frogml could not log {name}:{version}") from error


def _check_environment() -> None:
    home = Path(os.path.expanduser("~"))  # noqa: PTH111
    if not os.access(home, os.W_OK):
        raise InputError(f"HOME: {home} is not writable, and frogml keeps its log there: set HOME to a folder that is")
    if "JFML_TIMEOUT" in os.environ:
        raise InputError("JFML_TIMEOUT: is set, and frogml 2.1 then fails on every upload: unset it")


def _quieten_progress() -> None:
    # tqdm, whose bars frogml draws one for each file, reads this when it is imported; a log is no place for bars.
    if not sys.stderr.isatty():
        os.environ.setdefault("TQDM_DISABLE", "1")


def _quieten_log() -> None:
    # The failures that frogml swallows stand in its log and nowhere else, so they stay; its successes say nothing.
    for name in list(logging.root.manager.loggerDict):
        if name.startswith("frogml"):
            for handler in logging.getLogger(name).handlers:
                if type(handler) is logging.StreamHandler:
                    handler.setLevel(logging.WARNING)


def _translate(error: Exception, *, what: str) -> RegistryError:
    response = getattr(error, "response", None)
    status = response.status_code if isinstance(response, requests.Response) else None
    if status == 401:
        return RegistryAuthError(f"{what}: 401: the token is missing, wrong or expired", status=status)
    if status == 403:
        return RegistryForbiddenError(f"{what}: 403: ask for the permission to write there", status=status)
    if (status is not None and status >= 500) or isinstance(error, requests.ConnectionError | requests.Timeout):
        words = f"{status}" if status is not None else f"no answer ({type(error).__name__})"
        return RegistryUnavailableError(f"{what}: {words}: run again when the registry is back", status=status)
    return RegistryError(f"{what}: {type(error).__name__}: {error}"[:600], status=status)
