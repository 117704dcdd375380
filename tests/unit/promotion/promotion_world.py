"""Two channels in a registry in memory, a registered release, and what a promoter holds."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from securesystemslib.signer import CryptoSigner

from tests.unit.registration.memory_registry import INCOMING, MemoryFrogml, MemoryRegistry
from weighbridge.layout import ChannelLayout
from weighbridge.ledger import SqliteLedger
from weighbridge.names import Digest
from weighbridge.promotion import BrokenGlass, ChannelAccess, PromotionReport, Publisher, promote, roll_back
from weighbridge.registration import JobRecord, Registration, register, upload
from weighbridge.release import BaseModel, Runtime
from weighbridge.trust import (
    Channel,
    ChannelReader,
    ChannelSigners,
    ChannelState,
    OnlineSigners,
    Policy,
    RegistryStore,
    RoleKeys,
    init_channel,
)
from weighbridge.trust.provenance import PREDICATE_TYPE

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MODEL = "minilm"
IMAGE = "registry.example.com/docker/inference@sha256:" + "a" * 64
_folders = itertools.count()


@dataclass
class ChannelWorld:
    """One channel and its owners."""

    layout: ChannelLayout
    root: Digest
    signers: ChannelSigners
    promoters: list[CryptoSigner]
    policy: Policy


@dataclass
class PromotionWorld:
    """dev and prod, which promotes from dev. `clock` is the readers': the latest time at which something was promoted."""

    folder: Path
    registry: MemoryRegistry
    registrar: CryptoSigner
    channels: dict[str, ChannelWorld] = field(default_factory=dict)
    clock: datetime = NOW

    def copied_to(self, folder: Path) -> PromotionWorld:
        """The same channels and keys over a copy of what the registry holds."""
        found = replace(self, folder=folder, registry=MemoryRegistry(), channels=dict(self.channels))
        found.registry.files.update(self.registry.files)
        return found

    def channel(self, name: str) -> Channel:
        found = self.channels[name]
        return Channel(
            store=RegistryStore(client=self.registry, repository=found.layout.records_repository),
            channel=name,
            root=found.root,
            ledger=SqliteLedger(path=self.folder / "ledger.sqlite"),
            online=found.signers.online,
        )

    def access(self, name: str) -> ChannelAccess:
        found = self.channels[name]
        reader = ChannelReader(
            source=RegistryStore(client=self.registry, repository=found.layout.records_repository),
            root=found.root,
            folder=self.folder / f"reader-{next(_folders)}",
            now=self.clock,
        )
        return ChannelAccess(layout=found.layout, reader=reader)

    def state(self, name: str) -> ChannelState:
        return self.access(name).reader.refresh(MODEL)

    def publisher(
        self, name: str, *, by: str = "ann", now: datetime = NOW, ring: Callable[[BrokenGlass], None] | None = None
    ) -> Publisher:
        signers = self.channels[name].promoters
        self.clock = max(self.clock, now)
        return Publisher(channel=self.channel(name), signers=signers, promoted_by=by, now=now, ring=ring)

    def register(self, version: str, *, weights: bytes | None = None) -> Registration:
        place = self.folder / f"model-{version}"
        place.mkdir(exist_ok=True)
        (place / "model.safetensors").write_bytes(weights or f"weights {version}".encode())
        (place / "config.json").write_bytes(b"{}")
        upload(
            folder=place, name=MODEL, version=version, repository=INCOMING,
            record=JobRecord(base_model=BaseModel(repository="org/base", revision="a" * 40)), token="secret",
            client=self.registry, storage=MemoryFrogml(self.registry),  # type: ignore[arg-type]
        )  # fmt: skip
        return register(
            client=self.registry, name=MODEL, version=version, incoming=INCOMING,  # type: ignore[arg-type]
            layout=self.channels["dev"].layout, runtime=Runtime(image=IMAGE, lock=Digest("b" * 64)),
            signer=self.registrar, builder="urn:registrar",
        )  # fmt: skip

    def promote(
        self,
        version: str,
        *,
        to: str,
        by: str = "ann",
        now: datetime = NOW,
        ring: Callable[[BrokenGlass], None] | None = None,
    ) -> PromotionReport:
        return promote(
            client=self.registry,  # type: ignore[arg-type]
            target=self.access(to),
            source=None if to == "dev" else self.access("dev"),
            publisher=self.publisher(to, by=by, now=now, ring=ring),
            name=MODEL,
            version=version,
        )

    def roll_back(
        self,
        version: str,
        *,
        on: str = "prod",
        now: datetime = NOW,
        ring: Callable[[BrokenGlass], None] | None = None,
    ) -> PromotionReport:
        return roll_back(
            client=self.registry,  # type: ignore[arg-type]
            target=self.access(on),
            publisher=self.publisher(on, now=now, ring=ring),
            name=MODEL,
            version=version,
        )


def make_promotion_world(folder: Path) -> PromotionWorld:
    world = PromotionWorld(folder=folder, registry=MemoryRegistry(), registrar=CryptoSigner.generate_ecdsa())
    for name in ("dev", "prod"):
        online = CryptoSigner.generate_ed25519()
        signers = ChannelSigners(
            root=[CryptoSigner.generate_ed25519()],
            targets=[CryptoSigner.generate_ed25519()],
            revocations=[CryptoSigner.generate_ed25519()],
            online=OnlineSigners(snapshot=online, timestamp=online),
        )
        promoters = [CryptoSigner.generate_ed25519()]
        key = world.registrar.public_key
        policy = Policy(
            channel=name, keys={key.keyid: key}, roles={"registrar": (key.keyid,)},
            required_statements={PREDICATE_TYPE: ("registrar",)},
        )  # fmt: skip
        layout = ChannelLayout(channel=name, models_repository=f"{name}-models", records_repository=f"{name}-records")
        root = init_channel(
            store=RegistryStore(client=world.registry, repository=layout.records_repository),
            channel=name,
            signers=signers,
            policy=policy,
            models={MODEL: RoleKeys.of(promoters)},
            now=NOW,
        )
        world.channels[name] = ChannelWorld(layout, root, signers, promoters, policy)
    return world
