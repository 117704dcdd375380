from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

for helpers in ("trust", "verification", "resolution"):
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "unit" / helpers))

from aws_memory import REGION, AwsMemory, aws_memory  # noqa: E402
from channel_world import RegistryWorld, channel_world  # noqa: E402
from cloudformation_caller import ResponseBucket  # noqa: E402


@pytest.fixture
def served(tmp_path: Path) -> Iterator[RegistryWorld]:
    """The channel `dev` in a registry on loopback."""
    with channel_world(tmp_path) as found:
        yield found


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsMemory]:
    """The table and the bucket of an environment, in the region that Lambda names."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with aws_memory() as found:
        yield found


@pytest.fixture
def bucket() -> Iterator[ResponseBucket]:
    """Where CloudFormation reads answers."""
    with ResponseBucket() as found:
        yield found
