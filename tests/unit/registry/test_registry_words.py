"""Errors: one line with the registry's own words, the right kind, and never a token."""

from __future__ import annotations

import io
import logging
import traceback
from pathlib import Path

import pytest
import responses
from registry_world import RECORDS, TOKENS, World

from local.registry.process import Fault
from weighbridge.errors import (
    InputError,
    RegistryAuthError,
    RegistryConflictError,
    RegistryError,
    RegistryForbiddenError,
    RegistryNotFoundError,
    RegistryUnavailableError,
)
from weighbridge.registry import ArtifactoryClient, StaticToken

URL = "https://registry.example.com/artifactory"
FILE = f"{RECORDS}/x"


@pytest.mark.parametrize("shape", ["artifactory", "access", "html"])
def test_the_words_come_through_in_every_shape(world: World, shape: str) -> None:
    words = "Artifact download request rejected by policy 'no-unscanned'"
    world.registry.add_fault(Fault(kind="status", path=FILE, status=403, message=words, shape=shape))
    with pytest.raises(RegistryForbiddenError) as refused:
        world.client().read(repository=RECORDS, path="x", limit=10)
    assert words in str(refused.value)
    assert "<" not in str(refused.value)
    assert "\n" not in str(refused.value)
    assert "ask for the permission, or see the blocking policy" in str(refused.value)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RegistryError),
        (401, RegistryAuthError),
        (403, RegistryForbiddenError),
        (404, RegistryNotFoundError),
        (409, RegistryConflictError),
        (500, RegistryUnavailableError),
    ],
)
def test_a_status_is_one_kind_of_error(world: World, status: int, kind: type[RegistryError]) -> None:
    world.registry.add_fault(Fault(kind="status", path=FILE, status=status))
    with pytest.raises(RegistryError) as refused:
        world.client(attempts=1).read(repository=RECORDS, path="x", limit=10)
    assert type(refused.value) is kind
    assert refused.value.status == status
    assert refused.value.exit_code == 3


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"messages": [{"level": "ERROR", "message": "no such item"}]}', "no such item"),
        (b'{"errors": [{"code": "NOT_FOUND", "message": "by access"}]}', "by access"),
        (b'{"errors": []}', '{"errors": []}'),
        (b"", "no message"),
        (b"\xff\xfe\x00 broken", "\ufffd\ufffd broken"),
        (b"x" * 100_000, "x" * 300),
        (b'{"errors": [{"message": "two\\nlines\\u001b[31m"}]}', "two lines [31m"),
    ],
)
def test_any_body_gives_one_short_line(body: bytes, words: str) -> None:
    client = ArtifactoryClient(url=URL, tokens=StaticToken(token="t"))
    with responses.RequestsMock() as mock:
        mock.get(f"{URL}/{FILE}", status=404, body=body)
        with pytest.raises(RegistryNotFoundError) as refused:
            client.read(repository=RECORDS, path="x", limit=10)
    assert str(refused.value).endswith(f"404: {words}")


@pytest.mark.parametrize(
    ("body", "message"), [(b"<html>login</html>", "not JSON: is this Artifactory"), (b"[1]", "not a JSON object")]
)
def test_a_page_instead_of_an_answer_is_told(body: bytes, message: str) -> None:
    client = ArtifactoryClient(url=URL, tokens=StaticToken(token="t"))
    with responses.RequestsMock() as mock:
        mock.get(f"{URL}/api/storage/{FILE}", body=body)
        with pytest.raises(RegistryError, match=message):
            client.info(repository=RECORDS, path="x")


def test_a_listing_without_files_is_no_empty_folder() -> None:
    client = ArtifactoryClient(url=URL, tokens=StaticToken(token="t"))
    with responses.RequestsMock() as mock:
        mock.get(f"{URL}/api/storage/{FILE}", body=b"{}")
        with pytest.raises(RegistryError, match="holds no files"):
            client.listing(repository=RECORDS, path="x")


def test_a_size_that_is_no_number_is_refused() -> None:
    client = ArtifactoryClient(url=URL, tokens=StaticToken(token="t"))
    with responses.RequestsMock() as mock:
        mock.get(f"{URL}/api/storage/{FILE}", json={"size": "-1", "checksums": {}})
        with pytest.raises(RegistryError, match="'-1', which is not a number"):
            client.info(repository=RECORDS, path="x")


