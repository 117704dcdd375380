"""Trusted metadata in the S3 bucket of the construct `ResolutionRecords`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from weighbridge.errors import CloudError, ConflictError
from weighbridge.names import Digest
from weighbridge.resolution import kept_metadata as kept

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# 412: the object changed since it was read; 409: another conditional write was under way; 404: it was removed since.
_LOST = ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey", "412", "409", "404")


class S3Metadata:
    """Records in `bucket`, written with If-Match and If-None-Match.

    Needs s3:GetObject, s3:PutObject and s3:ListBucket (else a missing object looks like a forbidden one).
    Source: S3 User Guide, "How to prevent object overwrites with conditional writes".
    """

    def __init__(self, *, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def load(self, *, channel: str, root: Digest) -> dict[str, bytes]:
        """See `TrustedMetadataStore.load`."""
        return kept.to_files(self._read(kept.record_path(channel=channel, root=root))[0])

    def save(self, *, channel: str, root: Digest, files: Mapping[str, bytes]) -> None:
        """See `TrustedMetadataStore.save`."""
        key, seen = kept.record_path(channel=channel, root=root), kept.kept_of(files)
        for _ in range(kept.ATTEMPTS):
            stored, etag = self._read(key)
            merged = kept.merge(stored, seen)
            if merged == stored or self._put(key, kept.to_bytes(merged), etag=etag):
                return
        raise ConflictError(
            f"s3://{self._bucket}/{key}: changed {kept.ATTEMPTS} times while it was written: run the deployment again"
        )

    def _read(self, key: str) -> tuple[kept.Kept, str | None]:
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=key)
            return kept.parse(answer["Body"].read()), answer["ETag"]
        except self._client.exceptions.NoSuchKey:
            return {}, None
        except (BotoCoreError, ClientError) as error:
            raise CloudError(f"s3:GetObject on s3://{self._bucket}/{key}: {error}") from error

    def _put(self, key: str, data: bytes, *, etag: str | None) -> bool:
        try:
            if etag is None:
                self._client.put_object(Bucket=self._bucket, Key=key, Body=data, IfNoneMatch="*")
            else:
                self._client.put_object(Bucket=self._bucket, Key=key, Body=data, IfMatch=etag)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _LOST:
                return False
            raise CloudError(f"s3:PutObject on s3://{self._bucket}/{key}: {error}") from error
        except BotoCoreError as error:
            raise CloudError(f"s3:PutObject on s3://{self._bucket}/{key}: {error}") from error
        return True
