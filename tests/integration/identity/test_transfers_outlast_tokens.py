"""A pull and an upload that take longer than a token lives: another is there before it ends, and nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from expiring_identity import ExpiringIdentity, registry_of_role

from local.registry.process import RegistryProcess
from local.registry.standard import INCOMING, models_repository, records_repository
from weighbridge.names import Digest
from weighbridge.pull import pull
from weighbridge.registry import ArtifactoryClient, StaticToken
from weighbridge.release import BuiltRelease, Lineage, Runtime, build_release, files_in

MODELS = models_repository("dev")
FILES = 6
SIZE = 1_500_000  # small files are all asked for at once
IMAGE = f"registry.example.com/docker/inference@sha256:{'a' * 64}"


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryProcess]:
    with registry_of_role(tmp_path_factory.mktemp("reading"), user="reader") as found:
        yield found


@pytest.fixture(scope="module")
def release(reading: RegistryProcess, tmp_path_factory: pytest.TempPathFactory) -> BuiltRelease:
    folder = tmp_path_factory.mktemp("model")
    client = ArtifactoryClient(url=reading.url, tokens=StaticToken(token=reading.token("promoter")))
    for number in range(FILES):
        (folder / f"part-{number:02}.bin").write_bytes(bytes([number]) * SIZE)
    built = build_release(
        name="minilm",
        version="1.0.0",
        files=files_in(folder),
        runtime=Runtime(image=IMAGE, lock=Digest.of(b"lock")),
        lineage=Lineage(),
    )
    for path, source in files_in(folder).items():
        client.deploy_file(repository=MODELS, path=f"models/minilm/1.0.0/{path}", source=source)
    for path, data in built.sidecars.items():
        place = f"minilm/releases/{built.release.digest.hex}/{path}"
        client.deploy_bytes(repository=records_repository("dev"), path=place, data=data)
    return built


def refusals(registry: RegistryProcess, *, since: int) -> int:
    return sum(entry.status == 401 for entry in registry.requests(since=since) if "/tokens/" not in entry.path)


def pulled(identity: ExpiringIdentity, built: BuiltRelease, folder: Path, *, seconds: float) -> None:
    """Pull with one worker, while `seconds` go by with everything that arrives; compare all files."""
    report = pull(
        client=identity.client(),
        release=built.release,
        repository=MODELS,
        destination=folder,
        workers=1,
        progress=lambda _: identity.pass_time(seconds),
    )
    assert (report.files, report.bytes_kept, report.faults) == (FILES, 0, 0)
    for number in range(FILES):
        assert (folder / f"part-{number:02}.bin").read_bytes() == bytes([number]) * SIZE


def test_a_pull_renews_its_token_before_it_ends(
    reading: RegistryProcess, release: BuiltRelease, tmp_path: Path
) -> None:
    identity, since = ExpiringIdentity(reading), reading.last_request()
    pulled(identity, release, tmp_path / "model", seconds=450.0)
    assert len(identity.seen) >= 3
    assert refusals(reading, since=since) == 0


def test_a_pull_goes_on_when_a_token_ends_before_its_time(
    reading: RegistryProcess, release: BuiltRelease, tmp_path: Path
) -> None:
    identity, since = ExpiringIdentity(reading), reading.last_request()
    left = [3]

    def revoke(_: int) -> None:
        if left and left.pop() > 0:
            identity.end(next(reversed(identity.seen)))

    report = pull(
        client=identity.client(), release=release.release, repository=MODELS, destination=tmp_path / "model",
        workers=1, progress=revoke,
    )  # fmt: skip
    assert (report.files, report.faults) == (FILES, 0)
    assert (refusals(reading, since=since), len(identity.seen)) == (1, 2)


def test_an_upload_renews_its_token_before_it_ends(tmp_path: Path) -> None:
    with registry_of_role(tmp_path / "registry", user="scientist") as registry:
        identity, since = ExpiringIdentity(registry), registry.last_request()
        client = identity.client()
        for number in range(6):
            source = tmp_path / f"part-{number}.bin"
            source.write_bytes(bytes([number]) * SIZE)
            client.deploy_file(
                repository=INCOMING, path=f"models/minilm/1/{source.name}", source=source,
                progress=lambda _: identity.pass_time(450.0),
            )  # fmt: skip
        assert len(identity.seen) >= 3
        assert refusals(registry, since=since) == 0
        held = ArtifactoryClient(url=registry.url, tokens=StaticToken(token=registry.token("scientist")))
        assert len(held.listing(repository=INCOMING, path="models/minilm/1")) == 6
