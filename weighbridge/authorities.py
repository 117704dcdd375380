"""Fetch the certificate authorities that a container is told to trust, and let every client of this process know them.

SageMaker's containers have no layers, and a variable of theirs holds 1024 characters: the file lies in S3 and is named by its
digest. It is fetched through AWS's public certificates, before anything is asked of the registry.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Protocol

from weighbridge.environment import RULE
from weighbridge.errors import InputError, IntegrityError

BUNDLE = "WEIGHBRIDGE_CA_BUNDLE"
BUNDLE_DIGEST = "WEIGHBRIDGE_CA_DIGEST"
_LARGEST = 1024 * 1024


class ObjectReader(Protocol):
    """Return the first `limit` bytes of an object in S3."""

    def __call__(self, *, bucket: str, key: str, limit: int) -> bytes: ...


def trusting_variables(path: Path) -> dict[str, str]:
    """Return the variables by which requests (frogml too), botocore and OpenSSL (httpx, huggingface_hub) trust `path`."""
    return dict.fromkeys(("REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE", "SSL_CERT_FILE"), str(path))


def with_public_authorities(bundle: Path) -> bytes:
    """Return the certificates of `bundle` (PEM) behind the public authorities, which are those that requests brings.

    Raises:
        InputError: when the file cannot be read.
    """
    import requests

    try:
        own = bundle.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"ca_bundle: {bundle} cannot be read: give a file of PEM certificates") from error
    public = Path(requests.utils.DEFAULT_CA_BUNDLE_PATH).read_text(encoding="utf-8")
    return f"{public.rstrip()}\n\n{own.strip()}\n".encode()


def read_object(*, bucket: str, key: str, limit: int) -> bytes:
    """Read from S3 as this process's role."""
    import boto3

    answer = boto3.client("s3").get_object(Bucket=bucket, Key=key)
    data: bytes = answer["Body"].read(limit)
    return data


def trust_authorities(
    environ: Mapping[str, str],
    *,
    own: MutableMapping[str, str] | None = None,
    read: ObjectReader = read_object,
) -> Path | None:
    """Fetch the bundle that `WEIGHBRIDGE_CA_BUNDLE` (`s3://BUCKET/KEY`) names, compare its digest, and let `own` name it.

    Args:
        environ: what this container was told.
        own: the environment to change; default: this process's.
        read: reads the object.

    Returns:
        The file, or None when no bundle is named.

    Raises:
        InputError: rule `input.environment`, for a malformed variable, or a bundle that cannot be read.
        IntegrityError: when the object is not the one that the digest names.
    """
    where = environ.get(BUNDLE)
    if not where:
        return None
    place = re.fullmatch(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/([^\s?#]+)", where)
    if place is None:
        raise InputError(f"{BUNDLE}: {where!r} is not of the form s3://BUCKET/KEY", rule=RULE)
    digest = re.fullmatch(r"sha256:([0-9a-f]{64})", environ.get(BUNDLE_DIGEST, ""))
    if digest is None:
        raise InputError(f"{BUNDLE_DIGEST}: is not of the form sha256:<64 hex digits>", rule=RULE)
    data = _read(read, bucket=place[1], key=place[2])
    if hashlib.sha256(data).hexdigest() != digest[1]:
        raise IntegrityError(f"{BUNDLE}: {where} is not the file that {BUNDLE_DIGEST} names: deploy again")
    path = Path(tempfile.mkdtemp(prefix="weighbridge-authorities-")) / "ca-bundle.pem"
    path.write_bytes(data)
    (os.environ if own is None else own).update(trusting_variables(path))
    return path


def _read(read: ObjectReader, *, bucket: str, key: str) -> bytes:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return read(bucket=bucket, key=key, limit=_LARGEST)
    except (BotoCoreError, ClientError) as error:
        raise InputError(
            f"{BUNDLE}: s3://{bucket}/{key} cannot be read ({type(error).__name__}): the role needs s3:GetObject on it",
            rule=RULE,
        ) from error
