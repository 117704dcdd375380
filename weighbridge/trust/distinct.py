"""Two keys of one person count once: who signed a model's role, as the policy names the people behind the keys."""

from __future__ import annotations

from collections.abc import Iterable

from tuf.api.metadata import Metadata, Targets

from weighbridge.errors import TrustError
from weighbridge.trust.policy import Policy


def check_promoters(metadata: Metadata[Targets], *, name: str, delegator: Targets, policy: Policy) -> None:
    """Check that enough distinct people signed a model's metadata, whose signatures are verified already.

    Raises:
        TrustError: rule `refused.one-person`; rule `refused.separation`, when the policy keeps duties apart and a promoter's
            key states something of releases, too.
    """
    signed = delegator.get_verification_result(name, metadata.signed_bytes, metadata.signatures).signed
    wanted = delegator.get_delegated_role(name)
    check_people(signed, name=name, threshold=wanted.threshold, policy=policy)
    both = sorted(set(wanted.keyids) & policy.keys.keys())
    if policy.gates.separation and both:
        raise TrustError(
            f"model {name}: key {both[0][:16]}... promotes and signs statements in {policy.channel}: give each role a key of "
            "its own",
            rule="refused.separation",
        )


def check_people(key_ids: Iterable[str], *, name: str, threshold: int, policy: Policy) -> None:
    """Check that the keys belong to at least `threshold` people.

    Raises:
        TrustError: rule `refused.one-person`.
    """
    people = policy.gates.people(tuple(key_ids))
    if len(people) < threshold:
        raise TrustError(
            f"model {name}: {', '.join(sorted(people))} alone signed for {policy.channel}, {threshold} distinct people must: "
            "let another promoter sign",
            rule="refused.one-person",
        )