@pytest.mark.parametrize("fault", [401, 403, 404, 500, "short", "stall", "redirect"])
def test_no_error_and_no_log_holds_the_token(world: World, fault: int | str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    world.client().deploy_bytes(repository=RECORDS, path="secretive", data=b"data")
    where = f"{RECORDS}/secretive"
    if isinstance(fault, int):
        world.registry.add_fault(Fault(kind="status", path=where, status=fault))
    else:
        world.registry.add_fault(Fault(kind=fault, path=where, at=1, location="http://elsewhere.example.com/"))
    client = world.client(attempts=2, read=0.3)
    with pytest.raises(RegistryError) as refused:
        client.read(repository=RECORDS, path="secretive", limit=10)
    told = io.StringIO()
    traceback.print_exception(refused.value, file=told)
    assert TOKENS["promoter"] not in told.getvalue() + caplog.text + repr(refused.value) + repr(vars(refused.value))


@pytest.mark.parametrize("token", ["", "my secret", "my\nsecret", "secret\n", "secret-grüße", "secret\x00"])
def test_a_token_that_no_header_may_hold_is_told_without_it(token: str) -> None:
    client = ArtifactoryClient(url=URL, tokens=StaticToken(token=token))
    with pytest.raises(RegistryAuthError, match="store it anew") as refused:
        client.ping()
    assert "secret" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__context__ is None
    assert client.requests_made == 0


def test_nothing_that_is_shown_holds_the_token(world: World) -> None:
    client = world.client()
    client.ping()
    for shown in (client, client.http, StaticToken(token=TOKENS["promoter"])):
        assert TOKENS["promoter"] not in repr(shown) + str(shown)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://host/artifactory", "not of the form"),
        ("registry.example.com/artifactory", "not of the form"),
        ("https:///artifactory", "not of the form"),
        ("https://host/artifactory?x=1", "not of the form"),
        ("https://host/artifactory#x", "not of the form"),
        ("https://host:port/artifactory", "not of the form"),
        ("https://[::1/artifactory", "not of the form"),
        ("http://registry.example.com/artifactory", "would send the token in clear: use https"),
    ],
)
def test_a_url_that_is_not_one_is_refused(url: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ArtifactoryClient(url=url, tokens=StaticToken(token="t"))


def test_a_password_in_the_url_is_not_repeated() -> None:
    with pytest.raises(InputError, match="do not belong in it") as refused:
        ArtifactoryClient(url="https://user:hunter2@host/artifactory", tokens=StaticToken(token="t"))
    assert "hunter2" not in str(refused.value)


def test_a_missing_certificate_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"ca\.pem does not exist"):
        ArtifactoryClient(url=URL, tokens=StaticToken(token="t"), verify=tmp_path / "ca.pem")


@pytest.mark.parametrize("path", ["", "/a", "a//b", "a/../b", "..", "a/.", "a\nb", "a\x7f", "a\ud800"])
def test_a_path_that_is_not_plain_is_refused_before_anything_is_sent(path: str) -> None:
    client = ArtifactoryClient(url=URL, tokens=StaticToken(token="t"))
    for call in (client.info, client.properties):
        with pytest.raises(InputError, match="not a plain relative path"):
            call(repository=RECORDS, path=path)
    with pytest.raises(InputError):
        client.deploy_bytes(repository=RECORDS, path=path, data=b"x")
    assert client.requests_made == 0


@pytest.mark.parametrize("repository", ["", "a/b", "..", "a\nb"])
def test_a_repository_that_is_a_path_is_refused(repository: str) -> None:
    client = ArtifactoryClient(url=URL, tokens=StaticToken(token="t"))
    for call in (client.repository_type, client.listing):
        with pytest.raises(InputError):
            call(repository=repository)
    with pytest.raises(InputError):
        client.entity_manifest(repository=repository, name="n", version="1")
    with pytest.raises(InputError):
        client.entity_manifest(repository=RECORDS, name="../../storage", version="1")
    assert client.requests_made == 0


@pytest.mark.parametrize(
    ("path", "quoted"),
    [
        ("a b", "a%20b"),
        ("a;b=c", "a%3Bb=c"),
        ("a?b#c", "a%3Fb%23c"),
        ("50%", "50%25"),
        ("a+b", "a+b"),
        ("ü", "%C3%BC"),
        ("a\\b", "a%5Cb"),
    ],
)
def test_a_path_is_quoted_so_that_none_of_it_is_taken_for_syntax(path: str, quoted: str) -> None:
    client = ArtifactoryClient(url=URL, tokens=StaticToken(token="t"))
    assert client.download_url(repository=RECORDS, path=path) == f"{URL}/{RECORDS}/{quoted}"


def test_an_answer_that_is_nested_without_end_is_an_error_of_the_registry() -> None:
    client = ArtifactoryClient(url=URL, tokens=StaticToken(token="t"))
    nested = b"[" * 15_000
    with responses.RequestsMock() as mock:
        mock.get(f"{URL}/api/storage/{FILE}", body=nested)
        with pytest.raises(RegistryError, match="is not JSON"):
            client.info(repository=RECORDS, path="x")
        mock.get(f"{URL}/{FILE}", body=nested, status=403)
        with pytest.raises(RegistryForbiddenError, match="403"):
            client.read(repository=RECORDS, path="x", limit=10)
