"""Signed statements about a release, and what the policy asks of them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from securesystemslib.signer import CryptoSigner, Signature, SSlibKey

from weighbridge import canonical
from weighbridge.canonical import JsonObject
from weighbridge.errors import InputError, IntegrityError, TrustError
from weighbridge.names import Digest
from weighbridge.release import BaseModel, Chunks, Component, Dataset, Lineage, Release, Runtime
from weighbridge.trust import Policy, bundle, provenance, sign_statement, verify_bundle
from weighbridge.trust.envelope import pae

PROVENANCE = "https://slsa.dev/provenance/v1"
SCAN = "urn:test:scan"
RELEASE = Digest.of(b"release")
REGISTRAR = CryptoSigner.generate_ecdsa()
INSPECTOR = CryptoSigner.generate_ed25519()
STRANGER = CryptoSigner.generate_ed25519()
POLICY = Policy(
    channel="prod",
    keys={signer.public_key.keyid: signer.public_key for signer in (REGISTRAR, INSPECTOR)},
    roles={"registrar": (REGISTRAR.public_key.keyid,), "inspector": (INSPECTOR.public_key.keyid,)},
    required_statements={PROVENANCE: ("registrar",)},
)


def envelope(**changes: object) -> JsonObject:
    arguments = {
        "name": "minilm",
        "version": "1.0.0",
        "release": RELEASE,
        "predicate_type": PROVENANCE,
        "predicate": {"k": "v"},
        "signers": [REGISTRAR],
    }
    return sign_statement(**{**arguments, **changes})  # type: ignore[arg-type]


def verify(data: bytes, **changes: object) -> object:
    arguments = {
        "data": data,
        "expected": Digest.of(data),
        "release": RELEASE,
        "name": "minilm",
        "version": "1.0.0",
        "policy": POLICY,
    }
    return verify_bundle(**{**arguments, **changes})  # type: ignore[arg-type]


def refused(data: bytes, rule: str, **changes: object) -> None:
    with pytest.raises(TrustError) as refusal:
        verify(data, **changes)
    assert refusal.value.rule == rule, str(refusal.value)


def test_published_dsse_vector() -> None:
    # secure-systems-lab/dsse, protocol.md, "Test Vectors": P-256 key, signature as r || s.
    public = ec.EllipticCurvePublicNumbers(
        46950820868899156662930047687818585632848591499744589407958293238635476079160,
        5640078356564379163099075877009565129882514886557779369047442380624545832820,
        ec.SECP256R1(),
    ).public_key()
    raw = base64.b64decode("A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA==")
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    key = SSlibKey.from_crypto(public, scheme="ecdsa-sha2-nistp256")
    message = pae(payload_type="http://example.com/HelloWorld", payload=b"hello world")
    assert message == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    key.verify_signature(Signature(key.keyid, der.hex()), message)


def test_lengths_are_in_bytes() -> None:
    assert pae(payload_type="é", payload="é\n".encode()) == b"DSSEv1 2 \xc3\xa9 3 \xc3\xa9\n"


def test_signed_statement_is_verified_and_returned() -> None:
    (statement,) = verify(bundle([envelope()]))  # type: ignore[misc]
    assert statement.predicate_type == PROVENANCE
    assert statement.predicate == {"k": "v"}
    assert statement.signed_by == (REGISTRAR.public_key.keyid,)


def test_a_further_statement_by_a_known_key_is_fine() -> None:
    scan = envelope(predicate_type=SCAN, signers=[INSPECTOR])
    assert len(verify(bundle([envelope(), scan]))) == 2  # type: ignore[arg-type]


def test_bytes_are_hashed_first() -> None:
    with pytest.raises(IntegrityError):
        verify(bundle([envelope()]), expected=Digest.of(b"other"))


def test_a_missing_required_statement_is_refused() -> None:
    refused(bundle([]), "refused.missing-statement")
    refused(bundle([envelope(predicate_type=SCAN, signers=[INSPECTOR])]), "refused.missing-statement")


def test_the_wrong_roles_key_is_refused() -> None:
    refused(bundle([envelope(signers=[INSPECTOR])]), "refused.missing-statement")


def test_nothing_required_needs_no_statement() -> None:
    assert verify(bundle([]), policy=replace(POLICY, required_statements={})) == ()


@pytest.mark.parametrize("changes", [{"release": Digest.of(b"x")}, {"name": "other"}, {"version": "2.0.0"}])
def test_a_statement_about_something_else_is_refused(changes: dict[str, object]) -> None:
    refused(bundle([envelope(**changes)]), "refused.statement")
    refused(bundle([envelope()]), "refused.statement", **changes)


@pytest.mark.parametrize("signers", [[STRANGER], [REGISTRAR, STRANGER]])
def test_an_unknown_key_is_refused(signers: list[CryptoSigner]) -> None:
    refused(bundle([envelope(signers=signers)]), "refused.statement")


def claim_known_key(item: JsonObject) -> None:
    item["signatures"][0]["keyid"] = REGISTRAR.public_key.keyid  # type: ignore[index,call-overload]


@pytest.mark.parametrize(
    "edit",
    [
        lambda item: item.update(signatures=[]),
        lambda item: item.update(signatures={}),
        lambda item: item.update(payloadType="application/json"),
        lambda item: item.update(payload="%%%"),
        lambda item: item.update(payload=None),
        lambda item: item.update(payload=item["payload"][:-8]),
        lambda item: item.update(extra=1),
        lambda item: item.pop("payloadType"),
        lambda item: item["signatures"][0].pop("keyid"),
        lambda item: item["signatures"][0].update(sig=""),
        lambda item: item["signatures"][0].update(sig="AAAA"),
        lambda item: item["signatures"][0].update(keyid=None),
        lambda item: item["signatures"][0].update(keyid=INSPECTOR.public_key.keyid),
        lambda item: item["signatures"].append("x"),
    ],
    ids=range(14),
)
def test_malformed_envelopes_are_refused(edit: Callable[[JsonObject], object]) -> None:
    item = json.loads(canonical.dump(envelope()))
    edit(item)
    refused(bundle([item]), "refused.statement")


def test_a_strangers_signature_under_a_known_key_id_is_refused() -> None:
    item = json.loads(canonical.dump(envelope(signers=[STRANGER])))
    claim_known_key(item)
    refused(bundle([item]), "refused.statement")


def resigned(payload: bytes) -> bytes:
    item = envelope()
    signature = REGISTRAR.sign(pae(payload_type="application/vnd.in-toto+json", payload=payload))
    item["payload"] = base64.b64encode(payload).decode()
    item["signatures"] = [
        {"keyid": signature.keyid, "sig": base64.b64encode(bytes.fromhex(signature.signature)).decode()}
    ]
    return bundle([item])


@pytest.mark.parametrize(
    "change",
    [
        {"_type": "https://in-toto.io/Statement/v0.1"},
        {"subject": []},
        {"subject": [{"name": "minilm:1.0.0", "digest": {"sha256": RELEASE.hex}}] * 2},
        {"subject": [{"name": "minilm:1.0.0", "digest": {"sha256": RELEASE.hex, "md5": "x"}}]},
        {"predicateType": None},
        {"predicate": []},
        {"more": 1},
    ],
    ids=range(7),
)
def test_a_well_signed_but_malformed_statement_is_refused(change: dict[str, object]) -> None:
    document = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "minilm:1.0.0", "digest": {"sha256": RELEASE.hex}}],
        "predicateType": PROVENANCE,
        "predicate": {},
    }
    assert verify(resigned(canonical.dump(document)))
    refused(resigned(canonical.dump({**document, **change})), "refused.statement")


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b'{"envelopes":{}}', b'{"envelopes":[1]}', b'{"envelopes":[],"x":1}']
)
def test_malformed_bundles_are_refused(data: bytes) -> None:
    with pytest.raises(TrustError):
        verify(data, policy=replace(POLICY, required_statements={}))


def test_nobody_signs_nothing() -> None:
    with pytest.raises(InputError, match="at least one signer"):
        envelope(signers=[])
    with pytest.raises(InputError, match="float"):
        envelope(predicate={"accuracy": 0.9})


def test_provenance_names_every_dependency_by_digest() -> None:
    release = Release(
        name="minilm",
        version="1.0.0",
        components=(Component(path="m", size=1, digest=Digest.of(b"m"), role="load"),),
        chunks=Chunks(size=1, digest=Digest.of(b"c")),
        runtime=Runtime(image=f"registry.example/image@sha256:{'0' * 64}", lock=Digest.of(b"lock")),
        lineage=Lineage(
            base_model=BaseModel(repository="owner/base", revision="a" * 40),
            datasets=(Dataset(name="train", digest=Digest.of(b"data")),),
            training_job="arn:aws:sagemaker:eu-central-1:111122223333:training-job/j",
            source_commit="b" * 40,
            parameters={"epochs": "1"},
        ),
    )
    predicate = provenance(release=release, builder="arn:aws:iam::111122223333:role/registrar")
    definition = predicate["buildDefinition"]
    assert isinstance(definition, dict)
    assert definition["resolvedDependencies"] == [
        {"name": "runtime image", "uri": "oci://registry.example/image", "digest": {"sha256": "0" * 64}},
        {"name": "lock file", "digest": {"sha256": Digest.of(b"lock").hex}},
        {"name": "base model", "uri": f"pkg:huggingface/owner/base@{'a' * 40}", "digest": {"gitCommit": "a" * 40}},
        {"name": "source", "digest": {"gitCommit": "b" * 40}},
        {"name": "dataset train", "digest": {"sha256": Digest.of(b"data").hex}},
    ]
    assert predicate["runDetails"] == {
        "builder": {"id": "arn:aws:iam::111122223333:role/registrar"},
        "metadata": {"invocationId": "arn:aws:sagemaker:eu-central-1:111122223333:training-job/j"},
    }
    data = bundle([envelope(predicate=predicate)])
    assert verify(data)
