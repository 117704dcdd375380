"""What the attacker tours: two channels with every gate closed, honest releases in them, and all keys, to be stolen one by one."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from safetensors.numpy import save
from securesystemslib.signer import CryptoSigner

from tests.attacks.tour_registry import Face, TourRegistry
from tests.unit.registration.memory_registry import INCOMING, MemoryFrogml
from weighbridge.canonical import Json, JsonObject
from weighbridge.errors import ConflictError
from weighbridge.layout import ChannelLayout
from weighbridge.names import Digest, ReleaseId
from weighbridge.promotion import ChannelAccess, PromotionReport, Publisher, promote
from weighbridge.registration import JobRecord, Registration, register, upload
from weighbridge.release import BaseModel, Release, Runtime
from weighbridge.trust import (
    APPROVAL_TYPE,
    IMAGE_TYPE,
    Approval,
    Approvals,
    Channel,
    ChannelReader,
    ChannelSigners,
    ChannelState,
    Gates,
    OnlineSigners,
    Policy,
    Promotion,
    PromotionRequest,
    RegistryStore,
    RoleKeys,
    bundle,
    init_channel,
    sign_image_statement,
    sign_statement,
)
from weighbridge.trust.provenance import PREDICATE_TYPE
from weighbridge.trust.statements import envelopes_of
from weighbridge.verification import make_record

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MODEL, OTHER = "minilm", "other"
OLD, NEW, ELSEWHERE = "0.9.0", "1.0.0", "7.7.7"
IMAGE = "registry.example.com/docker/inference@sha256:" + "a" * 64
OTHER_IMAGE = IMAGE.replace("a" * 64, "d" * 64)
WEIGHTS = "model.safetensors"
ANN, BOB, CAT = ("arn:aws:iam::111111111111:user/" + name for name in ("ann", "bob", "cat"))
_folders = itertools.count()


class MemoryLedger:
    """Claims that nobody can take back, outside the registry. One thread at a time claims, as a conditional write does."""

    def __init__(self, claims: Mapping[tuple[str, int], Digest] | None = None) -> None:
        self.claims = dict(claims or {})
        self._lock = threading.Lock()

    def claim(self, *, scope: str, sequence: int, digest: Digest) -> None:
        """Claim a number; see `weighbridge.ledger.SequenceLedger`."""
        with self._lock:
            if self.claims.setdefault((scope, sequence), digest) != digest:
                raise ConflictError(f"{scope}: {sequence} is claimed for other bytes")

    def claimed(self, *, scope: str, sequence: int) -> Digest | None:
        """Return who holds a number."""
        with self._lock:
            return self.claims.get((scope, sequence))


def tensor(version: str) -> np.ndarray:
    """Return the one tensor of a version."""
    return np.frombuffer(version.encode(), dtype=np.uint8).astype(np.float32)


def tensors(version: str) -> bytes:
    """Return the weights of a version: a real file of one tensor."""
    return save({"weight": tensor(version)})


@dataclass(frozen=True)
class Owners:
    """One channel, and who signs in it."""

    layout: ChannelLayout
    root: Digest
    signers: ChannelSigners
    promoters: list[CryptoSigner]
    policy: Policy


@dataclass(frozen=True)
class Stated:
    """Who states something of releases."""

    registrar: CryptoSigner
    builder: CryptoSigner
    approver: CryptoSigner


@dataclass
class Tour:
    """dev, and prod, which promotes from dev. `asked` and `reference` are what a deployment of NEW names; `now` is the time."""

    folder: Path
    face: Face
    registry: TourRegistry
    stated: Stated
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    channels: dict[str, Owners] = field(default_factory=dict)
    releases: dict[str, Registration] = field(default_factory=dict)
    asked: ReleaseId | None = None
    release: Release | None = None
    floor: str = "root=1"
    now: datetime = NOW
    kept: Path | None = None
    told: list[Promotion] = field(default_factory=list)

    def copy(self, folder: Path) -> Tour:
        """Return a copy to attack."""
        self.face.registry = replace(self.registry, files=dict(self.registry.files), answers={}, copied={}, writes=[])
        ledger = MemoryLedger(self.ledger.claims)
        return replace(self, folder=folder, registry=self.face.registry, ledger=ledger, told=list(self.told))

    def channel(self, name: str) -> Channel:
        """Return a channel's writing side."""
        found = self.channels[name]
        return Channel(
            store=RegistryStore(client=self.registry, repository=found.layout.records_repository), channel=name,
            root=found.root, ledger=self.ledger, online=found.signers.online,
        )  # fmt: skip

    def access(self, name: str) -> ChannelAccess:
        """Return a channel's reading side, as an account that never read it, or with `kept`, as one that did."""
        found = self.channels[name]
        folder = self.folder / f"reader-{next(_folders)}" if self.kept is None else self.kept / name
        source = RegistryStore(client=self.registry, repository=found.layout.records_repository)
        reader = ChannelReader(source=source, root=found.root, folder=folder, now=self.now)
        return ChannelAccess(layout=found.layout, reader=reader)

    def state(self, name: str) -> ChannelState:
        """Return what a channel says of MODEL."""
        return self.access(name).reader.refresh(MODEL)

    def promote(
        self, version: str, *, source: bool = True, to: str = "prod", name: str = MODEL, by: str = ANN
    ) -> PromotionReport:
        """Promote as an honest promoter does, through every gate."""
        publisher = Publisher(
            channel=self.channel(to), signers=self.channels[to].promoters[:1], promoted_by=by, now=self.now
        )
        report = promote(
            client=self.registry, target=self.access(to), source=self.access("dev") if source else None,  # type: ignore[arg-type]
            publisher=publisher, name=name, version=version,
        )  # fmt: skip
        self.told.append(report.promotion)
        return report

    def envelopes(self, version: str = NEW) -> list[JsonObject]:
        """Return what honest roles stated of a version of MODEL for prod."""
        done = self.releases[version]
        said = [item for item in envelopes_of(self.registered(version)) if isinstance(item, dict)]
        return [*said, self.image_statement(), *(self.approval(done, who) for who in (BOB, CAT))]

    def registered(self, version: str) -> bytes:
        """Return the registrar's bundle."""
        done, layout = self.releases[version], self.channels["dev"].layout
        path = layout.statements_path(name=MODEL, release=done.digest)
        return self.registry.files[layout.records_repository, path]

    def image_statement(self, image: str = IMAGE) -> JsonObject:
        """Return what the builder states of an image."""
        return sign_image_statement(image=image, predicate={"source": "x"}, signers=[self.stated.builder])

    def provenance(self, *signers: CryptoSigner, version: str = NEW) -> JsonObject:
        """Return the registrar's predicate, signed by `signers`."""
        done = self.releases[version]
        return self.say(done, PREDICATE_TYPE, {"buildDefinition": {}, "runDetails": {}}, *signers)

    def approval(self, done: Registration, who: str, *, at: datetime = NOW, days: int = 7) -> JsonObject:
        """Return one person's approval for prod."""
        approval = Approval(
            channel="prod", approver=who, reason="looked at", approved_at=at, expires=at + timedelta(days=days),
            event="sha256:" + "c" * 64,
        )  # fmt: skip
        return self.say(done, APPROVAL_TYPE, approval.predicate(), self.stated.approver)

    def say(self, done: Registration, kind: str, predicate: Mapping[str, Json], *signers: CryptoSigner) -> JsonObject:
        """Return a statement about a release of MODEL."""
        return sign_statement(
            name=MODEL, version=done.release.version, release=done.digest, predicate_type=kind, predicate=predicate,
            signers=signers,
        )  # fmt: skip

    def lay(self, channel: str, role: str, *envelopes: JsonObject, version: str = NEW) -> None:
        """Lay statements where a promoter finds them."""
        layout, release = self.channels[channel].layout, self.releases[version].digest
        for envelope in envelopes:
            data = bundle([envelope])
            path = layout.later_statement_path(name=MODEL, release=release, role=role, bundle=Digest.of(data))
            self.registry.files[layout.records_repository, path] = data

    def force(
        self,
        channel: str,
        *,
        envelopes: Sequence[JsonObject] | None = None,
        release: bytes | None = None,
        people: int = 1,
        **changes: object,
    ) -> Promotion:
        """Publish NEW with a promoter's key alone, past every gate of `promote`: whatever `envelopes` and `release` say."""
        layout, done = self.channels[channel].layout, self.releases[NEW]
        data = done.release.to_bytes() if release is None else release
        said = bundle(self.envelopes() if envelopes is None else envelopes)
        digest = Digest.of(data)
        for (repository, path), held in list(self.registry.files.items()):
            if repository == "dev-models" and path.startswith(f"models/{MODEL}/{NEW}/"):
                self.registry.files[layout.models_repository, path] = held
        chunks = f"{layout.release_folder(name=MODEL, release=done.digest)}/"
        for (repository, path), held in list(self.registry.files.items()):
            if repository == "dev-records" and path.startswith(chunks) and "/" not in path.removeprefix(chunks):
                folder = layout.release_folder(name=MODEL, release=digest)
                self.registry.files[layout.records_repository, f"{folder}/{path.removeprefix(chunks)}"] = held
        place = layout.record_path(name=MODEL, release=digest, statements=Digest.of(said))
        self.registry.files[layout.records_repository, place] = make_record(release=data, statements=said)
        fields: dict[str, object] = {
            "name": MODEL, "version": NEW, "release": digest, "statements": Digest.of(said), "source": None,
            "source_id": None, "reason": "promote", "promoted_by": ANN,
        }  # fmt: skip
        request = PromotionRequest(**{**fields, **changes})  # type: ignore[arg-type]
        promotion = self.channel(channel).publish_promotion(
            request=request, signers=self.channels[channel].promoters[:people], now=NOW
        )
        self.ask_for(promotion)
        return promotion

    def ask_for(self, promotion: Promotion) -> None:
        """Let the deployment name this promotion."""
        self.asked, self.release = promotion.release_id, self.releases[NEW].release

    def record_of(self, channel: str, version: str = NEW) -> tuple[str, str]:
        """Return where the record of the newest promotion of a version lies."""
        layout = self.channels[channel].layout
        found = [item for item in self.state(channel).promotions(MODEL) if item.version == version][-1]
        path = layout.record_path(name=MODEL, release=found.release, statements=found.statements)
        return layout.records_repository, path

    def metadata(self, channel: str, role: str) -> tuple[str, str]:
        """Return where the newest metadata of a role lies."""
        repository = self.channels[channel].layout.records_repository
        if role == "timestamp":
            return repository, "tuf/timestamp.json"
        found = [
            (int(path.removeprefix("tuf/").partition(".")[0]), path)
            for owner, path in self.registry.files
            if owner == repository
            and path.startswith("tuf/")
            and path.endswith(f".{role}.json")
            and path.count("/") == 1
        ]
        return repository, max(found)[1]

    def document(self, key: tuple[str, str]) -> dict[str, dict[str, Json]]:
        """Return a JSON file of the registry."""
        found: dict[str, dict[str, Json]] = json.loads(self.registry.files[key])
        return found


