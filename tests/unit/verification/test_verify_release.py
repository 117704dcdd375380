"""A promoted release is verified with one request beyond the channel's, and refused for every reason there is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from channel_world import LAYOUT, RegistryWorld
from trust_world import MODEL, NOW

from weighbridge.errors import (
    IntegrityError,
    NothingPromotedError,
    RefusedError,
    RegistryAuthError,
    RegistryUnavailableError,
    RevokedError,
    TrustError,
)
from weighbridge.layout import ChannelLayout
from weighbridge.names import Digest, ReleaseId
from weighbridge.registry import ArtifactoryClient, StaticToken
from weighbridge.trust import ChannelState, bundle
from weighbridge.verification import VerifiedRelease, make_record, parse_record, verify_release


def state(served: RegistryWorld) -> ChannelState:
    return served.world.reader().refresh(MODEL)


def verify(
    served: RegistryWorld,
    *,
    release_id: ReleaseId | None = None,
    client: ArtifactoryClient | None = None,
    layout: ChannelLayout = LAYOUT,
) -> VerifiedRelease:
    return verify_release(
        client=client or served.client(),
        layout=layout,
        state=state(served),
        name=MODEL,
        release_id=release_id,
    )


def test_the_head_is_verified_with_one_request(served: RegistryWorld) -> None:
    release = served.release("1.0.0")
    promotion = served.publish(release)
    client = served.client()
    verified = verify(served, client=client)
    assert client.requests_made == 1
    assert (verified.release, verified.digest) == (release, release.digest)
    assert verified.release_id == promotion.release_id
    assert [statement.predicate_type for statement in verified.statements] == ["https://slsa.dev/provenance/v1"]
    assert verified.floor.covers(state(served).versions)


def test_an_older_promotion_is_found_by_its_id(served: RegistryWorld) -> None:
    first = served.publish(served.release("1.0.0"))
    served.publish(served.release("2.0.0"))
    client = served.client()
    assert verify(served, release_id=first.release_id, client=client).release.version == "1.0.0"
    assert client.requests_made == 1


def test_nothing_promoted(served: RegistryWorld) -> None:
    with pytest.raises(NothingPromotedError, match="weighbridge promote"):
        verify(served)


@pytest.mark.parametrize("digest", [Digest.of(b"other"), None])
def test_an_id_that_the_channel_does_not_hold(served: RegistryWorld, digest: Digest | None) -> None:
    promotion = served.publish(served.release("1.0.0"))
    wrong = ReleaseId(sequence=1 if digest else 2, digest=digest or promotion.digest)
    with pytest.raises(TrustError, match="is no promotion of 'minilm' here") as refusal:
        verify(served, release_id=wrong)
    assert refusal.value.rule == "refused.promotion"


def test_a_revoked_release_is_refused_without_a_request(served: RegistryWorld) -> None:
    release = served.release("1.0.0")
    served.publish(release)
    served.revoke(release.digest, reason="trained on leaked data")
    client = served.client()
    with pytest.raises(RevokedError, match=r"minilm:1\.0\.0 .* trained on leaked data: promote another version"):
        verify(served, client=client)
    assert client.requests_made == 0


def test_a_missing_record_names_its_path(served: RegistryWorld) -> None:
    release = served.release("1.0.0")
    served.publish(release, record=False)
    with pytest.raises(
        TrustError, match=rf"dev-records/minilm/releases/{release.digest.hex}/records/[0-9a-f]{{64}}\.json"
    ) as refusal:
        verify(served)
    assert refusal.value.rule == "refused.missing-record"


def test_a_registry_that_is_down_is_no_refusal(served: RegistryWorld) -> None:
    served.publish(served.release("1.0.0"))
    served.registry.stop()
    with pytest.raises(RegistryUnavailableError):
        verify(served)


def test_a_wrong_token_is_no_missing_record(served: RegistryWorld) -> None:
    served.publish(served.release("1.0.0"))
    client = ArtifactoryClient(url=served.registry.url, tokens=StaticToken(token="wrong"))
    with pytest.raises(RegistryAuthError):
        verify(served, client=client)


def test_another_release_in_its_place(served: RegistryWorld) -> None:
    release, other = served.release("1.0.0"), served.release("1.0.1")
    served.publish(release)
    served.write_record(release.digest, make_record(release=other.to_bytes(), statements=served.statements(release)))
    with pytest.raises(IntegrityError, match=f"not to {release.digest}"):
        verify(served)


@pytest.mark.parametrize("changes", [{"version": "9.9.9"}, {"name": "other"}])
def test_a_promotion_under_another_name_or_version(served: RegistryWorld, changes: dict[str, str]) -> None:
    release = replace(served.release("1.0.0"), **changes)
    statements = served.statements(release)
    record = make_record(release=release.to_bytes(), statements=statements)
    served.write_record(release.digest, record, statements=statements)
    served.promote(release, statements=statements, version="1.0.0")
    with pytest.raises(TrustError, match=r"is for minilm:1\.0\.0, its release is") as refusal:
        verify(served)
    assert refusal.value.rule == "refused.release"


def test_records_of_another_channel(served: RegistryWorld) -> None:
    served.publish(served.release("1.0.0"))
    with pytest.raises(TrustError, match="'dev', not of 'prod'") as refusal:
        verify(served, layout=replace(LAYOUT, channel="prod"))
    assert refusal.value.rule == "refused.channel"


def test_a_statement_that_the_policy_needs_is_missing(served: RegistryWorld) -> None:
    served.publish(served.release("1.0.0"), statements=bundle([]))
    with pytest.raises(TrustError, match=r"needs a statement https://slsa\.dev/provenance/v1 signed by registrar") as e:
        verify(served)
    assert e.value.rule == "refused.missing-statement"


def test_statements_about_another_release(served: RegistryWorld) -> None:
    served.publish(served.release("1.0.0"), statements=served.statements(served.release("1.0.1")))
    with pytest.raises(TrustError, match="is not about minilm"):
        verify(served)


def test_statements_that_were_exchanged_after_the_promotion(served: RegistryWorld) -> None:
    release = served.release("1.0.0")
    served.publish(release)
    served.write_record(
        release.digest,
        make_record(
            release=release.to_bytes(), statements=bundle([served.envelope(release), served.envelope(release)])
        ),
    )
    with pytest.raises(IntegrityError, match="statements: the bytes hash to"):
        verify(served)


def test_a_base_model_that_the_policy_does_not_allow(served: RegistryWorld) -> None:
    served.publish(served.release("1.0.0"))
    policy = replace(served.world.policy, base_owners=("acme",))
    served.world.channel().set_policy(policy=policy, signers=served.world.signers.targets, now=NOW)
    with pytest.raises(TrustError) as refusal:
        verify(served)
    assert refusal.value.rule == "refused.base-owner"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'{"release":"{}"}',
        b'{"release":1,"statements":"{}"}',
        b'{"release":"","release":"","statements":""}',
    ],
)
def test_a_malformed_record_is_refused(served: RegistryWorld, data: bytes) -> None:
    release = served.release("1.0.0")
    served.publish(release)
    served.write_record(release.digest, data)
    with pytest.raises(RefusedError, match="record"):
        verify(served)


def test_a_record_gives_back_its_two_texts() -> None:
    assert parse_record(make_record(release=b"{}", statements=b'{"envelopes":[]}')) == (b"{}", b'{"envelopes":[]}')
