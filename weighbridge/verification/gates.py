"""The policy's gates, judged again where a release is resolved or loaded, as they stood when it was promoted."""

from __future__ import annotations

from collections.abc import Sequence

from weighbridge.bom import BOM_LIMIT, Evidence, licences, parse_bom, score_release
from weighbridge.errors import TrustError
from weighbridge.release import Release
from weighbridge.trust import ChannelState, Policy, Promotion, Statement
from weighbridge.trust.gates import Gates
from weighbridge.trust.judging import Bill, Case, enforce
from weighbridge.trust.moments import check_place
from weighbridge.trust.statements import source_of_bundle

__all__ = ["BOM_LIMIT", "bom_findings", "bom_licences", "enforce_gates"]


def enforce_gates(
    *,
    state: ChannelState,
    promotion: Promotion,
    release: Release,
    statements: Sequence[Statement],
    bundle: bytes,
    bom: bytes | None,
    lock: bytes | None = None,
) -> frozenset[str]:
    """Refuse a promotion that a gate of the channel's policy should not have let pass; return the gates that were waived.

    Args:
        bundle: the verified bundle's bytes, which may hold the promotion in the channel before.
        bom: bytes of the release's bill of materials; needed where the policy restricts licences or asks for one.
        lock: bytes of the release's copy of its lock file, None without one; dependencies are verified by it.

    Raises:
        TrustError: as `weighbridge.trust.judging.enforce`; rule `refused.promotion`, for a rollback to what never was promoted;
            rule `refused.time`, for a time that its place in the channel or the clock gives the lie.
        IntegrityError: the bill is not the release's.
    """
    check_place(promotion, state=state)
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
        bill=bom_findings(bom, release=release, policy=state.policy, statements=statements, lock=lock),
    )
    return enforce(case)


def bom_licences(data: bytes, *, release: Release) -> tuple[str, ...]:
    """Return the licences that a release's bill of materials names: the model's, then those known of its base model and
    dependencies. A model whose licence is not known has none, whatever the others say.

    Raises:
        IntegrityError: when the bytes are not the bill that the release names.
        TrustError: rule `refused.json`.
    """
    found = dict(licences(parse_bom(data, release=release)))
    own = found.pop("model", ())
    return (*own, *(licence for names in found.values() for licence in names)) if own else ()


def bom_findings(
    data: bytes | None, *, release: Release, policy: Policy, statements: Sequence[Statement], lock: bytes | None
) -> Bill | None:
    """Return what the gate `bom` judges; None without a bill, or where the policy does not ask for one.

    Raises:
        IntegrityError, TrustError: as `bom_licences`.
    """
    if data is None or policy.gates.bom is None:
        return None
    evidence = Evidence(release=release, policy=policy, statements=statements, lock=lock)
    score = score_release(bom=data, evidence=evidence)
    assert score.consistency is not None
    return Bill(
        disagreements=tuple(str(item) for item in score.consistency.disagreements),
        unverified=tuple(item.title for item in score.critical),
    )


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
