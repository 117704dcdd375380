"""Look at a release as a promotion would, gate by gate, and change nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from weighbridge.errors import (
    InputError,
    NothingPromotedError,
    RefusedError,
    RegistryNotFoundError,
    RevokedError,
    TrustError,
)
from weighbridge.layout import ChannelLayout
from weighbridge.names import check_name
from weighbridge.promotion.bundling import with_later_statements
from weighbridge.promotion.candidate import Candidate, promoted_candidate, registered_candidate
from weighbridge.registry import ArtifactoryClient
from weighbridge.trust import ChannelReader, ChannelState, Policy, Promotion
from weighbridge.trust.judging import Gate


@dataclass(frozen=True, slots=True)
class ChannelAccess:
    """One channel as its reader sees it. Source and target of a promotion lie in one registry."""

    layout: ChannelLayout
    reader: ChannelReader


@dataclass(frozen=True, slots=True)
class Examination:
    """Every gate that could be judged, in order. A gate that needs what an earlier one refused is not judged."""

    gates: tuple[Gate, ...]

    @property
    def passed(self) -> bool:
        """Whether a promotion would go on."""
        return all(gate.passed for gate in self.gates)


@dataclass(frozen=True, slots=True)
class Found:
    """The target's verified state, and the release with the bundle that a promotion would name."""

    state: ChannelState
    candidate: Candidate

    @property
    def head(self) -> Promotion | None:
        """What the target serves now."""
        promotions = self.state.promotions(self.state.name)
        return promotions[-1] if promotions else None

    def gates(self, *, promoted_by: str, now: datetime) -> tuple[Gate, ...]:
        """Judge everything that the target's metadata and policy say of the release."""
        found = (
            _gate("revocations", self._check_revoked),
            _gate("order", self._check_order),
        )
        return (*found, *self.candidate.judge(self.state.policy, promoted_by=promoted_by, now=now))

    def _check_revoked(self) -> str:
        release = self.candidate.release
        if self.state.is_revoked(release.digest):
            raise RevokedError(
                f"{release.name}:{release.version} ({release.digest}) is revoked in {self.state.channel}: promote another "
                "version"
            )
        return f"not among {len(self.state.revocations)} revoked releases"

    def _check_order(self) -> str:
        release, head = self.candidate.release, self.head
        if head is None:
            return "the first promotion"
        if head.release == release.digest:
            return "promoted already"
        if any(item.release == release.digest for item in self.state.promotions(self.state.name)):
            raise InputError(
                f"{release.name}:{release.version} was promoted in {self.state.channel} before and {head.version} came "
                f"after it: going back is `weighbridge promote {release.name} --rollback-to {release.version}`",
                rule="input.rollback",
            )
        return f"comes after {head.version}"


def find(
    *, client: ArtifactoryClient, target: ChannelAccess, source: ChannelAccess | None, name: str, version: str
) -> Found:
    """Verify a release at its source, and gather what was stated about it.

    Raises:
        NothingPromotedError, RevokedError, TrustError, IntegrityError: its source does not hold it as it should.
        RegistryError: the registry could not do it.
    """
    check_name(name, field="model name")
    check_name(version, field="version")
    state = target.reader.refresh(name)
    candidate = _candidate(client, target=target, source=source, state=state, version=version)
    layouts = (target.layout,) if source is None else (source.layout, target.layout)
    candidate = with_later_statements(client=client, candidate=candidate, layouts=layouts, policy=state.policy)
    return Found(state=state, candidate=candidate)


def examine(
    *,
    client: ArtifactoryClient,
    target: ChannelAccess,
    source: ChannelAccess | None,
    key_ids: tuple[str, ...],
    promoted_by: str,
    now: datetime,
    name: str,
    version: str,
) -> Examination:
    """Judge every gate between a release and a channel. Nothing is written.

    Args:
        key_ids: of the keys that would sign.
        promoted_by: who would promote, where the policy does not know whose the keys are.

    Raises:
        RegistryError: the registry could not answer; what it did not answer is not judged.
    """
    try:
        found = find(client=client, target=target, source=source, name=name, version=version)
    except RefusedError as error:
        return Examination(gates=(Gate(name="source", detail=str(error), error=error),))
    place = found.candidate.source or found.state.channel
    gates = [Gate(name="source", detail=f"{found.candidate.release.digest} in {place}")]
    try:
        promoted_by = authenticated(found.state.policy, key_ids=key_ids, claimed=promoted_by)
        gates.append(Gate(name="promoter", detail=promoted_by))
    except RefusedError as error:
        gates.append(Gate(name="promoter", detail=str(error), error=error))
    return Examination(gates=(*gates, *found.gates(promoted_by=promoted_by, now=now)))


def authenticated(policy: Policy, *, key_ids: tuple[str, ...], claimed: str) -> str:
    """Return who promotes: whose key signs, where the policy says whose the keys are; else what the caller claims.

    Raises:
        TrustError: rule `refused.promoter`, when the policy knows the keys' people, and not whose these are.
    """
    known = policy.gates.principals
    if not known:
        return claimed
    unknown = [key_id for key_id in key_ids if key_id not in known]
    if unknown or not key_ids:
        raise TrustError(
            f"{policy.channel}: its policy does not say whose the key {(unknown or ['-'])[0][:16]}... is: sign with a key that "
            "gates.principals names, or let the channel's owner name it",
            rule="refused.promoter",
        )
    return known[key_ids[0]]


def _gate(name: str, check: Callable[[], str]) -> Gate:
    try:
        return Gate(name=name, detail=check())
    except (RefusedError, InputError) as error:
        return Gate(name=name, detail=str(error), error=error)


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
        raise NothingPromotedError(f"{source.layout.channel}: is no whole channel to promote from: {error}") from error
    return promoted_candidate(client=client, layout=source.layout, state=source_state, version=version)
