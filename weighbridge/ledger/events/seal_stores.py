"""Where seals lie: in a bucket with Object Lock, or in a folder. Each is written once, under the number it begins with."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from weighbridge.errors import CloudError, ConflictError, InputError
from weighbridge.ledger.events.seal import SEAL_LIMIT

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_PREFIX = "seals/"
_NAME = re.compile(r"[0-9]{15}\.json")


class SealStore(Protocol):
    """Keeps envelopes of seals. Implementations keep one contract (tests/unit/ledger)."""

    def put(self, *, first: int, data: bytes) -> None:
        """Write the seal that begins with entry `first`, once.

        Raises:
            ConflictError: when there is one.
            CloudError, InputError: when it cannot be written.
        """
        ...

    def all(self) -> Iterator[tuple[int, bytes]]:
        """Yield (first number, envelope) of every seal, in order.

        Raises:
            CloudError, InputError: when they cannot be read.
        """
        ...


class FolderSeals:
    """Seals as files of a folder, for one machine. Keep it on another disk than the ledger, or it proves little."""

    def __init__(self, *, folder: Path) -> None:
        self._folder = folder

    def put(self, *, first: int, data: bytes) -> None:
        """See `SealStore.put`."""
        path = self._folder / f"{first:015d}.json"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            draft = path.with_name(f".{path.name}.{os.getpid()}")
            draft.write_bytes(data)
            try:
                os.link(draft, path)
            finally:
                draft.unlink()
        except FileExistsError as error:
            raise _conflict(first) from error
        except OSError as error:
            raise InputError(f"seals {self._folder}: cannot be written: {error.strerror}") from error

    def all(self) -> Iterator[tuple[int, bytes]]:
        """See `SealStore.all`; other files are left out."""
        try:
            found = sorted(path for path in self._folder.glob("*.json") if _NAME.fullmatch(path.name))
            for path in found:
                yield int(path.stem), path.read_bytes()
        except OSError as error:
            raise InputError(f"seals {self._folder}: cannot be read: {error.strerror}") from error


class S3Seals:
    """Seals as objects `seals/NUMBER.json` of a bucket whose Object Lock keeps them (its default retention).

    Needs s3:PutObject to write; s3:GetObject and s3:ListBucket to read.
    """

    def __init__(self, *, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, *, first: int, data: bytes) -> None:
        """See `SealStore.put`; If-None-Match makes it a conditional write."""
        try:
            # Buckets with Object Lock want a checksum or Content-MD5: botocore sends CRC32 by itself since 1.36.
            self._client.put_object(Bucket=self._bucket, Key=_key(first), Body=data, IfNoneMatch="*")
        except (BotoCoreError, ClientError) as error:
            code = error.response.get("Error", {}).get("Code") if isinstance(error, ClientError) else None
            if code in ("PreconditionFailed", "ConditionalRequestConflict"):
                raise _conflict(first) from error
            raise CloudError(f"s3:PutObject {self._bucket}/{_key(first)}: {error}") from error

    def all(self) -> Iterator[tuple[int, bytes]]:
        """See `SealStore.all`; other objects are left out."""
        try:
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=_PREFIX)
            keys = [each["Key"] for page in pages for each in page.get("Contents", [])]
            for name in sorted(key.removeprefix(_PREFIX) for key in keys):
                if _NAME.fullmatch(name):
                    answer = self._client.get_object(Bucket=self._bucket, Key=_PREFIX + name)
                    yield int(name.removesuffix(".json")), answer["Body"].read(2 * SEAL_LIMIT + 1)
        except (BotoCoreError, ClientError) as error:
            raise CloudError(f"s3: seals of bucket {self._bucket}: {error}") from error


def _key(first: int) -> str:
    return f"{_PREFIX}{first:015d}.json"


def _conflict(first: int) -> ConflictError:
    return ConflictError(f"seals: one that begins with number {first} is there: somebody else sealed: read again")
