"""S3 for the local SageMaker: the data of training jobs, and what they leave."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from local.aws.scope import Scope, client_options

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class Objects:
    """Objects of the local AWS's S3; called from the threads of training jobs."""

    def __init__(self, *, url: str, scope: Scope) -> None:
        self._options = client_options(url=url, scope=scope)

    def fetch(self, uri: str, folder: Path) -> None:
        """Copy every object below `uri` into `folder`, under its path relative to the URI.

        Raises:
            FileNotFoundError: when there is none.
        """
        client = self._client()
        bucket, prefix = _split(uri)
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        if not keys:
            raise FileNotFoundError(f"{uri}: no object is there")
        for key in keys:
            target = folder / (key.removeprefix(prefix).lstrip("/") or key.rpartition("/")[2])
            if not target.resolve().is_relative_to(folder.resolve()):
                raise FileNotFoundError(f"{uri}: the key {key!r} leads out of the channel")
            target.parent.mkdir(parents=True, exist_ok=True)
            client.download_file(bucket, key, str(target))

    def store(self, uri: str, path: Path) -> None:
        """Upload one file."""
        bucket, key = _split(uri)
        self._client().upload_file(str(path), bucket, key)

    def _client(self) -> S3Client:
        import boto3

        # A session of its own: boto3's default session is not safe to make clients from in two threads.
        client: S3Client = boto3.session.Session().client("s3", **self._options)
        return client


def _split(uri: str) -> tuple[str, str]:
    parts = urlsplit(uri)
    return parts.netloc, parts.path.lstrip("/")
