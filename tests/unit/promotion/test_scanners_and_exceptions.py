"""A policy asks for a scanner, and binds exceptions to a key of its own: at promotion, and past it at resolution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from securesystemslib.signer import CryptoSigner

from tests.unit.promotion.promotion_world import MODEL, NOW, PromotionWorld
from tests.unit.promotion.test_bundled_statements import demand, state
from weighbridge.canonical import Json, parse_object
from weighbridge.errors import TrustError
from weighbridge.inspection.released import inspect_registered
from weighbridge.promotion.candidate import Candidate
from weighbridge.registration import Registration
from weighbridge.trust import Gates
from weighbridge.trust.exceptions import PickleException, parse_exceptions, sign_exceptions
from weighbridge.trust.times import format_time
from weighbridge.verification import VerifiedRelease, verify_release

PICKLED = b"\x80\x04K\x01."
WHOLE: Json = {"name": "hayward", "version": "1.4.1", "complete": True, "files": 2}


@pytest.fixture
def inspector() -> CryptoSigner:
    return CryptoSigner.generate_ecdsa()


@pytest.fixture
def security() -> CryptoSigner:
    return CryptoSigner.generate_ecdsa()


def ask(
    world: PromotionWorld, inspector: CryptoSigner, *, scanner: str | None = None, security: CryptoSigner | None = None
) -> None:
    demand(world, inspector, "dev")
    policy = world.state("dev").policy
    if security is not None:
        key = security.public_key
        policy = replace(
            policy, keys={**policy.keys, key.keyid: key}, roles={**policy.roles, "exceptions": (key.keyid,)}
        )
    policy = replace(policy, gates=Gates(scanner=scanner))
    world.channel("dev").set_policy(policy=policy, signers=world.channels["dev"].signers.targets, now=NOW)


def resolve(world: PromotionWorld) -> VerifiedRelease:
    return verify_release(
        client=world.registry,  # type: ignore[arg-type]
        layout=world.channels["dev"].layout,
        state=world.state("dev"),
        name=MODEL,
    )


def refused_everywhere(world: PromotionWorld, monkeypatch: pytest.MonkeyPatch, rule: str) -> None:
    with pytest.raises(TrustError) as refusal:
        world.promote("1.0.0", to="dev")
    assert refusal.value.rule == rule
    assert world.state("dev").promotions(MODEL) == ()
    monkeypatch.setattr(Candidate, "judge", lambda *_, **__: ())
    world.promote("1.0.0", to="dev")
    with pytest.raises(TrustError) as refusal:
        resolve(world)
    assert refusal.value.rule == rule


def test_a_release_that_the_scanner_judged_passes(world: PromotionWorld, inspector: CryptoSigner) -> None:
    done = world.register("1.0.0")
    ask(world, inspector, scanner="hayward")
    state(world, done, inspector, scanners=[WHOLE])
    world.promote("1.0.0", to="dev")
    resolve(world)


@pytest.mark.parametrize(
    "scanners",
    [
        [],
        None,
        [None],
        "hayward",
        [{"name": "hayward", "version": "1", "complete": False}],
        [{"name": "hayward", "version": "1", "complete": "true"}],
        [{"name": "hayward", "version": "1"}],
        [{"name": "modelaudit", "version": "1", "complete": True}],
    ],
)
def test_without_the_scanners_whole_word_it_does_not(
    world: PromotionWorld, inspector: CryptoSigner, monkeypatch: pytest.MonkeyPatch, scanners: Json
) -> None:
    done = world.register("1.0.0")
    ask(world, inspector, scanner="hayward")
    state(world, done, inspector, scanners=scanners)
    refused_everywhere(world, monkeypatch, "refused.scanner")


def inspect(
    world: PromotionWorld, inspector: CryptoSigner, done: Registration, *, signed: bytes, keys: Sequence[CryptoSigner]
) -> None:
    """Inspect as the inspector, who believes `keys`, whatever the policy says of them."""
    found = inspect_registered(
        client=world.registry,  # type: ignore[arg-type]
        layout=world.channels["dev"].layout,
        name=MODEL,
        version=done.release.version,
        signer=inspector,
        now=NOW,
        exceptions=parse_exceptions(signed, keys=[key.public_key for key in keys]),
    )
    assert found.verdict == "clean"


def listed(done: Registration, *signers: CryptoSigner, hours: int = 1) -> bytes:
    (digest,) = (item.digest for item in done.release.components if item.path == "model.safetensors")
    item = PickleException(digest=digest, expires=NOW + timedelta(hours=hours), reason="replaced in Q4")
    return sign_exceptions([item], signers=signers)


def test_an_exception_by_the_policys_key_passes_until_its_end_and_goes_on_loading(
    world: PromotionWorld, inspector: CryptoSigner, security: CryptoSigner
) -> None:
    done = world.register("1.0.0", weights=PICKLED)
    ask(world, inspector, security=security)
    inspect(world, inspector, done, signed=listed(done, security), keys=[security])
    with pytest.raises(TrustError) as refusal:
        world.promote("1.0.0", to="dev", now=NOW + timedelta(hours=1))
    assert refusal.value.rule == "refused.exception"
    world.promote("1.0.0", to="dev", now=NOW + timedelta(minutes=59))
    assert resolve(world).release.digest == done.digest


@pytest.mark.parametrize("bound", [True, False])
def test_an_exception_by_a_key_that_the_inspector_chose_does_not(
    world: PromotionWorld, inspector: CryptoSigner, security: CryptoSigner, monkeypatch: pytest.MonkeyPatch, bound: bool
) -> None:
    other = CryptoSigner.generate_ecdsa()
    done = world.register("1.0.0", weights=PICKLED)
    ask(world, inspector, security=security if bound else None)
    inspect(world, inspector, done, signed=listed(done, other), keys=[other])
    refused_everywhere(world, monkeypatch, "refused.exception")


@pytest.mark.parametrize("lie", ["another end", "another file", "no list", "unsaid", "expired"])
def test_what_the_inspector_says_of_an_exception_is_compared_with_it(
    world: PromotionWorld, inspector: CryptoSigner, security: CryptoSigner, monkeypatch: pytest.MonkeyPatch, lie: str
) -> None:
    done = world.register("1.0.0", weights=PICKLED)
    ask(world, inspector, security=security)
    until: Json = format_time(NOW + timedelta(hours=2 if lie == "another end" else 1))
    path = "config.json" if lie == "another file" else "model.safetensors"
    lists: list[Json] = [parse_object(listed(done, security, hours=-1 if lie == "expired" else 1), what="list")]
    state(
        world, done, inspector,
        files=[{"path": "model.safetensors", "verdict": "clean", "rules": ["inspect.format.pickle"]}],
        excepted=[] if lie in ("unsaid", "expired") else [{"path": path, "until": until}],
        exceptions=lists if lie in ("another end", "another file", "expired") else [],
    )  # fmt: skip
    refused_everywhere(world, monkeypatch, "refused.exception")
