"""Read everything that a release's bill of materials is held against: its record, lock file, texts and what runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from weighbridge.bom import BOM_LIMIT, LOCK_LIMIT, TEXTS, Evidence
from weighbridge.errors import InputError, NothingPromotedError, RegistryNotFoundError
from weighbridge.layout import ChannelLayout
from weighbridge.names import Digest, ReleaseId
from weighbridge.promotion.bundling import with_later_statements
from weighbridge.promotion.candidate import promotion_of, registered_candidate
from weighbridge.registry import ArtifactoryClient
from weighbridge.release import Release
from weighbridge.trust import ChannelState, Promotion, Statement
from weighbridge.trust.statements import envelopes_of, verify_envelope
from weighbridge.verification import verify_release


@dataclass(frozen=True, slots=True)
class KnownRelease:
    """A verified release with its bill's bytes, which nobody compared yet; `place` says where it was found.

    `texts` are the files that a bill is composed from, their digests compared with the release.
    """

    place: str
    bom: bytes
    evidence: Evidence
    texts: Mapping[str, bytes]


def read_known(
    *,
    client: ArtifactoryClient,
    layout: ChannelLayout,
    state: ChannelState,
    version: str | None,
    deployed: ReleaseId | None = None,
) -> KnownRelease:
    """Return a release that is promoted in a channel, else the one that is registered there as `version`.

    Args:
        state: the channel's verified metadata for the model.
        version: None for the head.
        deployed: the release id that an environment is pointed at.

    Raises:
        InputError: the release has no bill of materials.
        RefusedError, RegistryError: as `weighbridge.verification.verify_release` and `registered_candidate`.
    """
    release, statements, place = _found(client, layout, state, version)
    if release.bom is None:
        raise InputError(
            f"{release.name}:{release.version}: was registered without a bill of materials", rule="input.bom"
        )
    folder = layout.release_folder(name=release.name, release=release.digest)
    bom = _read(client, layout.records_repository, f"{folder}/{release.bom.path}", BOM_LIMIT)
    if bom is None:
        raise RegistryNotFoundError(f"{layout.records_repository}/{folder}/{release.bom.path}: is gone", status=404)
    lock = _read(
        client,
        layout.records_repository,
        layout.release_lock_path(name=release.name, release=release.digest),
        LOCK_LIMIT,
    )
    runs = None if deployed is None else state.promotion(state.name, deployed).release
    return KnownRelease(
        place=place,
        bom=bom,
        evidence=Evidence(release=release, policy=state.policy, statements=statements, lock=lock, deployed=runs),
        texts=_texts(client, layout, release),
    )


def _found(
    client: ArtifactoryClient, layout: ChannelLayout, state: ChannelState, version: str | None
) -> tuple[Release, tuple[Statement, ...], str]:
    try:
        promotion: Promotion = state.head(state.name) if version is None else promotion_of(state, version)
    except NothingPromotedError:
        if version is None:
            raise
        return _registered(client, layout, state, version)
    found = verify_release(client=client, layout=layout, state=state, name=state.name, release_id=promotion.release_id)
    return found.release, found.statements, f"{state.channel}, promoted as number {promotion.sequence}"


def _registered(
    client: ArtifactoryClient, layout: ChannelLayout, state: ChannelState, version: str
) -> tuple[Release, tuple[Statement, ...], str]:
    candidate = registered_candidate(client=client, layout=layout, state=state, version=version)
    candidate = with_later_statements(client=client, candidate=candidate, layouts=(layout,), policy=state.policy)
    release = candidate.release
    # What the policy requires may not be stated yet: that is missing in the score, and no reason to have none.
    statements = tuple(
        verify_envelope(
            envelope,
            subject=f"{release.name}:{version}",
            release=release.digest,
            policy=state.policy,
            image=release.runtime.image,
        )
        for envelope in envelopes_of(candidate.statements)
    )
    return release, statements, f"{state.channel}, registered"


def _texts(client: ArtifactoryClient, layout: ChannelLayout, release: Release) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for item in release.components:
        if item.path in TEXTS and item.size <= TEXTS[item.path]:
            path = layout.weights_path(name=release.name, version=release.version, path=item.path)
            data = _read(client, layout.models_repository, path, TEXTS[item.path])
            if data is not None and Digest.of(data) == item.digest:
                found[item.path] = data
    return found


def _read(client: ArtifactoryClient, repository: str, path: str, limit: int) -> bytes | None:
    try:
        return client.read(repository=repository, path=path, limit=limit)
    except RegistryNotFoundError:
        return None
