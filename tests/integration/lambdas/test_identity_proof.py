"""A proof of identity, checked by an STS on loopback that verifies SigV4 as AWS does: it serves for one order and one caller."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials, ReadOnlyCredentials

from weighbridge.approvals import IdentityProof, StsWitness, prove_identity
from weighbridge.errors import CloudError, TrustError
from weighbridge.names import Digest

REGION = "eu-central-1"
ORDER, OTHER = Digest.of(b"order"), Digest.of(b"another")
ANN = ReadOnlyCredentials("AKIAANN", "secret-of-ann", "token-of-ann")
PEOPLE = {"AKIAANN": ("secret-of-ann", "arn:aws:sts::111111111111:assumed-role/approvers/ann")}


class Sts:
    """Verifies the signature over exactly the headers that it covers. `hosts` are those that were asked for."""

    def __init__(self) -> None:
        self.hosts: list[str] = []
        self.status = 200
        sts = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                sts.hosts.append(self.headers["Host"])
                status, body = sts.answer(self.path, dict(self.headers.items()))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def answer(self, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
        if self.status != 200:
            return self.status, b"<Error/>"
        authorization = headers["Authorization"]
        access_key = authorization.partition("Credential=")[2].partition("/")[0]
        covered = authorization.partition("SignedHeaders=")[2].partition(",")[0].split(";")
        secret, arn = PEOPLE[access_key]
        lower = {name.lower(): value for name, value in headers.items()}
        request = AWSRequest(
            method="GET", url=f"https://{lower['host']}{path}", headers={name: lower[name] for name in covered}
        )
        request.context["timestamp"] = lower["x-amz-date"]
        auth = SigV4Auth(Credentials(access_key, secret, lower.get("x-amz-security-token")), "sts", REGION)
        wanted = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
        if authorization.rpartition("Signature=")[2] != wanted:
            return 403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>"
        return 200, f"<GetCallerIdentityResult><Arn>{arn}</Arn></GetCallerIdentityResult>".encode()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def sts() -> Iterator[Sts]:
    made = Sts()
    yield made
    made.stop()


def refused(sts: Sts, proof: IdentityProof, *, order: Digest = ORDER) -> None:
    with pytest.raises(TrustError) as refusal:
        StsWitness(region=REGION, endpoint=sts.url).caller(proof, order=order)
    assert refusal.value.rule == "refused.identity"


def test_sts_says_who_signed(sts: Sts) -> None:
    proof = prove_identity(ANN, region=REGION, order=ORDER)
    assert "secret-of-ann" not in str(proof.to_json())
    found = StsWitness(region=REGION, endpoint=sts.url).caller(proof, order=ORDER)
    assert found == "arn:aws:sts::111111111111:assumed-role/approvers/ann"
    assert sts.hosts == [f"sts.{REGION}.amazonaws.com"]


def test_a_proof_serves_for_its_own_order_alone(sts: Sts) -> None:
    refused(sts, prove_identity(ANN, region=REGION, order=OTHER))


def test_a_proof_that_covers_no_order_is_not_even_sent(sts: Sts) -> None:
    request = AWSRequest(
        method="GET", url=f"https://sts.{REGION}.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15"
    )
    SigV4Auth(Credentials(*ANN[:3]), "sts", REGION).add_auth(request)
    names = ("Authorization", "X-Amz-Date", "X-Amz-Security-Token")
    refused(sts, IdentityProof(headers={name: request.headers[name] for name in names}))
    assert sts.hosts == []


def test_anothers_name_in_the_credential_is_refused(sts: Sts) -> None:
    PEOPLE["AKIABOB"] = ("secret-of-bob", "arn:aws:iam::111111111111:user/bob")
    headers = dict(prove_identity(ANN, region=REGION, order=ORDER).headers)
    headers["Authorization"] = headers["Authorization"].replace("AKIAANN", "AKIABOB")
    refused(sts, IdentityProof(headers=headers))


def test_a_proof_for_another_region_is_refused(sts: Sts) -> None:
    refused(sts, prove_identity(ANN, region="us-east-1", order=ORDER))


def test_sts_that_is_away_says_nothing_about_anybody(sts: Sts) -> None:
    sts.status = 503
    with pytest.raises(CloudError):
        StsWitness(region=REGION, endpoint=sts.url).caller(prove_identity(ANN, region=REGION, order=ORDER), order=ORDER)
