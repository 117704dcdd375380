"""The release that is to be promoted, verified at its source as a reader would verify it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from weighbridge.bom import LOCK_LIMIT, altered, altered_lock
from weighbridge.errors import IntegrityError, NothingPromotedError, RefusedError, RegistryNotFoundError, TrustError
from weighbridge.layout import RELEASE_LOCK, ChannelLayout
from weighbridge.names import Digest, ReleaseId
from weighbridge.registration import find_release
from weighbridge.registry import ArtifactoryClient
from weighbridge.release import BOM_PATH, RELEASE_LIMIT, Release, parse_chunks, parse_release
from weighbridge.release.chunks import CHUNKS_LIMIT
from weighbridge.trust import ChannelState, Policy, Promotion, verify_bundle
from weighbridge.trust.inspected import refuse_ended_exceptions
from weighbridge.trust.judging import Case, Gate, judge
from weighbridge.trust.statements import BUNDLE_LIMIT
from weighbridge.verification import fetch_record, make_record, parse_record, refuse_revoked
from weighbridge.verification.gates import BOM_LIMIT, bom_findings, bom_licences
from weighbridge.verification.record import RECORD_LIMIT


@dataclass(frozen=True, slots=True)
class Candidate:
    """A verified release with the bytes of its records. `source` and `source_id` are None in the first channel.

    `sidecars` maps file name to bytes.
    """

    release: Release
    statements: bytes
    sidecars: Mapping[str, bytes]
    source: str | None
    source_id: ReleaseId | None
    source_promotion: Promotion | None = None

    @property
    def record(self) -> bytes:
        """The bytes of the record."""
        return make_record(release=self.release.to_bytes(), statements=self.statements)

    def judge(self, policy: Policy, *, promoted_by: str, now: datetime) -> tuple[Gate, ...]:
        """Judge the release and its statements by every gate of a channel's policy.

        Args:
            promoted_by: who promotes it into that channel.
            now: when.
        """
        try:
            statements = verify_bundle(
                data=self.statements,
                expected=Digest.of(self.statements),
                release=self.release.digest,
                name=self.release.name,
                version=self.release.version,
                policy=policy,
                image=self.release.runtime.image,
            )
            for item in statements:
                subject = f"{self.release.name}:{self.release.version}"
                refuse_ended_exceptions(item.predicate_type, item.predicate, subject=subject, now=now)
        except RefusedError as error:
            return (Gate(name="statements", detail=str(error), error=error),)
        bom = None if self.release.bom is None else self.sidecars[self.release.bom.path]
        case = Case(
            release=self.release,
            policy=policy,
            promoted_by=promoted_by,
            moment=now.replace(microsecond=0),
            statements=statements,
            has_source=self.source is not None,
            source=self.source_promotion,
            licences=None if bom is None or not policy.licences else bom_licences(bom, release=self.release),
            bill=bom_findings(
                bom,
                release=self.release,
                policy=policy,
                statements=statements,
                lock=self.sidecars.get(RELEASE_LOCK),
            ),
        )
        return (Gate(name="statements", detail=", ".join(policy.required_statements) or "none asked for"), *judge(case))


def registered_candidate(
    *, client: ArtifactoryClient, layout: ChannelLayout, state: ChannelState, version: str
) -> Candidate:
    """Return the release that is registered as NAME:VERSION in the first channel.

    Raises:
        RegistryNotFoundError: when none is, or its registration is half done.
        IntegrityError, TrustError: when its records are not sound.
    """
    name = state.name
    digest = find_release(client=client, layout=layout, name=name, version=version)
    try:
        data = _read(client, layout, layout.release_path(name=name, release=digest), RELEASE_LIMIT)
        statements = _read(client, layout, layout.statements_path(name=name, release=digest), BUNDLE_LIMIT)
        place = layout.record_path(name=name, release=digest, statements=Digest.of(statements))
        record = _read(client, layout, place, RECORD_LIMIT)
    except RegistryNotFoundError as error:
        raise RegistryNotFoundError(
            f"{layout.channel}: the registration of {name}:{version} is half done: repeat `weighbridge register`: "
            f"{error}",
            status=404,
        ) from error
    try:
        release = parse_release(data, expected=digest)
    except IntegrityError as error:
        raise IntegrityError(f"{error}{_altered_release(client, layout, data, name=name, digest=digest)}") from error
    if (release.name, release.version) != (name, version):
        raise TrustError(
            f"{layout.channel}: {name}:{version} leads to {release.name}:{release.version}", rule="refused.version"
        )
    sidecars = _sidecars(client, layout, release)
    found = Candidate(release=release, statements=statements, sidecars=sidecars, source=None, source_id=None)
    if record != found.record:
        raise IntegrityError(
            f"{layout.records_repository}: the record of {name}:{version} is not its release and statements"
        )
    return found


def promoted_candidate(
    *, client: ArtifactoryClient, layout: ChannelLayout, state: ChannelState, version: str
) -> Candidate:
    """Return the release that was promoted as NAME:VERSION in the source channel, verified there.

    Raises:
        NothingPromotedError: when the channel holds no promotion of this version.
        RevokedError, TrustError, IntegrityError: when it must not be used.
    """
    promotion = promotion_of(state, version)
    refuse_revoked(state=state, promotion=promotion)
    try:
        found = fetch_record(client=client, layout=layout, state=state, promotion=promotion)
    except IntegrityError as error:
        raise IntegrityError(f"{error}{_altered_record(client, layout, promotion)}") from error
    return Candidate(
        release=found.release,
        statements=found.bundle,
        sidecars=_sidecars(client, layout, found.release),
        source=state.channel,
        source_id=promotion.release_id,
        source_promotion=promotion,
    )


def promotion_of(state: ChannelState, version: str) -> Promotion:
    """Return the newest promotion of a version.

    Raises:
        NothingPromotedError: when there is none.
    """
    found = [item for item in state.promotions(state.name) if item.version == version]
    if not found:
        known = ", ".join(sorted({item.version for item in state.promotions(state.name)})) or "none"
        raise NothingPromotedError(
            f"{state.channel}: {state.name}:{version} was never promoted here (promoted versions: {known}): promote it "
            "with `weighbridge promote`"
        )
    return found[-1]


def _altered_record(client: ArtifactoryClient, layout: ChannelLayout, promotion: Promotion) -> str:
    name, digest = promotion.name, promotion.release
    path = layout.record_path(name=name, release=digest, statements=promotion.statements)
    try:
        data, _ = parse_record(_read(client, layout, path, RECORD_LIMIT))
    except (RefusedError, RegistryNotFoundError):
        return ""
    return "" if Digest.of(data) == digest else _altered_release(client, layout, data, name=name, digest=digest)


def _altered_release(
    client: ArtifactoryClient, layout: ChannelLayout, data: bytes, *, name: str, digest: Digest
) -> str:
    """Return which part of a release.json that was replaced differs from the bill of materials, for an error line."""
    path = f"{layout.release_folder(name=name, release=digest)}/{BOM_PATH}"
    try:
        return altered(_read(client, layout, path, BOM_LIMIT), parse_release(data, expected=Digest.of(data)))
    except (RefusedError, RegistryNotFoundError):
        return ""


def _sidecars(client: ArtifactoryClient, layout: ChannelLayout, release: Release) -> dict[str, bytes]:
    folder = layout.release_folder(name=release.name, release=release.digest)
    chunks = _read(client, layout, f"{folder}/{release.chunks.path}", CHUNKS_LIMIT)
    parse_chunks(chunks, release=release)
    found = {release.chunks.path: chunks}
    lock = _lock(client, layout, release)
    if release.bom is not None:
        bom = _read(client, layout, f"{folder}/{release.bom.path}", BOM_LIMIT)
        if (len(bom), Digest.of(bom)) != (release.bom.size, release.bom.digest):
            raise IntegrityError(
                f"{layout.records_repository}/{folder}/{release.bom.path}: is not the release's{altered(bom, release, lock=lock)}"
            )
        found[release.bom.path] = bom
    if lock is not None:
        if Digest.of(lock) != release.runtime.lock:
            why = altered_lock(lock, found.get(BOM_PATH))
            raise IntegrityError(f"{layout.records_repository}/{folder}/{RELEASE_LOCK}: is not the release's{why}")
        found[RELEASE_LOCK] = lock
    return found


def _lock(client: ArtifactoryClient, layout: ChannelLayout, release: Release) -> bytes | None:
    try:
        return _read(client, layout, layout.release_lock_path(name=release.name, release=release.digest), LOCK_LIMIT)
    except RegistryNotFoundError:
        return None


def _read(client: ArtifactoryClient, layout: ChannelLayout, path: str, limit: int) -> bytes:
    return client.read(repository=layout.records_repository, path=path, limit=limit)
