"""Verify one promoted release: promotion, revocation, release.json, statements. One request to the registry."""

from __future__ import annotations

from dataclasses import dataclass

from weighbridge.bom import LOCK_LIMIT
from weighbridge.errors import RegistryNotFoundError, RevokedError, TrustError
from weighbridge.layout import ChannelLayout
from weighbridge.names import Digest, ReleaseId
from weighbridge.release import Release, parse_release
from weighbridge.trust import ChannelState, Floor, Promotion, Statement, verify_bundle
from weighbridge.trust.stores import RegistryReader
from weighbridge.verification.gates import BOM_LIMIT, enforce_gates
from weighbridge.verification.record import RECORD_LIMIT, parse_record


@dataclass(frozen=True, slots=True)
class VerifiedRelease:
    """A release for which the whole chain was verified. `floor` is what later readers must not go below.

    `waived` are gates of the policy that would have refused it, and that two people waived when it was promoted.
    """

    release: Release
    promotion: Promotion
    statements: tuple[Statement, ...]
    floor: Floor
    waived: frozenset[str] = frozenset()

    @property
    def digest(self) -> Digest:
        """The release digest."""
        return self.promotion.release

    @property
    def release_id(self) -> ReleaseId:
        """`SEQUENCE@sha256:PROMOTION_DIGEST`."""
        return self.promotion.release_id


@dataclass(frozen=True, slots=True)
class VerifiedRecord:
    """What a promotion's record holds, verified; `bundle` are the bytes of its statements."""

    release: Release
    statements: tuple[Statement, ...]
    bundle: bytes
    waived: frozenset[str]


def verify_release(
    *,
    client: RegistryReader,
    layout: ChannelLayout,
    state: ChannelState,
    name: str,
    release_id: ReleaseId | None = None,
) -> VerifiedRelease:
    """Return the release that a promotion names, after everything about it was verified.

    Args:
        client: the registry, as an identity that may read the channel's records.
        layout: the channel's repositories.
        state: the channel's verified metadata.
        name: model name.
        release_id: the promotion; None for the head.

    Raises:
        NothingPromotedError, RevokedError, TrustError, IntegrityError: it must not be deployed or loaded.
        RegistryError: the registry refused, or could not answer.
    """
    if state.channel != layout.channel:
        raise TrustError(
            f"the records are those of channel {state.channel!r}, not of {layout.channel!r}", rule="refused.channel"
        )
    promotion = state.head(name) if release_id is None else state.promotion(name, release_id)
    refuse_revoked(state=state, promotion=promotion)
    found = fetch_record(client=client, layout=layout, state=state, promotion=promotion)
    return VerifiedRelease(
        release=found.release,
        promotion=promotion,
        statements=found.statements,
        floor=state.versions,
        waived=found.waived,
    )


def refuse_revoked(*, state: ChannelState, promotion: Promotion) -> None:
    """Refuse a promotion whose release is on the revocation list.

    Raises:
        RevokedError: with the reason that security gave.
    """
    revocation = state.revocations.get(promotion.release)
    if revocation is not None:
        raise RevokedError(
            f"{promotion.name}:{promotion.version} ({promotion.release}) is revoked in {state.channel}: "
            f"{revocation.reason}: promote another version"
        )


def fetch_release(
    *, client: RegistryReader, layout: ChannelLayout, state: ChannelState, promotion: Promotion
) -> tuple[Release, tuple[Statement, ...]]:
    """Read and verify the release and the statements that a promotion names (its record).

    Raises:
        IntegrityError, TrustError: the records are not what the promotion says.
    """
    found = fetch_record(client=client, layout=layout, state=state, promotion=promotion)
    return found.release, found.statements


def fetch_record(
    *, client: RegistryReader, layout: ChannelLayout, state: ChannelState, promotion: Promotion
) -> VerifiedRecord:
    """Return what `fetch_release` does, and the verified bundle's bytes, for who promotes it further.

    Where the policy restricts licences or asks for a bill of materials, the bill costs a second request, and the lock file a third.

    Raises:
        IntegrityError, TrustError: the records are not what the promotion says, or a gate of the policy refuses them.
    """
    name, digest = promotion.name, promotion.release
    path = layout.record_path(name=name, release=digest, statements=promotion.statements)
    data, bundle = parse_record(_read(client, layout, path, limit=RECORD_LIMIT))
    release = parse_release(data, expected=digest)
    if (release.name, release.version) != (name, promotion.version):
        raise TrustError(
            f"promotion {promotion.release_id} is for {name}:{promotion.version}, its release is "
            f"{release.name}:{release.version}",
            rule="refused.release",
        )
    statements = verify_bundle(
        data=bundle,
        expected=promotion.statements,
        release=digest,
        name=name,
        version=promotion.version,
        policy=state.policy,
        image=release.runtime.image,
    )
    bom = None
    if (state.policy.licences or state.policy.gates.bom) and release.bom is not None:
        place = f"{layout.release_folder(name=name, release=digest)}/{release.bom.path}"
        bom = _read(client, layout, place, limit=BOM_LIMIT)
    waived = enforce_gates(
        state=state,
        promotion=promotion,
        release=release,
        statements=statements,
        bundle=bundle,
        bom=bom,
        lock=_lock(client, layout, release) if state.policy.gates.bom else None,
    )
    return VerifiedRecord(release=release, statements=statements, bundle=bundle, waived=waived)


def _lock(client: RegistryReader, layout: ChannelLayout, release: Release) -> bytes | None:
    path = layout.release_lock_path(name=release.name, release=release.digest)
    try:
        return client.read(repository=layout.records_repository, path=path, limit=LOCK_LIMIT)
    except RegistryNotFoundError:
        return None


def _read(client: RegistryReader, layout: ChannelLayout, path: str, *, limit: int) -> bytes:
    try:
        return client.read(repository=layout.records_repository, path=path, limit=limit)
    except RegistryNotFoundError as error:
        raise TrustError(
            f"{layout.records_repository}/{path} is promoted but missing: somebody removed it, or copying broke off",
            rule="refused.missing-record",
        ) from error
