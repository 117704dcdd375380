"""The one account and region of a local AWS, and how clients reach it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

ACCOUNT = "000000000000"
REGION = "eu-central-1"
SECRET_KEY = "local"  # noqa: S105 - nothing checks it


@dataclass(frozen=True, slots=True)
class Scope:
    """An account (twelve digits) and a region. MiniStack takes an access key of twelve digits for the account."""

    account: str = ACCOUNT
    region: str = REGION


class ClientOptions(TypedDict):
    """Arguments of `boto3.client`."""

    endpoint_url: str
    region_name: str
    aws_access_key_id: str
    aws_secret_access_key: str


def client_options(*, url: str, scope: Scope) -> ClientOptions:
    """Return what `boto3.client(NAME, **options)` needs, whatever the environment says."""
    return {
        "endpoint_url": url,
        "region_name": scope.region,
        "aws_access_key_id": scope.account,
        "aws_secret_access_key": SECRET_KEY,
    }


def variables(*, url: str, scope: Scope) -> dict[str, str]:
    """Return the environment variables by which SDKs find this AWS, and no other."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": scope.account,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_REGION": scope.region,
        "AWS_DEFAULT_REGION": scope.region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1,localhost",
    }
