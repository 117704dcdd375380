"""An embedded registry with a founded channel and, on request, a promoted release: for tests of what reads them."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from securesystemslib.signer import CryptoSigner, Signer

from local.registry.process import RegistryProcess
from local.registry.standard import USERS, models_repository, records_repository, standard_config
from weighbridge.layout import ChannelLayout
from weighbridge.ledger import SqliteLedger
from weighbridge.names import Digest
from weighbridge.registry import ArtifactoryClient, StaticToken
from weighbridge.release import Lineage, Release, Runtime, build_release, files_in
from weighbridge.trust import (
    Channel,
    ChannelReader,
    ChannelSigners,
    Expiries,
    OnlineSigners,
    Policy,
    Promotion,
    PromotionRequest,
    RegistrySource,
    RegistryStore,
    RoleKeys,
    bundle,
    init_channel,
    provenance,
    sign_statement,
)
from weighbridge.trust.provenance import PREDICATE_TYPE
from weighbridge.verification import make_record

MODEL = "minilm"
IMAGE = "registry.example.com/docker/inference@sha256:" + "a" * 64


@dataclass(frozen=True)
class PromotedRegistry:
    """The registry, the channel in it, and who signs."""

    registry: RegistryProcess
    folder: Path
    name: str
    root: Digest
    channel: Channel
    promoter: Signer
    registrar: Signer
    security: Signer

    @property
    def layout(self) -> ChannelLayout:
        return ChannelLayout(
            channel=self.name,
            models_repository=models_repository(self.name),
            records_repository=records_repository(self.name),
        )

    def client(self, identity: str) -> ArtifactoryClient:
        return ArtifactoryClient(url=self.registry.url, tokens=StaticToken(token=self.registry.token(identity)))

    def promote(self, source: Path, *, version: str = "1.0.0", image: str = IMAGE) -> tuple[Release, Promotion]:
        """Write the files of `source` as a release of MODEL, signed and promoted."""
        files, admin = files_in(source), self.client("admin")
        built = build_release(
            name=MODEL, version=version, files=files, runtime=Runtime(image=image, lock=Digest.of(b"lock")), lineage=Lineage()
        )  # fmt: skip
        release, layout = built.release, self.layout
        for path, file in files.items():
            at = layout.weights_path(name=MODEL, version=version, path=path)
            admin.deploy_file(repository=layout.models_repository, path=at, source=file)
        predicate = provenance(release=release, builder="urn:test:registrar")
        envelope = sign_statement(
            name=MODEL, version=version, release=release.digest, predicate_type=PREDICATE_TYPE, predicate=predicate,
            signers=[self.registrar],
        )  # fmt: skip
        statements = bundle([envelope])
        record = make_record(release=release.to_bytes(), statements=statements)
        at = layout.record_path(name=MODEL, release=release.digest, statements=Digest.of(statements))
        admin.deploy_bytes(repository=layout.records_repository, path=at, data=record)
        request = PromotionRequest(
            name=MODEL, version=version, release=release.digest, statements=Digest.of(statements), source=None,
            source_id=None, reason="promote", promoted_by="ann",
        )  # fmt: skip
        return release, self.channel.publish_promotion(request=request, signers=[self.promoter], now=datetime.now(UTC))

    def container_environment(self, *, release: Release, promotion: Promotion, ml_root: Path) -> Mapping[str, str]:
        """The variables that a deployment of `promotion` sets."""
        layout, url = self.layout, self.registry.url
        source = RegistrySource(client=self.client("reader"), repository=layout.records_repository)
        seen = self.folder / f"floor-{secrets.token_hex(4)}"
        state = ChannelReader(source=source, root=self.root, folder=seen).refresh(MODEL)
        host = self.client("reader").host
        return {
            "WEIGHBRIDGE_RELEASE": str(release.reference(host=host, repository=layout.models_repository)),
            "WEIGHBRIDGE_PROMOTION": str(promotion.release_id),
            "WEIGHBRIDGE_ROOT": str(self.root),
            "WEIGHBRIDGE_FLOOR": str(state.versions),
            "WEIGHBRIDGE_CHANNEL": self.name,
            "WEIGHBRIDGE_REGISTRY_URL": url,
            "WEIGHBRIDGE_MODELS_REPOSITORY": layout.models_repository,
            "WEIGHBRIDGE_RECORDS_REPOSITORY": layout.records_repository,
            "WEIGHBRIDGE_TOKEN_SECRET_ID": "weighbridge/prod/reader",
            "WEIGHBRIDGE_ML_ROOT": str(ml_root),
        }


@contextmanager
def promoted_registry(
    folder: Path,
    *,
    channel: str = "prod",
    hub_url: str | None = None,
    expiries: Expiries | None = None,
    required: bool = True,
) -> Iterator[PromotedRegistry]:
    """Run a registry in `folder` with the channel founded for MODEL; `required` false leaves the policy empty."""
    tokens = {name: f"token-{name}-{secrets.token_hex(8)}" for name in USERS}
    with RegistryProcess(
        folder=folder / "registry", config=standard_config(hub_url=hub_url, tokens=tokens)
    ) as registry:
        online, registrar, promoter = (CryptoSigner.generate_ecdsa() for _ in range(3))
        key = registrar.public_key
        policy = Policy(
            channel=channel, keys={key.keyid: key}, roles={"registrar": (key.keyid,)},
            required_statements={PREDICATE_TYPE: ("registrar",)} if required else {},
        )  # fmt: skip
        signers = ChannelSigners(
            root=[CryptoSigner.generate_ecdsa()], targets=[CryptoSigner.generate_ecdsa()],
            revocations=[CryptoSigner.generate_ecdsa()], online=OnlineSigners(snapshot=online, timestamp=online),
        )  # fmt: skip
        client = ArtifactoryClient(url=registry.url, tokens=StaticToken(token=tokens["admin"]))
        store = RegistryStore(client=client, repository=records_repository(channel))
        root = init_channel(
            store=store, channel=channel, signers=signers, policy=policy, now=datetime.now(UTC), expiries=expiries,
            models={MODEL: RoleKeys.of([promoter])},
        )  # fmt: skip
        ledger = SqliteLedger(path=folder / "ledger.sqlite")
        owner = Channel(
            store=store, channel=channel, root=root, ledger=ledger, online=signers.online, expiries=expiries
        )
        yield PromotedRegistry(
            registry=registry,
            folder=folder,
            name=channel,
            root=root,
            channel=owner,
            promoter=promoter,
            registrar=registrar,
            security=signers.revocations[0],
        )
