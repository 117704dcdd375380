"""A container fetches the authorities that it was told of: the very file, or it does not start."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from weighbridge.authorities import trust_authorities
from weighbridge.errors import InputError, IntegrityError

DATA = b"-----BEGIN CERTIFICATE-----\n"
ENVIRON = {
    "WEIGHBRIDGE_CA_BUNDLE": "s3://assets-bucket/ab12.pem",
    "WEIGHBRIDGE_CA_DIGEST": f"sha256:{hashlib.sha256(DATA).hexdigest()}",
}


def read(*, bucket: str, key: str, limit: int) -> bytes:
    assert (bucket, key) == ("assets-bucket", "ab12.pem")
    return DATA[:limit]


def test_every_client_is_told_the_file() -> None:
    own: dict[str, str] = {}
    path = trust_authorities(ENVIRON, own=own, read=read)
    assert path is not None
    assert path.read_bytes() == DATA
    assert own == dict.fromkeys(("REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE", "SSL_CERT_FILE"), str(path))
    assert path.parent.stat().st_mode & 0o077 == 0


def test_without_the_variable_nothing_is_read_and_nothing_changes() -> None:
    own: dict[str, str] = {}

    def never(*, bucket: str, key: str, limit: int) -> bytes:
        raise AssertionError((bucket, key, limit))

    assert trust_authorities({}, own=own, read=never) is None
    assert own == {}


def test_another_file_is_not_trusted() -> None:
    own: dict[str, str] = {}
    with pytest.raises(IntegrityError, match="is not the file that WEIGHBRIDGE_CA_DIGEST names"):
        trust_authorities(ENVIRON, own=own, read=lambda *, bucket, key, limit: DATA + b"more")
    assert own == {}


def test_a_file_without_a_digest_is_not_trusted() -> None:
    own: dict[str, str] = {}
    with pytest.raises(InputError, match="WEIGHBRIDGE_CA_DIGEST: is not of the form"):
        trust_authorities({"WEIGHBRIDGE_CA_BUNDLE": ENVIRON["WEIGHBRIDGE_CA_BUNDLE"]}, own=own, read=read)
    assert own == {}


@pytest.mark.parametrize("where", ["https://bucket/key", "s3://bucket", "s3://B/key", "s3://bucket/a b", "/etc/ca.pem"])
def test_a_malformed_place_is_refused(where: str) -> None:
    with pytest.raises(InputError, match="is not of the form s3://BUCKET/KEY"):
        trust_authorities({**ENVIRON, "WEIGHBRIDGE_CA_BUNDLE": where}, own={}, read=read)


def test_what_s3_refuses_names_the_permission() -> None:
    def refuse(*, bucket: str, key: str, limit: int) -> bytes:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "GetObject")

    with pytest.raises(InputError, match="needs s3:GetObject on it") as caught:
        trust_authorities(ENVIRON, own={}, read=refuse)
    assert "\n" not in str(caught.value)
    assert not Path("ab12.pem").exists()
