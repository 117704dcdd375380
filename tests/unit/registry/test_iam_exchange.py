"""A role's AWS identity becomes a registry token: what is signed and sent, when it is renewed, what is said when not."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import re
import threading
from collections.abc import Iterator

import pytest
import requests
from botocore.credentials import ReadOnlyCredentials
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from registry_world import TOKENS

from local.registry.config import AwsRoleConfig
from local.registry.process import RegistryProcess
from local.registry.standard import standard_config
from weighbridge.errors import InputError, RegistryAuthError, RegistryUnavailableError, WeighbridgeError
from weighbridge.registry import (
    ArtifactoryClient,
    IamExchangeToken,
    IamOrigin,
    SecretOrigin,
    SecretsManagerToken,
    check_role_arn,
    open_origin,
    read_origin,
)
from weighbridge.registry.identity_signature import QUERY, sign_identity

ROLE = "arn:aws:iam::111122223333:role/weighbridge-reader"
KEY = ReadOnlyCredentials("AKIDEXAMPLE", "secret-access-key-canary", "session-token-canary")
STRANGER = ReadOnlyCredentials("AKIDSTRANGER", "other", None)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryProcess]:
    base = standard_config(hub_url=None, tokens=TOKENS)
    roles = (AwsRoleConfig(iam_role=ROLE, access_keys=(KEY.access_key,)),)
    config = type(base)(repositories=base.repositories, users=base.users, permissions=base.permissions, aws_roles=roles)
    with RegistryProcess(folder=tmp_path_factory.mktemp("registry"), config=config) as found:
        origin = found.url.removesuffix("/artifactory")
        bound = requests.put(
            f"{origin}/access/api/v1/aws/iam_role",
            json={"username": "reader", "iam_role": ROLE},
            headers={"Authorization": f"Bearer {TOKENS['admin']}"},
            timeout=10,
        )
        assert bound.ok, bound.text
        yield found


@pytest.fixture(autouse=True)
def no_faults(registry: RegistryProcess) -> Iterator[None]:
    yield
    registry.clear_faults()


def exchange(
    registry: RegistryProcess, *, clock: Clock | None = None, key: object = KEY, **options: object
) -> IamExchangeToken:
    return IamExchangeToken(
        url=registry.url, credentials=lambda: key, clock=clock or Clock(), sleep=lambda _: None, **options
    )  # type: ignore[arg-type]


def exchanges(registry: RegistryProcess, *, since: int) -> int:
    return sum("/aws/token" in entry.path for entry in registry.requests(since=since))


def test_a_role_becomes_the_user_that_it_is_bound_to(registry: RegistryProcess) -> None:
    since = registry.last_request()
    ArtifactoryClient(url=registry.url, tokens=exchange(registry)).ping()
    assert [entry.user for entry in registry.requests(since=since)][-1] == "reader"


@pytest.mark.parametrize("region", [None, "eu-central-1"])
def test_the_signed_request_is_the_one_that_sts_takes(region: str | None) -> None:
    headers = sign_identity(KEY, region=region)
    assert set(headers) == {"Authorization", "X-Amz-Date", "X-Amz-Region-Set", "X-Amz-Security-Token"}
    assert headers["X-Amz-Region-Set"] == (region or "*")
    found = re.fullmatch(
        r"AWS4-ECDSA-P256-SHA256 Credential=AKIDEXAMPLE/(\d{8}/sts/aws4_request), SignedHeaders=(\S+), Signature=([0-9a-f]+)",
        headers["Authorization"],
    )
    assert found is not None, headers["Authorization"]
    scope, signed, signature = found.groups()
    sent = {name.lower(): value for name, value in headers.items()}
    sent["host"] = "sts.amazonaws.com" if region is None else f"sts.{region}.amazonaws.com"
    lines = [f"{name}:{sent[name]}" for name in signed.split(";")]
    canonical = "\n".join(["GET", "/", QUERY, *lines, "", signed, hashlib.sha256(b"").hexdigest()])
    text = "\n".join(
        ["AWS4-ECDSA-P256-SHA256", headers["X-Amz-Date"], scope, hashlib.sha256(canonical.encode()).hexdigest()]
    )
    _public_key(KEY).verify(bytes.fromhex(signature), text.encode(), ec.ECDSA(hashes.SHA256()))


def _public_key(key: ReadOnlyCredentials) -> ec.EllipticCurvePublicKey:
    """Derive SigV4a's key from a secret access key, as STS does (NIST SP 800-108, counter mode)."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    for counter in range(1, 255):
        message = b"\0\0\0\1AWS4-ECDSA-P256-SHA256\0" + key.access_key.encode() + bytes([counter]) + b"\0\0\1\0"
        number = int.from_bytes(hmac.digest(b"AWS4A" + key.secret_key.encode(), message, "sha256"), "big")
        if number <= order - 2:
            return ec.derive_private_key(number + 1, ec.SECP256R1()).public_key()
    raise AssertionError("no key")


def test_the_region_is_named_to_the_registry(registry: RegistryProcess) -> None:
    since = registry.last_request()
    assert exchange(registry, region="eu-central-1").token()
    assert registry.requests(since=since)[-1].path.endswith("/aws/token?region=eu-central-1")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("X-Amz-Region-Set", "us-east-1", "not the region"),
        ("X-Amz-Date", "20200101T000000Z", "not of now"),
        ("Host", "sts.amazonaws.com", "Host header"),
        ("X-Amz-Content-SHA256", "e3b0", "was not signed"),
        ("Authorization", "Bearer x", "not SigV4a"),
        ("X-Amz-Security-Token", None, "SignedHeaders"),
    ],
)
def test_the_embedded_endpoint_looks_at_what_was_signed(
    registry: RegistryProcess, name: str, value: str | None, words: str
) -> None:
    headers: dict[str, str | None] = {**sign_identity(KEY, region=None), name: value}
    origin = registry.url.removesuffix("/artifactory")
    answer = requests.post(f"{origin}/access/api/v1/aws/token", headers=headers, json={"expires_in": 60}, timeout=10)
    assert (answer.status_code, words in answer.text) == (403, True), answer.text


