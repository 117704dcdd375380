"""The bundle of statements that a promotion names: what came with the release, and what others stated since.

Statements that the target's policy cannot verify, or that lie under the name of a role that did not sign them, are left out, so
that junk in a folder of statements stops nobody; what the policy requires has to be among the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from weighbridge.canonical import Json
from weighbridge.errors import TrustError
from weighbridge.layout import ChannelLayout
from weighbridge.promotion.candidate import Candidate
from weighbridge.promotion.gathering import stated_envelopes
from weighbridge.registry import ArtifactoryClient
from weighbridge.trust import Policy, Statement, bundle
from weighbridge.trust.inspected import INSPECTION_TYPE
from weighbridge.trust.statements import envelopes_of, verify_envelope


def with_later_statements(
    *, client: ArtifactoryClient, candidate: Candidate, layouts: Sequence[ChannelLayout], policy: Policy
) -> Candidate:
    """Return the candidate with the bundle for a channel whose policy is `policy`.

    Args:
        layouts: channels in whose records statements about the release may lie.

    Raises:
        RegistryError: when one cannot be read.
    """
    release = candidate.release
    found: dict[str, tuple[Json, Statement]] = {}
    kept: list[tuple[str | None, Json]] = [(None, envelope) for envelope in envelopes_of(candidate.statements)]
    for layout in layouts:
        kept += _later(client, layout, candidate, policy)
    for role, envelope in kept:
        try:
            subject = f"{release.name}:{release.version}"
            statement = verify_envelope(
                envelope, subject=subject, release=release.digest, policy=policy, image=release.runtime.image
            )
        except TrustError:
            continue
        if role is not None and not set(statement.signed_by) <= set(policy.roles[role]):
            continue
        found.setdefault(repr(envelope), (envelope, statement))
    wanted = [item for item in _without_superseded(list(found.values()), policy=policy) if isinstance(item, dict)]
    source = candidate.source_promotion if policy.gates.needs_source else None
    return replace(candidate, statements=bundle(wanted, source=source))


def _later(
    client: ArtifactoryClient, layout: ChannelLayout, candidate: Candidate, policy: Policy
) -> Iterator[tuple[str, Json]]:
    release = candidate.release
    for folder in (
        layout.later_statements_folder(name=release.name, release=release.digest),
        layout.image_statements_folder(image=release.runtime.image),
    ):
        yield from stated_envelopes(
            client=client, repository=layout.records_repository, folder=folder, roles=policy.roles
        )


def _without_superseded(statements: Sequence[tuple[Json, Statement]], *, policy: Policy) -> Iterator[Json]:
    # An inspection that was repeated, say with a mended scanner, stands in place of the earlier one; nobody else's word does.
    last: dict[frozenset[str], str] = {}
    for _, item in statements:
        if item.predicate_type == INSPECTION_TYPE:
            roles = _roles(item, policy)
            last[roles] = max(last.get(roles, ""), _time(item))
    for envelope, item in statements:
        if item.predicate_type != INSPECTION_TYPE or _time(item) == last[_roles(item, policy)]:
            yield envelope


def _roles(statement: Statement, policy: Policy) -> frozenset[str]:
    return frozenset(role for role, key_ids in policy.roles.items() if not set(statement.signed_by).isdisjoint(key_ids))


def _time(statement: Statement) -> str:
    return str(statement.predicate.get("inspected_at", ""))
