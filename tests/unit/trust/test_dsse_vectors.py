"""Published test vectors: DSSE 1.0.2 (secure-systems-lab/dsse, protocol.md) and Ed25519 (RFC 8032, section 7.1)."""

from __future__ import annotations

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import CryptoSigner, Signature, SSlibKey
from trust_world import PROVENANCE

from weighbridge.errors import TrustError
from weighbridge.names import Digest
from weighbridge.trust import Policy, sign_statement
from weighbridge.trust.envelope import pae
from weighbridge.trust.statements import verify_envelope

TYPE, BODY = "http://example.com/HelloWorld", b"hello world"
PAE = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
X = 46950820868899156662930047687818585632848591499744589407958293238635476079160
Y = 5640078356564379163099075877009565129882514886557779369047442380624545832820
D = 97358161215184420915383655311931858321456579547487070936769975997791359926199
# r and s, 32 bytes each.
SIGNATURE = base64.b64decode("A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA==")
RFC8032 = (
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
)


def private() -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(D, ec.SECP256R1())


def public() -> SSlibKey:
    return SSlibKey.from_crypto(ec.EllipticCurvePublicNumbers(X, Y, ec.SECP256R1()).public_key())


def der(raw: bytes) -> str:
    return encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")).hex()


def test_the_encoding_that_is_signed() -> None:
    assert pae(payload_type=TYPE, payload=BODY) == PAE


@pytest.mark.parametrize(
    ("kind", "payload", "expected"),
    [("", b"", b"DSSEv1 0  0 "), ("é", b"\x00 1 ", b"DSSEv1 2 \xc3\xa9 4 \x00 1 ")],
)
def test_lengths_are_of_bytes(kind: str, payload: bytes, expected: bytes) -> None:
    assert pae(payload_type=kind, payload=payload) == expected


def test_the_published_signature_verifies_over_our_encoding() -> None:
    key = public()
    key.verify_signature(Signature(key.keyid, der(SIGNATURE)), pae(payload_type=TYPE, payload=BODY))
    assert private().public_key().public_numbers() == ec.EllipticCurvePublicNumbers(X, Y, ec.SECP256R1())


def test_signing_our_encoding_gives_the_published_signature() -> None:
    """With the nonce of RFC 6979, as the vector has it, so that not a bit is left to chance."""
    algorithm = ec.ECDSA(SHA256(), deterministic_signing=True)
    r, s = decode_dss_signature(private().sign(pae(payload_type=TYPE, payload=BODY), algorithm))
    assert r.to_bytes(32, "big") + s.to_bytes(32, "big") == SIGNATURE


@pytest.mark.parametrize("part", ["signature", "payload", "type", "not encoded"])
def test_with_anything_changed_the_published_signature_does_not(part: str) -> None:
    signature = bytearray(SIGNATURE)
    signature[40] ^= part == "signature"
    message = pae(
        payload_type=TYPE + ("x" if part == "type" else ""), payload=BODY + (b"!" if part == "payload" else b"")
    )
    key = public()
    with pytest.raises(UnverifiedSignatureError):
        key.verify_signature(Signature(key.keyid, der(bytes(signature))), BODY if part == "not encoded" else message)


@pytest.mark.parametrize(("key", "message", "signature"), RFC8032)
def test_ed25519(key: str, message: str, signature: str) -> None:
    found = SSlibKey.from_crypto(Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)))
    found.verify_signature(Signature(found.keyid, signature), bytes.fromhex(message))
    with pytest.raises(UnverifiedSignatureError):
        found.verify_signature(Signature(found.keyid, signature), bytes.fromhex(message) + b"!")


@pytest.mark.parametrize("changed", [False, True])
def test_an_envelope_signed_with_the_vectors_key(changed: bool) -> None:
    """Through our own doors: what `sign_statement` makes is what DSSE says, and `verify_envelope` reads no other."""
    signer = CryptoSigner(private(), public())
    release = Digest(hashlib.sha256(b"release").hexdigest())
    envelope = sign_statement(
        name="minilm", version="1.0.0", release=release, predicate_type=PROVENANCE, predicate={"a": "b"}, signers=[signer]
    )  # fmt: skip
    payload = base64.b64decode(str(envelope["payload"]))
    [said] = envelope["signatures"]  # type: ignore[misc, union-attr]
    private().public_key().verify(
        base64.b64decode(said["sig"]),  # type: ignore[index, call-overload, arg-type]
        b"DSSEv1 28 application/vnd.in-toto+json %d %b" % (len(payload), payload),
        ec.ECDSA(SHA256()),
    )
    key = signer.public_key
    policy = Policy(
        channel="dev", keys={key.keyid: key}, roles={"registrar": (key.keyid,)},
        required_statements={PROVENANCE: ("registrar",)},
    )  # fmt: skip
    if not changed:
        assert verify_envelope(envelope, subject="minilm:1.0.0", release=release, policy=policy).signed_by == (
            key.keyid,
        )
        return
    other = {**envelope, "payload": base64.b64encode(payload.replace(b'"b"', b'"c"')).decode()}
    with pytest.raises(TrustError) as refusal:
        verify_envelope(other, subject="minilm:1.0.0", release=release, policy=policy)
    assert refusal.value.rule == "refused.statement"