def make_tour(folder: Path, face: Face) -> Tour:
    """Build both channels; OLD is in prod, NEW in dev and approved for prod, ELSEWHERE is the other model's."""
    stated = Stated(*(CryptoSigner.generate_ed25519() for _ in range(3)))
    tour = Tour(folder=folder, face=face, registry=face.registry, stated=stated)
    for name in ("dev", "prod"):
        tour.channels[name] = _found(tour, name)
    for model, version in ((MODEL, OLD), (MODEL, NEW), (OTHER, ELSEWHERE)):
        _register(tour, model, version)
        image = bundle([tour.image_statement()])
        folder = tour.channels["dev"].layout.image_statements_folder(image=IMAGE)
        tour.registry.files["dev-records", f"{folder}/builder.{Digest.of(image).hex}.json"] = image
        tour.promote(version, source=False, to="dev", name=model)
    for version in (OLD, NEW):
        tour.lay(
            "prod", "approver", *(tour.approval(tour.releases[version], who) for who in (BOB, CAT)), version=version
        )
    tour.promote(OLD)
    tour.floor = str(tour.state("prod").versions)
    return tour


def _found(tour: Tour, name: str) -> Owners:
    online = CryptoSigner.generate_ed25519()
    root, targets, revocations = (CryptoSigner.generate_ed25519() for _ in range(3))
    signers = ChannelSigners(
        root=[root],
        targets=[targets],
        revocations=[revocations],
        online=OnlineSigners(snapshot=online, timestamp=online),
    )
    promoters = [CryptoSigner.generate_ed25519() for _ in range(3)]
    held = {"registrar": tour.stated.registrar, "builder": tour.stated.builder, "approver": tour.stated.approver}
    required = {PREDICATE_TYPE: ("registrar",), IMAGE_TYPE: ("builder",)}
    asks = Gates()
    if name == "prod":
        required[APPROVAL_TYPE] = ("approver",)
        asks = Gates(approvals=Approvals(count=2, days=7))
    policy = Policy(
        channel=name, keys={item.public_key.keyid: item.public_key for item in held.values()},
        roles={role: (item.public_key.keyid,) for role, item in held.items()}, required_statements=required, gates=asks,
    )  # fmt: skip
    layout = ChannelLayout(channel=name, models_repository=f"{name}-models", records_repository=f"{name}-records")
    pinned = init_channel(
        store=RegistryStore(client=tour.registry, repository=layout.records_repository), channel=name, signers=signers,
        policy=policy, models={model: RoleKeys.of(promoters) for model in (MODEL, OTHER)}, now=NOW,
    )  # fmt: skip
    return Owners(layout, pinned, signers, promoters, policy)


def _register(tour: Tour, model: str, version: str) -> None:
    place = tour.folder / f"model-{version}"
    place.mkdir()
    (place / WEIGHTS).write_bytes(tensors(version))
    (place / "config.json").write_bytes(b"{}")
    upload(
        folder=place, name=model, version=version, repository=INCOMING, token="secret",
        record=JobRecord(base_model=BaseModel(repository="org/base", revision="a" * 40)),
        client=tour.registry, storage=MemoryFrogml(tour.registry),  # type: ignore[arg-type]
    )  # fmt: skip
    tour.releases[version] = register(
        client=tour.registry, name=model, version=version, incoming=INCOMING,  # type: ignore[arg-type]
        layout=tour.channels["dev"].layout, runtime=Runtime(image=IMAGE, lock=Digest("b" * 64)),
        signer=tour.stated.registrar, builder="urn:registrar",
    )  # fmt: skip
