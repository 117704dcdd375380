"""A channel in a folder with one model, its signers, and a reader that counts its requests."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from securesystemslib.signer import CryptoSigner, Signer

from weighbridge.ledger import SqliteLedger
from weighbridge.names import Digest
from weighbridge.trust import (
    Channel,
    ChannelReader,
    ChannelSigners,
    FolderStore,
    OnlineSigners,
    Policy,
    Promotion,
    PromotionRequest,
    RoleKeys,
    init_channel,
)

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
MODEL = "minilm"
PROVENANCE = "https://slsa.dev/provenance/v1"


class CountingSource:
    """A folder store that remembers which paths were fetched, and can be told to fail on one."""

    def __init__(self, store: FolderStore) -> None:
        self._store = store
        self.fetched: list[str] = []
        self.failures: dict[str, Exception] = {}

    def fetch(self, path: str, limit: int) -> bytes:
        self.fetched.append(path)
        if path in self.failures:
            raise self.failures[path]
        return self._store.fetch(path, limit)


@dataclass
class World:
    """Everything a test needs of one channel."""

    folder: Path
    store: FolderStore
    ledger: SqliteLedger
    signers: ChannelSigners
    promoters: list[Signer]
    registrar: Signer
    policy: Policy
    root: Digest
    source: CountingSource
    reader_folders: int = field(default=0)

    def channel(self, **changes: object) -> Channel:
        arguments = {
            "store": self.store,
            "channel": "dev",
            "root": self.root,
            "ledger": self.ledger,
            "online": self.signers.online,
        }
        return Channel(**{**arguments, **changes})  # type: ignore[arg-type]

    def reader(self, **changes: object) -> ChannelReader:
        self.reader_folders += 1
        arguments = {
            "source": self.source,
            "root": self.root,
            "folder": self.folder / f"reader-{self.reader_folders}",
            "now": NOW,
        }
        return ChannelReader(**{**arguments, **changes})  # type: ignore[arg-type]

    def request(self, **changes: object) -> PromotionRequest:
        base = PromotionRequest(
            name=MODEL,
            version="1.0.0",
            release=Digest.of(b"release 1"),
            statements=Digest.of(b"statements 1"),
            source=None,
            source_id=None,
            reason="promote",
            promoted_by="ann",
        )
        return replace(base, **changes)  # type: ignore[arg-type]

    def promote(self, *, now: datetime = NOW, **changes: object) -> Promotion:
        return self.channel().publish_promotion(request=self.request(**changes), signers=self.promoters, now=now)


def make_world(folder: Path, *, promoters: int = 1, threshold: int = 1) -> World:
    online = CryptoSigner.generate_ed25519()
    registrar = CryptoSigner.generate_ecdsa()
    signers = ChannelSigners(
        root=[CryptoSigner.generate_ed25519(), CryptoSigner.generate_ed25519()],
        root_threshold=2,
        targets=[CryptoSigner.generate_ed25519()],
        revocations=[CryptoSigner.generate_ed25519()],
        online=OnlineSigners(snapshot=online, timestamp=online),
    )
    model_signers: list[Signer] = [CryptoSigner.generate_ed25519() for _ in range(promoters)]
    key = registrar.public_key
    policy = Policy(
        channel="dev",
        keys={key.keyid: key},
        roles={"registrar": (key.keyid,)},
        required_statements={PROVENANCE: ("registrar",)},
    )
    store = FolderStore(folder=folder / "tuf")
    root = init_channel(
        store=store,
        channel="dev",
        signers=signers,
        policy=policy,
        models={MODEL: RoleKeys.of(model_signers, threshold=threshold)},
        now=NOW,
    )
    return World(
        folder=folder,
        store=store,
        ledger=SqliteLedger(path=folder / "ledger.sqlite"),
        signers=signers,
        promoters=model_signers,
        registrar=registrar,
        policy=policy,
        root=root,
        source=CountingSource(store),
    )
