"""The registrar as a function runs it: its environment, and the doors to registry, keys and channel."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

from weighbridge.bases import BaseRepository, admitted_card
from weighbridge.environment import channel_layout, digest, registry_url, required, required_name
from weighbridge.errors import ConflictError
from weighbridge.layout import ChannelLayout
from weighbridge.ledger import SequenceLedger
from weighbridge.ledger.events import EventSink, tell
from weighbridge.names import Digest
from weighbridge.promotion import ChannelAccess, PromotionReport, Publisher, move_forward, parameter_name, promote
from weighbridge.registration.completion import Published
from weighbridge.registration.described_job import ModelVersion
from weighbridge.registration.evidence import JobEvidence
from weighbridge.registration.register import register
from weighbridge.registry import ArtifactoryClient, TokenOrigin, read_origin
from weighbridge.release import BaseModel, Runtime
from weighbridge.trust import Channel, ChannelReader, OnlineSigners, RegistrySource, RegistryStore, load_signer

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_ssm import SSMClient

ATTEMPTS = 5
BASES = "WEIGHBRIDGE_BASES_REPOSITORY"


@dataclass(frozen=True, slots=True)
class SignerUris:
    """Signer URIs (see `weighbridge.trust.load_signer`): each key does one job."""

    registrar: str
    promoter: str
    snapshot: str
    timestamp: str


@dataclass(frozen=True, slots=True)
class RegistrarEnvironment:
    """What the function is told. `runtime` is what registered models are served with; ids are never tokens."""

    environment: str
    layout: ChannelLayout
    root: Digest
    registry_url: str
    token: TokenOrigin
    incoming: str
    runtime: Runtime
    signers: SignerUris
    sequences_table: str
    notices_topic: str
    bases: str | None = None
    events_bus: str | None = None

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """Read the variables (the construct `Registrar` sets them).

        Raises:
            InputError: naming the first variable that is missing or malformed.
        """
        return cls(
            environment=required_name(environ, "WEIGHBRIDGE_ENVIRONMENT"),
            layout=channel_layout(environ),
            root=digest(environ, "WEIGHBRIDGE_ROOT"),
            registry_url=registry_url(environ, "WEIGHBRIDGE_REGISTRY_URL"),
            token=read_origin(environ),
            incoming=required_name(environ, "WEIGHBRIDGE_INCOMING_REPOSITORY"),
            runtime=Runtime(
                image=required(environ, "WEIGHBRIDGE_RUNTIME_IMAGE"),
                lock=digest(environ, "WEIGHBRIDGE_RUNTIME_LOCK"),
            ),
            signers=SignerUris(
                registrar=required(environ, "WEIGHBRIDGE_REGISTRAR_KEY"),
                promoter=required(environ, "WEIGHBRIDGE_PROMOTER_KEY"),
                snapshot=required(environ, "WEIGHBRIDGE_SNAPSHOT_KEY"),
                timestamp=required(environ, "WEIGHBRIDGE_TIMESTAMP_KEY"),
            ),
            sequences_table=required(environ, "WEIGHBRIDGE_SEQUENCES_TABLE"),
            notices_topic=required(environ, "WEIGHBRIDGE_NOTICES_TOPIC"),
            bases=required_name(environ, BASES) if BASES in environ else None,
            events_bus=environ.get("WEIGHBRIDGE_EVENTS_BUS") or None,
        )


@dataclass(frozen=True, slots=True)
class FirstChannelRegistrar:
    """Registers into the first channel and publishes there; see `weighbridge.registration.completion.Registrar`.

    `identity` is the URI of who does it, for statement and promotion; `folder` is private and may be empty; `events` is
    where the ledger is told, None without one. What cannot be told is an error: whoever called repeats it.
    """

    environment: RegistrarEnvironment
    client: ArtifactoryClient
    ledger: SequenceLedger
    kms: KMSClient
    ssm: SSMClient
    identity: str
    folder: Path
    clock: Callable[[], datetime]
    sleep: Callable[[float], None] = time.sleep
    events: EventSink | None = None

    def register(self, *, model: ModelVersion, evidence: JobEvidence) -> str:
        """Register NAME:VERSION and return the release's reference; errors as `weighbridge.registration.register`."""
        found = register(
            client=self.client,
            name=model.name,
            version=model.version,
            incoming=self.environment.incoming,
            layout=self.environment.layout,
            runtime=self.environment.runtime,
            signer=load_signer(self.environment.signers.registrar, kms_client=self.kms),
            builder=self.identity,
            evidence=evidence,
            allowed=self._allowed(model.name),
        )
        if self.events is not None:
            event = tell.registered(
                release=found.release,
                channel=self.environment.layout.channel,
                environment=self.environment.environment,
                actor=self.identity,
                at=self.clock(),
            )
            self.events.emit(event=event)
        return str(found.reference)

    def publish(self, *, model: ModelVersion) -> Published:
        """Promote NAME:VERSION in the first channel and point its environment there.

        Raises:
            WeighbridgeError: as `weighbridge.promotion.promote` and `move_forward`.
        """
        layout = self.environment.layout
        report = self._promote(model)
        if self.events is not None:
            event = tell.promoted(promotion=report.promotion, environment=self.environment.environment)
            self.events.emit(event=event)
        name = parameter_name(environment=self.environment.environment, model=model.name)
        move_forward(client=self.ssm, name=name, release_id=report.promotion.release_id)
        reference = report.release.reference(host=self.client.host, repository=layout.models_repository)
        return Published(reference=str(reference), release_id=str(report.promotion.release_id), changed=report.changed)

    def _allowed(self, name: str) -> Callable[[BaseModel | None], bytes | None] | None:
        if self.environment.bases is None:
            return None
        policy = self._reader(self.clock()).refresh(name).policy
        keys = [policy.keys[key_id] for key_id in policy.roles.get("inspector", ())]
        bases = BaseRepository(client=self.client, repository=self.environment.bases)
        return lambda base: admitted_card(bases=bases, base=base, keys=keys)

    def _promote(self, model: ModelVersion) -> PromotionReport:
        for attempt in range(1, ATTEMPTS + 1):
            now = self.clock()
            try:
                return promote(
                    client=self.client,
                    target=ChannelAccess(layout=self.environment.layout, reader=self._reader(now)),
                    source=None,
                    publisher=self._publisher(now),
                    name=model.name,
                    version=model.version,
                )
            except ConflictError:
                # Jobs that end at the same time publish in one channel: whoever lost the race reads it again.
                if attempt == ATTEMPTS:
                    raise
                self.sleep(random.uniform(0.5, 1.5) * attempt)  # noqa: S311 - spreads repetitions, protects nothing
        raise AssertionError("unreachable")

    def _reader(self, now: datetime) -> ChannelReader:
        source = RegistrySource(client=self.client, repository=self.environment.layout.records_repository)
        return ChannelReader(source=source, root=self.environment.root, folder=self.folder, now=now)

    def _publisher(self, now: datetime) -> Publisher:
        uris = self.environment.signers
        channel = Channel(
            store=RegistryStore(client=self.client, repository=self.environment.layout.records_repository),
            channel=self.environment.layout.channel,
            root=self.environment.root,
            ledger=self.ledger,
            online=OnlineSigners(
                snapshot=load_signer(uris.snapshot, kms_client=self.kms),
                timestamp=load_signer(uris.timestamp, kms_client=self.kms),
            ),
        )
        promoter = load_signer(uris.promoter, kms_client=self.kms)
        return Publisher(channel=channel, signers=[promoter], promoted_by=self.identity, now=now)
