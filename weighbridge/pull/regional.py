"""The regional cache: a bucket of digest-named objects in the same region, so that scaling out does not fall on Artifactory.

Artifactory stays the source of truth, and nothing in the bucket is believed: what comes from it is hashed like everything
else, and whatever fails there is fetched from Artifactory instead. Keys, below the prefix:

    sha256/HEX                     a file, or a sidecar
    state/CHANNEL/ROOT/NAME.json   a channel's metadata, and
    records/REPOSITORY/PATH        its records: what a start needs beside the files (see standby.py)
    leases/HEX/SLOT                who fetches a file from Artifactory at present; a lifecycle rule may delete them

A lease is a conditional write (`If-None-Match: *`) under the number of the present time slot, so it needs no renewal and
no release, and one that is left behind by a crash ends with its slot. Two instances may fetch the same file when a slot
ends or clocks differ; that costs bytes, never correctness.
Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from boto3.exceptions import S3UploadFailedError
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError

from weighbridge.names import Digest

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LEASE_FROM = 8 * 1024 * 1024
_SIGNED_SECONDS = 3600
_SLOWEST = 20_000_000
_SHORTEST_LEASE = 60.0
_PART = 16 * 1024 * 1024


class RegionalCache:
    """One bucket, as an identity that may read it and, unless `writes` is false, write it.

    Args:
        client: S3, in the bucket's region.
        bucket: its name.
        prefix: put before every key; ends in `/` when it is not empty.
        writes: whether to put what was fetched from Artifactory into the bucket.
        poll_seconds: how long to wait before looking again for a file that somebody else fetches.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        *,
        client: S3Client,
        bucket: str,
        prefix: str = "",
        writes: bool = True,
        poll_seconds: float = 1.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.writes = writes
        self._client = client
        self._bucket = bucket
        self._prefix = prefix
        self._poll = poll_seconds
        self._clock = clock

    def __repr__(self) -> str:
        return f"RegionalCache(bucket={self._bucket!r}, prefix={self._prefix!r})"

    def url_for(self, digest: Digest) -> str:
        """Return a signed URL of the object; made locally, valid for an hour."""
        return self._client.generate_presigned_url(
            "get_object",
            Params={"Bucket": self._bucket, "Key": self._key(f"sha256/{digest.hex}")},
            ExpiresIn=_SIGNED_SECONDS,
        )

    def put(self, digest: Digest, path: Path, *, progress: Callable[[int], None] | None = None) -> bool:
        """Store a file whose bytes were verified; false when S3 refused, which no pull fails for.

        `progress` is called with the number of bytes sent since the last call; what it raises ends the upload.
        """
        key = self._key(f"sha256/{digest.hex}")
        config = TransferConfig(multipart_threshold=_PART, multipart_chunksize=_PART, max_concurrency=4)
        try:
            self._client.upload_file(str(path), self._bucket, key, Callback=progress, Config=config)
        except (S3UploadFailedError, ClientError, BotoCoreError, OSError):
            return False
        return True

    def claim(self, digest: Digest, *, size: int) -> bool:
        """Whether this caller is the one to fetch the file from Artifactory, for the present time slot.

        True also when the bucket cannot be written: then everybody helps themselves.
        """
        slot = int(self._clock() / max(_SHORTEST_LEASE, size / _SLOWEST))
        try:
            self._client.put_object(
                Bucket=self._bucket, Key=self._key(f"leases/{digest.hex}/{slot}"), Body=b"", IfNoneMatch="*"
            )
        except ClientError as error:
            return str(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")) not in ("409", "412")
        except BotoCoreError:
            return True
        return True

    def wait_seconds(self) -> float:
        """Return how long to wait for somebody else's file before looking again; never the same for all."""
        return self._poll * (0.5 + random.random())  # noqa: S311 - no secret

    def patience(self, size: int) -> float:
        """Return the seconds after which a caller stops waiting for somebody else and fetches the file itself."""
        return 2 * max(_SHORTEST_LEASE, size / _SLOWEST)

    def read(self, key: str, *, limit: int) -> bytes | None:
        """Return a small object, None when it is missing, longer than `limit`, or S3 cannot answer."""
        try:
            found = self._client.get_object(Bucket=self._bucket, Key=self._key(key))
            data = found["Body"].read(limit + 1)
        except (ClientError, BotoCoreError, OSError):
            return None
        return data if len(data) <= limit else None

    def write(self, key: str, data: bytes) -> bool:
        """Store a small object; false when S3 refused, which no pull fails for."""
        try:
            self._client.put_object(Bucket=self._bucket, Key=self._key(key), Body=data)
        except (ClientError, BotoCoreError):
            return False
        return True

    def _key(self, key: str) -> str:
        return f"{self._prefix}{key}"
