"""Key files and KMS keys."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from securesystemslib.signer import AWSSigner
from trust_world import World
from tuf.api.metadata import Metadata, Targets

from weighbridge.errors import CloudError, InputError
from weighbridge.trust import KmsSigner, RoleKeys, generate_key_file, load_signer
from weighbridge.trust.keys import standard_key_id

KEY_ID = "alias/promoter"


class StubKms:
    """KMS's two calls for one key, as the API reference has them (DIGEST: the message is hashed by the caller)."""

    def __init__(self, **public: object) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._public = public
        self.signed: list[bytes] = []
        self.failure: Exception | None = None
        self.hash_again = False

    def get_public_key(self, *, KeyId: str) -> dict[str, object]:  # noqa: N803
        self._check(KeyId)
        der = self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        answer = {
            "KeyId": "arn:aws:kms:eu-central-1:111122223333:key/1",
            "PublicKey": der,
            "KeySpec": "ECC_NIST_P256",
            "KeyUsage": "SIGN_VERIFY",
            "SigningAlgorithms": ["ECDSA_SHA_256"],
        }
        return {**answer, **self._public}

    def sign(self, *, KeyId: str, Message: bytes, MessageType: str, SigningAlgorithm: str) -> dict[str, object]:  # noqa: N803
        self._check(KeyId)
        assert (MessageType, SigningAlgorithm) == ("DIGEST", "ECDSA_SHA_256")
        assert len(Message) == 32
        self.signed.append(Message)
        digest = hashlib.sha256(Message).digest() if self.hash_again else Message
        return {"Signature": self._key.sign(digest, ec.ECDSA(Prehashed(hashes.SHA256())))}

    def _check(self, key_id: str) -> None:
        assert key_id == KEY_ID
        if self.failure is not None:
            raise self.failure


def pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, password: bytes | None = None) -> bytes:
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def kms_signer(client: StubKms) -> KmsSigner:
    return KmsSigner(client=client, key_id=KEY_ID)  # type: ignore[arg-type]


@pytest.mark.parametrize("scheme", ["ed25519", "ecdsa-sha2-nistp256"])
def test_generated_key_file_signs(tmp_path: Path, scheme: str) -> None:
    path = tmp_path / "key.pem"
    public = generate_key_file(path, scheme=scheme)  # type: ignore[arg-type]
    assert path.stat().st_mode & 0o777 == 0o600
    signer = load_signer(f"file:{path}")
    assert signer.public_key == public
    assert (public.scheme, public.keyid) == (scheme, standard_key_id(public))
    public.verify_signature(signer.sign(b"payload"), b"payload")


def test_a_key_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    generate_key_file(path)
    before = path.read_bytes()
    with pytest.raises(InputError, match="cannot be made"):
        generate_key_file(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key.pem"
    generate_key_file(path)
    path.chmod(mode)
    with pytest.raises(InputError, match="chmod 600"):
        load_signer(f"file:{path}")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"garbage",
        pem(ec.generate_private_key(ec.SECP256R1()), b"password"),
        pem(ec.generate_private_key(ec.SECP384R1())),
        pem(rsa.generate_private_key(65537, 2048)),
    ],
    ids=["empty", "garbage", "encrypted", "p384", "rsa"],
)
def test_other_key_files_are_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(data)
    path.chmod(0o600)
    with pytest.raises(InputError) as refusal:
        load_signer(f"file:{path}")
    assert refusal.value.rule == "input.signer"
    assert "BEGIN" not in str(refusal.value)


@pytest.mark.parametrize("uri", ["", "file", "file:", "awskms:", "https://example.com/key", "file2:x", "awskms:key"])
def test_other_uris_are_refused(uri: str) -> None:
    with pytest.raises(InputError):
        load_signer(uri)


def test_missing_key_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.pem"):
        load_signer(f"file:{tmp_path / 'gone.pem'}")


def test_kms_signs_the_digest_and_verifies_with_the_public_key() -> None:
    client = StubKms()
    signer = load_signer(f"awskms:{KEY_ID}", kms_client=client)  # type: ignore[arg-type]
    payload = b"x" * 10_000
    signature = signer.sign(payload)
    assert client.signed == [hashlib.sha256(payload).digest()]
    signer.public_key.verify_signature(signature, payload)
    assert signer.public_key.keyid == standard_key_id(signer.public_key)


def test_kms_key_has_the_id_that_securesystemslib_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    client = StubKms()
    monkeypatch.setattr("securesystemslib.signer._aws_signer.boto3.client", lambda service: client)
    _, key = AWSSigner.import_(KEY_ID)
    assert kms_signer(client).public_key == key


def test_kms_signature_that_does_not_verify_is_never_used() -> None:
    client = StubKms()
    client.hash_again = True
    with pytest.raises(CloudError, match="does not verify"):
        kms_signer(client).sign(b"payload")


@pytest.mark.parametrize(
    "public", [{"KeySpec": "RSA_2048"}, {"KeyUsage": "KEY_AGREEMENT"}, {"KeySpec": "ECC_NIST_P384"}]
)
def test_other_kms_keys_are_refused(public: dict[str, str]) -> None:
    with pytest.raises(InputError, match="ECC_NIST_P256"):
        kms_signer(StubKms(**public))


@pytest.mark.parametrize(
    "failure",
    [
        ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "Sign"),
        EndpointConnectionError(endpoint_url="https://kms.example"),
    ],
)
def test_kms_failures_name_the_call_and_the_key(failure: Exception) -> None:
    client = StubKms()
    signer = kms_signer(client)
    client.failure = failure
    with pytest.raises(CloudError, match=f"kms:Sign with {KEY_ID}"):
        signer.sign(b"payload")
    with pytest.raises(CloudError, match="kms:GetPublicKey"):
        kms_signer(client)


def test_kms_signs_promotions_and_its_failure_reaches_the_promoter(world: World) -> None:
    client = StubKms()
    signer = kms_signer(client)
    now = Metadata[Targets].from_bytes(world.store.fetch("1.targets.json", 10**6)).signed.expires.replace(year=2026)
    channel = world.channel()
    channel.add_model(name="large", promoters=RoleKeys.of([signer]), signers=world.signers.targets, now=now)
    client.failure = ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow"}}, "Sign")
    with pytest.raises(CloudError, match="Throttling"):
        channel.publish_promotion(request=world.request(name="large"), signers=[signer], now=now)
    client.failure = None
    assert channel.publish_promotion(request=world.request(name="large"), signers=[signer], now=now).sequence == 1
    assert world.reader(now=now).refresh("large").head("large").release == world.request().release