def test_a_token_is_kept_until_shortly_before_its_end(registry: RegistryProcess) -> None:
    clock, since = Clock(), registry.last_request()
    source = exchange(registry, clock=clock, expires_in=1000, margin=100.0)
    first = source.token()
    clock.now += 899.0
    assert source.token() == first
    clock.now += 1.0
    assert source.token() != first
    assert exchanges(registry, since=since) == 2


def test_threads_that_need_a_token_at_once_ask_once(registry: RegistryProcess) -> None:
    since = registry.last_request()
    source, found = exchange(registry), []
    start = threading.Barrier(8)

    def ask() -> None:
        start.wait()
        found.append(source.token())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(set(found)), exchanges(registry, since=since)) == (1, 1)


def test_a_token_that_is_refused_is_exchanged_anew(registry: RegistryProcess) -> None:
    source = exchange(registry)
    client = ArtifactoryClient(url=registry.url, tokens=source)
    revoked = source.token()
    origin = registry.url.removesuffix("/artifactory")
    requests.delete(
        f"{origin}/access/api/v1/tokens/me", headers={"Authorization": f"Bearer {revoked}"}, timeout=10
    ).raise_for_status()
    client.ping()
    assert source.token() != revoked


def test_a_silent_registry_leaves_a_token_that_is_not_over(registry: RegistryProcess) -> None:
    clock = Clock()
    source = exchange(registry, clock=clock, expires_in=1000, margin=100.0)
    first = source.token()
    folder_down = IamExchangeToken(
        url="http://127.0.0.1:9/artifactory", credentials=lambda: KEY, clock=clock, sleep=lambda _: None
    )
    source._url = folder_down._url
    clock.now += 950.0
    assert source.token() == first
    clock.now += 50.0
    with pytest.raises(RegistryUnavailableError, match="exchange of the AWS identity"):
        source.token()


def test_a_role_that_is_not_bound_is_told_what_to_do(registry: RegistryProcess) -> None:
    with pytest.raises(RegistryAuthError, match=r"403: No user is bound.*bind this role, which must have no path"):
        exchange(registry, key=STRANGER).token()
    with pytest.raises(RegistryAuthError, match="there are no AWS credentials"):
        exchange(registry, key=None).token()


def test_neither_token_nor_keys_are_shown(registry: RegistryProcess, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    source = exchange(registry)
    shown = [source.token()]
    text = repr(source) + repr(source._issued) + caplog.text + json.dumps(_errors(registry))
    for secret in (*shown, KEY.secret_key, str(KEY.token)):
        assert secret not in text


def _errors(registry: RegistryProcess) -> list[str]:
    found = []
    for key in (STRANGER, None):
        try:
            exchange(registry, key=key).token()
        except WeighbridgeError as error:
            found.append(str(error))
    return found


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:iam::111122223333:role/service-role/AmazonSageMaker-ExecutionRole",
        "arn:aws-cn:iam::111122223333:role/reader",
        "arn:aws:iam::111122223333:user/reader",
    ],
)
def test_a_role_that_no_registry_can_bind_is_refused(arn: str) -> None:
    with pytest.raises(InputError, match="give a role without a path") as refused:
        read_origin({"WEIGHBRIDGE_TOKEN_IAM": "1", "AWS_ROLE_ARN": arn})
    assert refused.value.rule == "input.role"
    assert check_role_arn(ROLE, field="role") == ROLE


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({}, "WEIGHBRIDGE_TOKEN_SECRET_ID: not set"),
        ({"WEIGHBRIDGE_TOKEN_IAM": "1", "WEIGHBRIDGE_TOKEN_SECRET_ID": "a"}, "comes from one of them"),
        ({"WEIGHBRIDGE_TOKEN_IAM": "yes"}, "write 1"),
        ({"WEIGHBRIDGE_TOKEN_IAM": "1", "WEIGHBRIDGE_TOKEN_IAM_REGION": "Frankfurt"}, "not an AWS region"),
        ({"WEIGHBRIDGE_TOKEN_IAM": "1", "WEIGHBRIDGE_TOKEN_IAM_EXPIRES_IN": "0"}, "whole number"),
    ],
)
def test_the_environment_names_exactly_one_origin(environ: dict[str, str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_origin(environ)


@pytest.mark.parametrize("origin", [SecretOrigin("a"), IamOrigin(), IamOrigin(region="eu-west-1", expires_in=900)])
def test_an_origin_is_read_from_the_variables_that_it_writes(origin: SecretOrigin | IamOrigin) -> None:
    assert read_origin(origin.variables()) == origin


def test_a_secret_is_read_in_the_region_that_its_arn_names() -> None:
    asked = []

    class Session:
        def client(self, service_name: str, **options: object) -> object:
            asked.append((service_name, options["region_name"]))
            return object()

        def get_credentials(self) -> None:
            return None

    for secret in ("name", "arn:aws:secretsmanager:eu-west-3:111122223333:secret:name-abcdef"):
        source = open_origin(SecretOrigin(secret), url="https://r/artifactory", session=Session())  # type: ignore[arg-type]
        assert isinstance(source, SecretsManagerToken)
    assert asked == [("secretsmanager", None), ("secretsmanager", "eu-west-3")]
