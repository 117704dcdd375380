"""Who states something of a release, and policies that ask for it, over the two channels of `promotion_world`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from securesystemslib.signer import CryptoSigner

from tests.unit.promotion.promotion_world import MODEL, NOW, PromotionWorld
from weighbridge.canonical import JsonObject
from weighbridge.errors import TrustError
from weighbridge.names import Digest
from weighbridge.registration import Registration
from weighbridge.release import Release
from weighbridge.serving import ContainerEnvironment, RegistryChain
from weighbridge.trust import (
    APPROVAL_TYPE,
    BREAK_GLASS_TYPE,
    Approval,
    ChannelState,
    Gates,
    Waiver,
    bundle,
    sign_statement,
)
from weighbridge.verification import VerifiedRelease, verify_release


class Roles:
    """The keys of those who state something, and the policy that names them."""

    approver, inspector, builder = (CryptoSigner.generate_ecdsa() for _ in range(3))
    glass = tuple(CryptoSigner.generate_ed25519() for _ in range(3))

    def __init__(self, world: PromotionWorld) -> None:
        self.world = world

    def demand(self, *, to: str = "prod", required: Mapping[str, str] | None = None, **gates: object) -> None:
        found = self.world.channels[to]
        held = {
            "approver": [self.approver], "inspector": [self.inspector], "image_builder": [self.builder],
            "breakglass": list(self.glass),
        }  # fmt: skip
        keys = {item.public_key.keyid: item.public_key for items in held.values() for item in items}
        policy = replace(
            found.policy,
            keys={**found.policy.keys, **keys},
            roles={**found.policy.roles, **{r: tuple(i.public_key.keyid for i in items) for r, items in held.items()}},
            required_statements={
                **found.policy.required_statements, **{kind: (role,) for kind, role in (required or {}).items()},
            },
            gates=Gates(**gates),  # type: ignore[arg-type]
        )  # fmt: skip
        self.world.channel(to).set_policy(policy=policy, signers=found.signers.targets, now=NOW)

    def say(
        self, done: Registration, kind: str, predicate: JsonObject, signer: CryptoSigner, *, role: str, to: str = "prod"
    ) -> None:
        envelope = sign_statement(
            name=MODEL, version=done.release.version, release=done.digest, predicate_type=kind, predicate=predicate,
            signers=[signer],
        )  # fmt: skip
        data, layout = bundle([envelope]), self.world.channels[to].layout
        path = layout.later_statement_path(name=MODEL, release=done.digest, role=role, bundle=Digest.of(data))
        self.world.registry.deploy_bytes(repository=layout.records_repository, path=path, data=data)

    def approve(
        self, done: Registration, who: str, *, at: datetime = NOW, days: int = 7, channel: str = "prod"
    ) -> None:
        approval = Approval(
            channel=channel, approver=who, reason="looked at", approved_at=at, expires=at + timedelta(days=days),
            event="sha256:" + "c" * 64,
        )  # fmt: skip
        self.say(done, APPROVAL_TYPE, approval.predicate(), self.approver, role="approver")

    def waive(self, done: Registration, signer: CryptoSigner, *gates: str, at: datetime = NOW, hours: int = 1) -> None:
        waiver = Waiver(channel="prod", waives=gates, reason="fire", opened_at=at, expires=at + timedelta(hours=hours))
        self.say(done, BREAK_GLASS_TYPE, waiver.predicate(), signer, role="breakglass")


def in_dev(world: PromotionWorld, version: str = "1.0.0") -> Registration:
    done = world.register(version)
    world.promote(version, to="dev", by="dora")
    return done


def resolve(world: PromotionWorld, channel: str = "prod") -> VerifiedRelease:
    """Return the channel's head as a resolver sees it; a container that starts with it must say the same, or refuse by that rule."""
    state = world.state(channel)
    try:
        found = verify_release(
            client=world.registry,  # type: ignore[arg-type]
            layout=world.channels[channel].layout,
            state=state,
            name=MODEL,
        )
    except TrustError as error:
        refused = error
    else:
        assert start_container(world, state).digest == found.digest
        return found
    with pytest.raises(TrustError) as refusal:
        start_container(world, state)
    assert refusal.value.rule == refused.rule
    raise refused


def start_container(world: PromotionWorld, state: ChannelState) -> Release:
    """Verify the head as a container does before it loads a byte of it."""
    head, layout = state.head(MODEL), world.channels[state.channel].layout
    environment = ContainerEnvironment.read(
        {
            "WEIGHBRIDGE_RELEASE": f"{world.registry.host}/{layout.models_repository}/{MODEL}:{head.version}@{head.release}",
            "WEIGHBRIDGE_PROMOTION": str(head.release_id),
            "WEIGHBRIDGE_ROOT": str(world.channels[state.channel].root),
            "WEIGHBRIDGE_FLOOR": str(state.versions),
            "WEIGHBRIDGE_CHANNEL": state.channel,
            "WEIGHBRIDGE_REGISTRY_URL": world.registry.url,
            "WEIGHBRIDGE_MODELS_REPOSITORY": layout.models_repository,
            "WEIGHBRIDGE_RECORDS_REPOSITORY": layout.records_repository,
            "WEIGHBRIDGE_TOKEN_SECRET_ID": "reader",
            "WEIGHBRIDGE_ML_ROOT": str(world.folder / "ml"),
        }
    )
    chain = RegistryChain(client=world.registry, now=world.clock)  # type: ignore[arg-type]
    return chain.verify(environment)
