"""Sign one role's metadata, and refuse to publish what would not verify."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from securesystemslib.signer import Signer
from tuf.api.exceptions import RepositoryError, UnsignedMetadataError
from tuf.api.metadata import Metadata, Root, Snapshot, Targets, Timestamp
from tuf.api.serialization.json import JSONSerializer

from weighbridge.errors import InputError, TrustError, WeighbridgeError

T = TypeVar("T", Root, Timestamp, Snapshot, Targets)


def sign(metadata: Metadata[T], *, role: str, signers: Iterable[Signer], delegator: Root | Targets) -> bytes:
    """Replace the signatures of `metadata` by those of `signers` and return its bytes.

    Args:
        delegator: verified metadata that names the role's keys and threshold.

    Raises:
        InputError: rule `input.signer`, when a signer is not one of the role's keys, or too few sign.
        CloudError: when KMS could not sign.
    """
    wanted = delegator.get_delegated_role(role)
    metadata.signatures.clear()
    given = {signer.public_key.keyid: signer for signer in signers}
    foreign = [key_id for key_id in given if key_id not in wanted.keyids]
    if foreign:
        raise InputError(
            f"role {role}: key {foreign[0][:16]}... is not one of its keys: sign with a key that the role names",
            rule="input.signer",
        )
    if len(given) < wanted.threshold:
        raise InputError(
            f"role {role}: {len(given)} of the {wanted.threshold} distinct keys it needs were given",
            rule="input.signer",
        )
    for signer in given.values():
        _append(metadata, signer)
    verify(metadata, role=role, delegator=delegator)
    return metadata.to_bytes(JSONSerializer(compact=True))


def cosign(metadata: Metadata[T], *, role: str, signers: Iterable[Signer], delegator: Root | Targets) -> None:
    """Add the signatures of `signers` to those of others.

    Raises:
        InputError: rule `input.signer`, when a signer is not one of the role's keys; rule `input.signed`, when it has signed.
        CloudError: when KMS could not sign.
    """
    wanted = delegator.get_delegated_role(role)
    for signer in signers:
        key_id = signer.public_key.keyid
        if key_id not in wanted.keyids:
            raise InputError(
                f"role {role}: key {key_id[:16]}... is not one of its keys: sign with a key that the role names",
                rule="input.signer",
            )
        if key_id in metadata.signatures:
            raise InputError(
                f"role {role}: key {key_id[:16]}... signed this already: another promoter completes it with a key of their own",
                rule="input.signed",
            )
        _append(metadata, signer)


def sign_root(metadata: Metadata[Root], *, signers: Sequence[Signer], previous: Root | None) -> bytes:
    """Sign a root: with enough keys of its own, and of the previous root if there is one.

    Raises:
        TrustError: rule `refused.root`, when the signers reach one of the thresholds not.
        CloudError: when KMS could not sign.
    """
    metadata.signatures.clear()
    for signer in signers:
        _append(metadata, signer)
    for root in (metadata.signed, previous or metadata.signed):
        try:
            root.verify_delegate(Root.type, metadata.signed_bytes, metadata.signatures)
        except UnsignedMetadataError as error:
            raise TrustError(
                f"root version {metadata.signed.version}: {error}: give signers of the old and of the new root keys",
                rule="refused.root",
            ) from error
    return metadata.to_bytes(JSONSerializer(compact=True))


def verify(metadata: Metadata[T], *, role: str, delegator: Root | Targets) -> None:
    """Check the signatures of `metadata`; not its expiry, because an owner renews what has expired.

    Raises:
        TrustError: rule `refused.signature`.
    """
    try:
        delegator.verify_delegate(role, metadata.signed_bytes, metadata.signatures)
    except (RepositoryError, ValueError) as error:
        raise TrustError(
            f"role {role}, version {metadata.signed.version}: {error}", rule="refused.signature"
        ) from error


def _append(metadata: Metadata[T], signer: Signer) -> None:
    try:
        metadata.sign(signer, append=True)
    except UnsignedMetadataError as error:
        if isinstance(error.__cause__, WeighbridgeError):
            raise error.__cause__ from error
        raise
