from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from faulty_server import FaultyServer, certificate, running


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with running() as found:
        yield found


@pytest.fixture
def other() -> Iterator[FaultyServer]:
    """Another host: what a registry redirects to."""
    with running() as found:
        yield found


@pytest.fixture
def tls_server(tmp_path: Path) -> Iterator[tuple[FaultyServer, Path]]:
    """A server over HTTPS, and the certificate to trust."""
    context, ca = certificate(tmp_path)
    with running(tls=context) as found:
        yield found, ca
