"""Keys that sign: PEM files and AWS KMS keys, behind securesystemslib's `Signer`."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from botocore.exceptions import BotoCoreError, ClientError
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_private_key
from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import CryptoSigner, Key, SecretsHandler, Signature, Signer, SSlibKey

from weighbridge.errors import CloudError, InputError

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

KeyScheme = Literal["ed25519", "ecdsa-sha2-nistp256"]


def load_signer(uri: str, *, kms_client: KMSClient | None = None) -> Signer:
    """Return the signer that `uri` names; its `public_key` is a TUF key under its standard key id.

    Args:
        uri: `file:PATH` (PEM private key, Ed25519 or ECDSA P-256, mode 0600) or `awskms:KEY` (key id, ARN or alias of
            an ECC_NIST_P256 key).
        kms_client: a boto3 KMS client, needed for `awskms:`.

    Raises:
        InputError: when the URI, the file or the key is not of these kinds.
        CloudError: when KMS refuses or does not answer.
    """
    scheme, colon, rest = uri.partition(":")
    if not colon or not rest or scheme not in ("file", "awskms"):
        raise InputError(f"signer {uri!r}: give file:PATH or awskms:KEY", rule="input.signer")
    if scheme == "file":
        return _load_key_file(Path(rest))
    if kms_client is None:
        raise InputError(f"signer {uri!r}: needs a KMS client (AWS credentials and region)", rule="input.signer")
    return KmsSigner(client=kms_client, key_id=rest)


def generate_key_file(path: Path, *, scheme: KeyScheme = "ed25519") -> Key:
    """Make a new private key in a new file `path` (PEM PKCS#8, unencrypted, mode 0600) and return its public key.

    Raises:
        InputError: when something lies at `path` already, or it cannot be written.
    """
    signer = CryptoSigner.generate_ed25519() if scheme == "ed25519" else CryptoSigner.generate_ecdsa()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise InputError(f"key file {path}: cannot be made: {error.strerror}", rule="input.signer") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(signer.private_bytes)
    return signer.public_key


class KmsSigner(Signer):
    """Signs with an asymmetric KMS key; the private key never leaves KMS.

    KMS signs a SHA-256 digest made here (MessageType=DIGEST: RAW messages are capped at 4,096 bytes), and every
    signature is verified here with the public key before it is used. Needs kms:GetPublicKey and kms:Sign.

    Raises:
        InputError: when the key is not an ECC_NIST_P256 signing key.
        CloudError: when KMS refuses or does not answer.
    """

    def __init__(self, *, client: KMSClient, key_id: str) -> None:
        self._client = client
        self._key_id = key_id
        try:
            answer = client.get_public_key(KeyId=key_id)
        except (BotoCoreError, ClientError) as error:
            raise CloudError(f"kms:GetPublicKey of {key_id}: {error}") from error
        if answer["KeySpec"] != "ECC_NIST_P256" or answer["KeyUsage"] != "SIGN_VERIFY":
            raise InputError(
                f"KMS key {key_id}: is {answer['KeySpec']} for {answer['KeyUsage']}: "
                "make a key with spec ECC_NIST_P256 and usage SIGN_VERIFY",
                rule="input.signer",
            )
        key = load_der_public_key(answer["PublicKey"])
        self._public_key = SSlibKey.from_crypto(key, scheme="ecdsa-sha2-nistp256")

    @property
    def public_key(self) -> Key:
        """The public key, under its standard key id."""
        return self._public_key

    @classmethod
    def from_priv_key_uri(
        cls, priv_key_uri: str, public_key: Key, secrets_handler: SecretsHandler | None = None
    ) -> Signer:
        """Not used: securesystemslib's registry of URIs makes its own clients.

        Raises:
            InputError: always; `load_signer` takes the client.
        """
        del public_key, secrets_handler
        raise InputError(f"signer {priv_key_uri!r}: use load_signer with a KMS client", rule="input.signer")

    def sign(self, payload: bytes) -> Signature:
        """Sign SHA-256 of `payload`.

        Raises:
            CloudError: when KMS refuses, does not answer, or returns a signature that does not verify.
        """
        try:
            answer = self._client.sign(
                KeyId=self._key_id,
                Message=hashlib.sha256(payload).digest(),
                MessageType="DIGEST",
                SigningAlgorithm="ECDSA_SHA_256",
            )
        except (BotoCoreError, ClientError) as error:
            raise CloudError(f"kms:Sign with {self._key_id}: {error}") from error
        signature = Signature(self._public_key.keyid, answer["Signature"].hex())
        try:
            self._public_key.verify_signature(signature, payload)
        except UnverifiedSignatureError as error:
            raise CloudError(
                f"kms:Sign with {self._key_id}: the signature does not verify with the key's own public key"
            ) from error
        return signature


def _load_key_file(path: Path) -> Signer:
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            data = file.read()
    except OSError as error:
        raise InputError(f"key file {path}: cannot be read: {error.strerror}", rule="input.signer") from error
    if mode & 0o077:
        raise InputError(f"key file {path}: others may read it (mode {mode:04o}): chmod 600", rule="input.signer")
    try:
        key = load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InputError(f"key file {path}: not an unencrypted PEM private key", rule="input.signer") from error
    is_p256 = isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1)
    if not is_p256 and not isinstance(key, ed25519.Ed25519PrivateKey):
        raise InputError(f"key file {path}: neither Ed25519 nor ECDSA P-256", rule="input.signer")
    return CryptoSigner(key)
