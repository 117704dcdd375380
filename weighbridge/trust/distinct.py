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
            key states something of releases, too, or one of several promoters could sign alone in another's name.
    """
    signed = delegator.get_verification_result(name, metadata.signed_bytes, metadata.signatures).signed
    wanted = delegator.get_delegated_role(name)
    check_people(signed, name=name, threshold=wanted.threshold, policy=policy)
    check_duties(name=name, key_ids=wanted.keyids, threshold=wanted.threshold, policy=policy)


def check_duties(*, name: str, key_ids: Iterable[str], threshold: int, policy: Policy) -> None:
    """Check that a model's promoters can be told apart from whom the policy keeps them apart.

    Raises:
        TrustError: rule `refused.separation`.
    """
    if not policy.gates.separation:
        return
    both = sorted(set(key_ids) & policy.keys.keys())
    if both:
        raise TrustError(
            f"model {name}: key {both[0][:16]}... promotes and signs statements in {policy.channel}: give each role a key of "
            "its own",
            rule="refused.separation",
        )
    people = policy.gates.people(tuple(key_ids))
    if threshold == 1 and len(people) > 1:
        # Whoever signs again covers the promotions before, so that one signature does not tell who made which.
        raise TrustError(
            f"model {name}: any of {', '.join(sorted(people))} signs alone for {policy.channel} and could write another's name: "
            "let two of them sign (channel set-promoters --threshold 2), or say in the policy whose the keys are",
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
