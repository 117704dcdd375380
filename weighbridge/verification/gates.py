"""The policy's gates, judged again where a release is resolved or loaded, as they stood when it was promoted."""

from __future__ import annotations

from collections.abc import Sequence

from weighbridge import canonical
from weighbridge.canonical import Json
from weighbridge.errors import IntegrityError, TrustError
from weighbridge.names import Digest
from weighbridge.release import Release
from weighbridge.trust import ChannelState, Promotion, Statement
from weighbridge.trust.gates import Gates
from weighbridge.trust.judging import Case, enforce
from weighbridge.trust.statements import source_of_bundle

BOM_LIMIT = 64 * 1024 * 1024


def enforce_gates(
    *,
    state: ChannelState,
    promotion: Promotion,
    release: Release,
    statements: Sequence[Statement],
    bundle: bytes,
    bom: bytes | None,
) -> frozenset[str]:
    """Refuse a promotion that a gate of the channel's policy should not have let pass; return the gates that were waived.

    Args:
        bundle: the verified bundle's bytes, which may hold the promotion in the channel before.
        bom: bytes of the release's bill of materials; needed where the policy restricts licences.

    Raises:
        TrustError: as `weighbridge.trust.judging.enforce`; rule `refused.promotion`, for a rollback to what never was promoted.
        IntegrityError: the bill is not the release's.
    """
    first = _first(state, promotion)
    case = Case(
        release=release,
        policy=state.policy,
        promoted_by=first.promoted_by,
        moment=first.promoted_at,
        statements=statements,
        has_source=first.source is not None,
        source=source_of_bundle(bundle, expected=first.source_id),
        licences=None if bom is None else bom_licences(bom, release=release),
    )
    return enforce(case)


def bom_licences(data: bytes, *, release: Release) -> tuple[str, ...]:
    """Return the licences of the model in a release's bill of materials (CycloneDX, `metadata.component.licenses`).

    Raises:
        IntegrityError: when the bytes are not the bill that the release names.
        TrustError: rule `refused.json`.
    """
    if release.bom is None or (len(data), Digest.of(data)) != (release.bom.size, release.bom.digest):
        raise IntegrityError(
            f"{release.name}:{release.version}: this is not the bill of materials that the release names"
        )
    document = canonical.parse_object(data, what="bill of materials", limit=BOM_LIMIT)
    metadata = document.get("metadata")
    component = metadata.get("component") if isinstance(metadata, dict) else None
    found = component.get("licenses") if isinstance(component, dict) else None
    return tuple(_licence(item) for item in found) if isinstance(found, list) else ()


def _licence(item: Json) -> str:
    if isinstance(item, dict):
        named = item.get("license")
        values = [item.get("expression"), *((named.get("id"), named.get("name")) if isinstance(named, dict) else ())]
        for value in values:
            if isinstance(value, str):
                return value
    # What cannot be read is not allowed by any policy.
    return "unreadable"


def _first(state: ChannelState, promotion: Promotion) -> Promotion:
    """Going back repeats a promotion: it is judged as of then, so that an expired approval never keeps anybody from it."""
    if promotion.reason == "promote" or state.policy.gates == Gates():
        return promotion
    same = [
        item
        for item in state.promotions(promotion.name)
        if item.sequence < promotion.sequence
        and item.reason == "promote"
        and (item.release, item.statements) == (promotion.release, promotion.statements)
    ]
    if not same:
        raise TrustError(
            f"promotion {promotion.release_id} goes back to what {state.channel} never promoted: promote it",
            rule="refused.promotion",
        )
    return same[-1]
