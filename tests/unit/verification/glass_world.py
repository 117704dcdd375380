"""A promotion that nobody approved, where approvals are asked for, with waivers of some people."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from channel_world import RegistryWorld
from securesystemslib.signer import CryptoSigner
from trust_world import NOW

from weighbridge.release import Release
from weighbridge.trust import (
    APPROVAL_TYPE,
    BREAK_GLASS_TYPE,
    Approvals,
    Gates,
    Promotion,
    Waiver,
    bundle,
    sign_statement,
)


def promote_with_glass(served: RegistryWorld, *, people: int) -> Promotion:
    """Promote a release that nobody approved, with waivers of so many people."""
    glass = [CryptoSigner.generate_ed25519() for _ in range(3)]
    keys = {signer.public_key.keyid: signer.public_key for signer in glass}
    policy = replace(
        served.world.policy,
        keys={**served.world.policy.keys, **keys},
        roles={**served.world.policy.roles, "breakglass": tuple(keys)},
        gates=Gates(approvals=Approvals(count=1, days=1)),
    )
    assert APPROVAL_TYPE not in policy.required_statements
    served.world.channel().set_policy(policy=policy, signers=served.world.signers.targets, now=NOW)
    release: Release = served.release("1.0.0")
    waiver = Waiver(
        channel="dev", waives=("approvals",), reason="fire", opened_at=NOW, expires=NOW + timedelta(hours=1)
    )
    said = [
        sign_statement(
            name=release.name, version=release.version, release=release.digest, predicate_type=BREAK_GLASS_TYPE,
            predicate=waiver.predicate(), signers=[signer],
        )
        for signer in glass[:people]
    ]  # fmt: skip
    return served.publish(release, statements=bundle([served.envelope(release), *said]))
