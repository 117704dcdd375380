"""A container's start while the registry is down: from the regional cache, within the signed metadata's expiry."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from faulty_server import FaultyServer
from loopback_s3 import BUCKET, LoopbackS3, running_s3
from pull_world import MODELS, RECORDS, PullWorld, make_world

from tests.unit.trust import trust_world
from tests.unit.trust.trust_world import NOW, PROVENANCE
from weighbridge.errors import InputError, IntegrityError, RegistryUnavailableError, TrustError
from weighbridge.names import Digest
from weighbridge.pull import RegionalCache
from weighbridge.release import Release
from weighbridge.serving import ContainerEnvironment, RegistryChain
from weighbridge.trust import bundle, sign_statement
from weighbridge.verification import make_record

FILES = {"model.safetensors": b"weights" * 1000, "config.json": b"{}"}


@dataclass
class Place:
    """A promoted release behind the faulty server, and containers that start from it."""

    world: PullWorld
    channel: trust_world.World
    s3: LoopbackS3
    starts: int = 0

    def publish(self) -> None:
        folder = self.world.folder / "channel" / "tuf"
        for path in folder.rglob("*"):
            if path.is_file():
                where = f"/artifactory/{RECORDS}/tuf/{path.relative_to(folder).as_posix()}"
                self.world.server.files[where] = path.read_bytes()

    def environ(self, *, floor: str = "root=1") -> dict[str, str]:
        release = self.world.built.release
        host = self.world.server.origin.removeprefix("http://")
        return {
            "WEIGHBRIDGE_RELEASE": str(release.reference(host=host, repository=MODELS)),
            "WEIGHBRIDGE_PROMOTION": str(self.promotion_id),
            "WEIGHBRIDGE_ROOT": str(self.channel.root),
            "WEIGHBRIDGE_FLOOR": floor,
            "WEIGHBRIDGE_CHANNEL": "dev",
            "WEIGHBRIDGE_REGISTRY_URL": f"{self.world.server.origin}/artifactory",
            "WEIGHBRIDGE_MODELS_REPOSITORY": MODELS,
            "WEIGHBRIDGE_RECORDS_REPOSITORY": RECORDS,
            "WEIGHBRIDGE_TOKEN_SECRET_ID": "reader",
            "WEIGHBRIDGE_ML_ROOT": str(self.world.folder / f"ml-{self.starts}"),
        }

    def start(self, *, now: datetime = NOW, cached: bool = True, floor: str = "root=1") -> Release:
        self.starts += 1
        environ = self.environ(floor=floor)
        if cached:
            environ["WEIGHBRIDGE_CACHE_BUCKET"] = BUCKET
        environment = ContainerEnvironment.read(environ)
        chain = RegistryChain(client=self.world.client(attempts=2), now=now, open_regional=self._open)
        found = chain.verify(environment)
        with redirect_stdout(io.StringIO()) as out:
            chain.pull(found, environment=environment, progress=lambda _: None)
        assert json.loads(out.getvalue().splitlines()[-1])["PulledBytes"] == found.load_bytes
        folder = environment.model_folder
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == FILES
        return found

    def _open(self, bucket: str) -> RegionalCache:
        return RegionalCache(client=self.s3.client(), bucket=bucket)

    def promote(self) -> None:
        release = self.world.built.release
        envelope = sign_statement(
            name=release.name, version=release.version, release=release.digest, predicate_type=PROVENANCE,
            predicate={}, signers=[self.channel.registrar],
        )  # fmt: skip
        statements = bundle([envelope])
        place = f"minilm/releases/{release.digest.hex}/records/{Digest.of(statements).hex}.json"
        path = f"/artifactory/{RECORDS}/{place}"
        self.world.server.files[path] = make_record(release=release.to_bytes(), statements=statements)
        promotion = self.channel.promote(release=release.digest, statements=Digest.of(statements))
        self.promotion_id = promotion.release_id
        self.publish()


@pytest.fixture
def place(server: FaultyServer, tmp_path: Path) -> Iterator[Place]:
    (tmp_path / "channel").mkdir()
    with running_s3() as s3:
        found = Place(make_world(tmp_path, server, FILES), trust_world.make_world(tmp_path / "channel"), s3)
        found.promote()
        yield found


def test_a_release_starts_from_the_cache_alone(place: Place) -> None:
    first = place.start()
    place.world.server.close()
    assert place.start() == first


def test_without_a_cache_an_outage_is_the_registrys_error(place: Place) -> None:
    place.start()
    place.world.server.close()
    with pytest.raises(RegistryUnavailableError):
        place.start(cached=False)


def test_a_cache_that_never_saw_a_start_does_not_help(place: Place) -> None:
    place.world.server.close()
    with pytest.raises(RegistryUnavailableError):
        place.start()


def test_expired_metadata_starts_nothing(place: Place) -> None:
    place.start()
    place.world.server.close()
    with pytest.raises(TrustError, match="expired") as caught:
        place.start(now=NOW + timedelta(days=3650))
    assert caught.value.rule == "refused.expired"


def test_the_cache_cannot_go_below_the_containers_floor(place: Place) -> None:
    place.start()
    place.world.server.close()
    with pytest.raises(TrustError) as caught:
        place.start(floor="root=1,timestamp=99")
    assert caught.value.rule == "refused.rollback"


def altered(data: bytes) -> bytes:
    """One version later in the timestamp, or one character of the record changed."""
    document = json.loads(data)
    if "files" not in document:
        return data.replace(b"minilm", b"miniln", 1)
    timestamp = json.loads(base64.b64decode(document["files"]["timestamp.json"]))
    timestamp["signed"]["version"] += 1
    document["files"]["timestamp.json"] = base64.b64encode(json.dumps(timestamp).encode()).decode()
    return json.dumps(document).encode()


@pytest.mark.parametrize("what", ["state/", "records/"])
@pytest.mark.parametrize("damage", [b"", b"{}", b'{"schema": 1, "files": {"../x.json": "e30="}}', b"flip"])
def test_what_was_changed_in_the_cache_starts_nothing(place: Place, what: str, damage: bytes) -> None:
    place.start()
    place.world.server.close()
    for key, data in place.s3.objects.items():
        if key.startswith(what):
            place.s3.objects[key] = altered(data) if damage == b"flip" else damage
    with pytest.raises((TrustError, IntegrityError, RegistryUnavailableError)):
        place.start()


@pytest.mark.parametrize(
    ("name", "value"),
    [("BUCKET", ""), ("BUCKET", "arn:aws:s3:::x"), ("BUCKET", "UPPER"), ("FOLDER", "cache"), ("FOLDER", "/a/../b")],
)
def test_a_malformed_cache_is_one_line_naming_the_variable(place: Place, name: str, value: str) -> None:
    with pytest.raises(InputError, match=f"WEIGHBRIDGE_CACHE_{name}"):
        ContainerEnvironment.read({**place.environ(), f"WEIGHBRIDGE_CACHE_{name}": value})


def test_a_registry_that_answers_is_believed_over_the_cache(place: Place) -> None:
    place.start()
    del place.world.server.files[f"/artifactory/{RECORDS}/tuf/timestamp.json"]
    with pytest.raises(Exception, match="404"):
        place.start()
