"""Promote: verify at the source, check the target's policy, copy and compare file by file, publish one signed record.

Readers see a promotion when the channel's timestamp names it, and not one byte of it decides anything before. Every step
is safe to repeat, so a call that was cut off is completed by repeating it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from securesystemslib.signer import Signer

from weighbridge.errors import InputError, NothingPromotedError, RegistryNotFoundError, RevokedError, TrustError
from weighbridge.layout import ChannelLayout, weights_folder
from weighbridge.names import Digest, check_name
from weighbridge.promotion.bundling import with_later_statements
from weighbridge.promotion.candidate import Candidate, promoted_candidate, promotion_of, registered_candidate
from weighbridge.registration.weights import check_at, copy_weights, mirror_properties
from weighbridge.registry import ArtifactoryClient, Location
from weighbridge.release import Release
from weighbridge.trust import (
    Channel,
    ChannelReader,
    ChannelState,
    Promotion,
    PromotionRequest,
    Reason,
    check_release_against_policy,
)
from weighbridge.verification import fetch_release, refuse_revoked

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class ChannelAccess:
    """One channel as its reader sees it. Source and target of a promotion lie in one registry."""

    layout: ChannelLayout
    reader: ChannelReader


@dataclass(frozen=True, slots=True)
class Publisher:
    """Who promotes: the channel's writing side, the promoters' signers, and the name that the record bears.

    `supersede` leaves out numbers that others claimed and never published.
    """

    channel: Channel
    signers: Sequence[Signer]
    promoted_by: str
    now: datetime
    supersede: bool = False


@dataclass(frozen=True, slots=True)
class PromotionReport:
    """The promotion that is the head now. `changed` is false when it had been before; `warnings` decide nothing."""

    promotion: Promotion
    release: Release
    changed: bool
    warnings: tuple[str, ...]


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
        InputError: the version was promoted here before and is not the head: that is a rollback.
        ConflictError: somebody else promotes at the same time.
        RegistryError, CloudError: registry or KMS could not do it; repeat the call.
    """
    check_name(name, field="model name")
    check_name(version, field="version")
    state = target.reader.refresh(name)
    candidate = _candidate(client, target=target, source=source, state=state, version=version)
    layouts = (target.layout,) if source is None else (source.layout, target.layout)
    candidate = with_later_statements(client=client, candidate=candidate, layouts=layouts, policy=state.policy)
    head = _head(state)
    _check_target(state, candidate, head=head)
    _copy(client, candidate, source=source, target=target, progress=progress)
    if head is not None and head.release == candidate.release.digest and _holds(client, target, state, head):
        return _report(client, target, head, candidate.release, changed=False)
    promotion = _publish(publisher, candidate, reason="promote")
    return _report(client, target, promotion, candidate.release, changed=True)


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
    release, _ = fetch_release(client=client, layout=target.layout, state=state, promotion=earlier)
    check_release_against_policy(release=release, policy=state.policy)
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
    promotion = publisher.channel.publish_promotion(
        request=request, signers=publisher.signers, now=publisher.now, supersede=publisher.supersede
    )
    return _report(client, target, promotion, release, changed=True)


def _candidate(
    client: ArtifactoryClient,
    *,
    target: ChannelAccess,
    source: ChannelAccess | None,
    state: ChannelState,
    version: str,
) -> Candidate:
    if source is None:
        return registered_candidate(client=client, layout=target.layout, state=state, version=version)
    try:
        source_state = source.reader.refresh(state.name)
    except RegistryNotFoundError as error:
        raise NothingPromotedError(f"{source.layout.channel}: holds no channel to promote from: {error}") from error
    return promoted_candidate(client=client, layout=source.layout, state=source_state, version=version)


def _holds(client: ArtifactoryClient, target: ChannelAccess, state: ChannelState, head: Promotion) -> bool:
    # A policy that asks for more than it did needs a promotion whose bundle has it.
    try:
        fetch_release(client=client, layout=target.layout, state=state, promotion=head)
    except TrustError:
        return False
    return True


def _head(state: ChannelState) -> Promotion | None:
    promotions = state.promotions(state.name)
    return promotions[-1] if promotions else None


def _check_target(state: ChannelState, candidate: Candidate, *, head: Promotion | None) -> None:
    release = candidate.release
    what = f"{release.name}:{release.version}"
    if state.is_revoked(release.digest):
        raise RevokedError(f"{what} ({release.digest}) is revoked in {state.channel}: promote another version")
    candidate.check_policy(state.policy)
    if head is None or head.release == release.digest:
        return
    if any(item.release == release.digest for item in state.promotions(state.name)):
        raise InputError(
            f"{what} was promoted in {state.channel} before and {head.version} came after it: going back is "
            f"`weighbridge promote {release.name} --rollback-to {release.version}`",
            rule="input.rollback",
        )


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


def _publish(publisher: Publisher, candidate: Candidate, *, reason: Reason) -> Promotion:
    request = PromotionRequest(
        name=candidate.release.name,
        version=candidate.release.version,
        release=candidate.release.digest,
        statements=Digest.of(candidate.statements),
        source=candidate.source,
        source_id=candidate.source_id,
        reason=reason,
        promoted_by=publisher.promoted_by,
    )
    return publisher.channel.publish_promotion(
        request=request, signers=publisher.signers, now=publisher.now, supersede=publisher.supersede
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
