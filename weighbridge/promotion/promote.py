"""Promote: verify at the source, check the target's policy, copy and compare file by file, publish one signed record.

Readers see a promotion when the channel's timestamp names it, and not one byte of it decides anything before. Every step
is safe to repeat, so a call that was cut off is completed by repeating it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from securesystemslib.signer import Signer

from weighbridge.errors import TrustError
from weighbridge.layout import weights_folder
from weighbridge.names import Digest, check_name
from weighbridge.promotion.candidate import Candidate, promotion_of
from weighbridge.promotion.examine import ChannelAccess, authenticated, find
from weighbridge.promotion.glass import BrokenGlass, Ring, ring_first
from weighbridge.registration.weights import check_at, copy_weights, mirror_properties
from weighbridge.registry import ArtifactoryClient, Location
from weighbridge.release import Release
from weighbridge.trust import (
    Channel,
    ChannelState,
    Promotion,
    PromotionRequest,
)
from weighbridge.verification import fetch_record, fetch_release, refuse_revoked

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Publisher:
    """Who promotes: the channel's writing side, the promoters' signers, and the name that the record bears, unless the
    policy says whose the keys are.

    `supersede` leaves out numbers that others claimed and never published. `ring` is told of broken glass before anything is
    published; without it, a promotion that needs a waiver is refused.
    """

    channel: Channel
    signers: Sequence[Signer]
    promoted_by: str
    now: datetime
    supersede: bool = False
    ring: Ring | None = None

    def authenticated(self, state: ChannelState) -> Publisher:
        """Return this publisher under the name that the channel's policy knows.

        Raises:
            TrustError: rule `refused.promoter`.
        """
        key_ids = tuple(signer.public_key.keyid for signer in self.signers)
        return replace(self, promoted_by=authenticated(state.policy, key_ids=key_ids, claimed=self.promoted_by))


@dataclass(frozen=True, slots=True)
class PromotionReport:
    """The promotion that is the head now. `changed` is false when it had been before; `warnings` decide nothing.

    `missing` people must sign it before it is published; until then the head is what it was.
    """

    promotion: Promotion
    release: Release
    changed: bool
    warnings: tuple[str, ...]
    missing: int = 0


def promote(
    *,
    client: ArtifactoryClient,
    target: ChannelAccess,
    source: ChannelAccess | None,
    publisher: Publisher,
    name: str,
    version: str,
    progress: Progress | None = None,
) -> PromotionReport:
    """Make NAME:VERSION the head of its model in the target channel.

    Args:
        client: the registry, as the promoter: may read the source and write the target.
        source: the channel that the release comes from; None for the first channel, where it was registered.
        progress: called with the size in bytes of each file that was compared at the target.

    Raises:
        NothingPromotedError: the source never promoted the version, or a channel does not know the model.
        RevokedError, TrustError, IntegrityError: it must not be promoted; the target is as it was.
        InputError: the version was promoted here before and is not the head: that is a rollback; or a key signed already.
        ConflictError: somebody else promotes at the same time.
        RegistryError, CloudError: registry or KMS could not do it; repeat the call.
    """
    found = find(client=client, target=target, source=source, name=name, version=version)
    state, candidate, head = found.state, found.candidate, found.head
    publisher = publisher.authenticated(state)
    gates = found.gates(promoted_by=publisher.promoted_by, now=publisher.now)
    for gate in gates:
        if gate.error is not None:
            raise gate.error
    _copy(client, candidate, source=source, target=target, progress=progress)
    if head is not None and head.release == candidate.release.digest and _holds(client, target, state, head):
        return _report(client, target, head, candidate.release, changed=False)
    request = _request(publisher, candidate)
    _ring(publisher, request, channel=state.channel, waived=(gate.name for gate in gates if gate.waived))
    return _publish(client, publisher, target, candidate.release, request)


def roll_back(
    *, client: ArtifactoryClient, target: ChannelAccess, publisher: Publisher, name: str, version: str
) -> PromotionReport:
    """Make a version that was promoted in this channel before its head again, by a new promotion with reason `rollback`.

    Nothing is copied; every file is compared at its place.

    Raises:
        NothingPromotedError: the version was never promoted here.
        RevokedError, TrustError, IntegrityError: it must not run any more.
        ConflictError, RegistryError, CloudError: as `promote`.
    """
    check_name(name, field="model name")
    check_name(version, field="version")
    state = target.reader.refresh(name)
    earlier = promotion_of(state, version)
    refuse_revoked(state=state, promotion=earlier)
    record = fetch_record(client=client, layout=target.layout, state=state, promotion=earlier)
    release, publisher = record.release, publisher.authenticated(state)
    folder = weights_folder(name=name, version=version)
    for component in release.components:
        location = Location(target.layout.models_repository, f"{folder}/{component.path}")
        check_at(client=client, location=location, component=component)
    if state.head(name).release == earlier.release:
        return _report(client, target, state.head(name), release, changed=False)
    request = PromotionRequest(
        name=name,
        version=version,
        release=earlier.release,
        statements=earlier.statements,
        source=earlier.source,
        source_id=earlier.source_id,
        reason="rollback",
        promoted_by=publisher.promoted_by,
    )
    _ring(publisher, request, channel=state.channel, waived=record.waived)
    return _publish(client, publisher, target, release, request)


def _ring(publisher: Publisher, request: PromotionRequest, *, channel: str, waived: Iterable[str]) -> None:
    glass = BrokenGlass(
        channel=channel,
        name=request.name,
        version=request.version,
        release=request.release,
        statements=request.statements,
        waived=tuple(sorted(waived)),
        promoted_by=publisher.promoted_by,
        at=publisher.now,
    )
    ring_first(publisher.ring, glass=glass)


def _holds(client: ArtifactoryClient, target: ChannelAccess, state: ChannelState, head: Promotion) -> bool:
    # A policy that asks for more than it did needs a promotion whose bundle has it.
    try:
        fetch_release(client=client, layout=target.layout, state=state, promotion=head)
    except TrustError:
        return False
    return True


def _copy(
    client: ArtifactoryClient,
    candidate: Candidate,
    *,
    source: ChannelAccess | None,
    target: ChannelAccess,
    progress: Progress | None,
) -> None:
    release, layout = candidate.release, target.layout
    folder = weights_folder(name=release.name, version=release.version)
    copy_weights(
        client=client,
        components=release.components,
        folder=folder,
        source=(source or target).layout.models_repository,
        target=layout.models_repository,
        progress=progress,
    )
    place = layout.release_folder(name=release.name, release=release.digest)
    records = {f"{place}/{name}": data for name, data in candidate.sidecars.items()}
    records[layout.release_path(name=release.name, release=release.digest)] = release.to_bytes()
    statements = Digest.of(candidate.statements)
    place = layout.record_path(name=release.name, release=release.digest, statements=statements)
    records[place] = candidate.record
    for path, data in records.items():
        client.deploy_bytes(repository=layout.records_repository, path=path, data=data)


def _request(publisher: Publisher, candidate: Candidate) -> PromotionRequest:
    return PromotionRequest(
        name=candidate.release.name,
        version=candidate.release.version,
        release=candidate.release.digest,
        statements=Digest.of(candidate.statements),
        source=candidate.source,
        source_id=candidate.source_id,
        reason="promote",
        promoted_by=publisher.promoted_by,
    )


def _publish(
    client: ArtifactoryClient,
    publisher: Publisher,
    target: ChannelAccess,
    release: Release,
    request: PromotionRequest,
) -> PromotionReport:
    done = publisher.channel.sign_promotion(
        request=request, signers=publisher.signers, now=publisher.now, supersede=publisher.supersede
    )
    if done.published:
        return _report(client, target, done.promotion, release, changed=True)
    return PromotionReport(
        promotion=done.promotion, release=release, changed=False, warnings=(), missing=done.wanted - done.signed
    )


def _report(
    client: ArtifactoryClient, target: ChannelAccess, promotion: Promotion, release: Release, *, changed: bool
) -> PromotionReport:
    folder = weights_folder(name=release.name, version=release.version)
    warnings = mirror_properties(
        client=client,
        location=Location(target.layout.models_repository, folder),
        properties={
            "weighbridge.release": release.digest.hex,
            "weighbridge.channel": promotion.channel,
            "weighbridge.sequence": str(promotion.sequence),
        },
    )
    return PromotionReport(promotion=promotion, release=release, changed=changed, warnings=warnings)
