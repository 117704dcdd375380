"""Deploy, read, list: what weighbridge relies on, whichever registry answers."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from contract_target import Place, Target

from weighbridge.errors import RegistryConflictError, RegistryForbiddenError, RegistryNotFoundError

DATA = b"0123456789" * 100


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_a_deployed_file_is_described_with_size_and_digests(place: Place) -> None:
    path = place.put("a/model.bin", DATA)
    body = place.target.send("GET", f"api/storage/{place.target.generic}/{path}").json()
    assert body["repo"] == place.target.generic
    assert body["path"] == f"/{path}"
    assert body["size"] == "1000"
    assert body["checksums"]["sha256"] == sha256(DATA)
    assert body["checksums"]["sha1"] == hashlib.sha1(DATA).hexdigest()
    assert body["downloadUri"].endswith(f"/{place.target.generic}/{path}")
    found = place.target.client().info(repository=place.target.generic, path=path)
    assert (found.size, found.sha256) == (1000, sha256(DATA))


@pytest.mark.parametrize("name", ["with space.bin", "plus+sign", "per%cent", "semi;colon", "grüße.txt", "a=b&c"])
def test_awkward_names_come_back_as_they_went(place: Place, name: str) -> None:
    client, path = place.target.client(), place.at(f"sub/{name}")
    client.deploy_bytes(repository=place.target.generic, path=path, data=name.encode())
    assert client.read(repository=place.target.generic, path=path, limit=100) == name.encode()
    assert [file.path for file in client.listing(repository=place.target.generic, path=place.folder)] == [path]


def test_an_unknown_checksum_is_not_deployed(place: Place) -> None:
    target = place.target
    path = f"{target.generic}/{place.at('unknown')}"
    digest = sha256(place.folder.encode())
    answer = target.send("PUT", path, data=b"", X_Checksum_Deploy="true", X_Checksum_Sha256=digest)
    assert answer.status_code == 404
    assert target.send("GET", path).status_code == 404


def test_a_known_checksum_is_deployed_without_its_bytes(place: Place) -> None:
    target, data = place.target, place.folder.encode() * 10
    place.put("first", data)
    answer = target.send(
        "PUT",
        f"{target.models}/{place.at('second')}",
        data=b"",
        X_Checksum_Deploy="true",
        X_Checksum_Sha256=sha256(data),
    )
    assert answer.status_code == 201
    assert answer.json()["checksums"]["sha256"] == sha256(data)
    assert target.client().read(repository=target.models, path=place.at("second"), limit=10_000) == data


def test_bytes_that_differ_from_their_announced_checksum_are_refused(place: Place) -> None:
    path = f"{place.target.generic}/{place.at('damaged')}"
    answer = place.target.send("PUT", path, data=b"damaged", X_Checksum_Sha256=sha256(b"whole"))
    assert 400 <= answer.status_code < 500
    assert place.target.send("GET", path).status_code == 404


def test_a_file_is_sent_once_and_then_deployed_by_checksum(place: Place, tmp_path: Path) -> None:
    source = tmp_path / "weights"
    source.write_bytes(place.folder.encode() * 5000)
    client, sent = place.target.client(), []
    for repository in (place.target.models, place.target.copies):
        client.deploy_file(repository=repository, path=place.at("weights"), source=source, progress=sent.append)
    assert sum(sent) == source.stat().st_size
    for repository in (place.target.models, place.target.copies):
        assert client.info(repository=repository, path=place.at("weights")).sha256 == sha256(source.read_bytes())


def test_a_writer_without_delete_permission_cannot_overwrite(place: Place) -> None:
    target = place.target
    path = f"{target.generic}/{place.at('written-once')}"
    assert target.send("PUT", path, token=target.writer, data=b"first").status_code == 201
    refused = target.send("PUT", path, token=target.writer, data=b"other")
    assert refused.status_code == 403
    assert refused.json()["errors"][0]["message"]
    assert target.send("GET", path).content == b"first"
    client = target.client(target.writer)
    assert client.deploy_bytes(repository=target.generic, path=place.at("written-once"), data=b"first")
    with pytest.raises(RegistryConflictError, match="never replaced"):
        client.deploy_bytes(repository=target.generic, path=place.at("written-once"), data=b"other")
    with pytest.raises(RegistryForbiddenError):
        client.deploy_bytes(repository=target.generic, path=place.at("written-once"), data=b"other", overwrite=True)


def test_the_owner_may_overwrite(place: Place) -> None:
    for data in (b"first", b"second"):
        path = place.put("timestamp.json", data)
    assert place.target.client().read(repository=place.target.generic, path=path, limit=100) == b"second"


def test_a_writer_without_delete_permission_cannot_delete(place: Place) -> None:
    path = f"{place.target.generic}/{place.put('kept', b'kept')}"
    assert place.target.send("DELETE", path, token=place.target.writer).status_code == 403
    assert place.target.send("GET", path).content == b"kept"


def test_a_reader_reads_and_does_not_write(place: Place) -> None:
    target, path = place.target, place.put("readable", b"data")
    reader = target.client(target.reader)
    assert reader.read(repository=target.generic, path=path, limit=10) == b"data"
    with pytest.raises(RegistryForbiddenError) as refused:
        reader.deploy_bytes(repository=target.generic, path=place.at("new"), data=b"new")
    assert refused.value.status == 403
    with pytest.raises(RegistryNotFoundError):
        target.client().info(repository=target.generic, path=place.at("new"))


def test_a_listing_is_deep_sorted_and_holds_files_alone(place: Place) -> None:
    for name in ("b.txt", "a/deep/er.bin", "a/x.txt"):
        place.put(f"folder/{name}", name.encode())
    place.put("folder-beside/no.txt", b"no")
    found = place.target.client().listing(repository=place.target.generic, path=place.at("folder"))
    assert [(file.path, file.size, file.sha256) for file in found] == [
        (place.at(f"folder/{name}"), len(name), sha256(name.encode())) for name in ("a/deep/er.bin", "a/x.txt", "b.txt")
    ]


def test_a_folder_is_told_from_a_file(place: Place) -> None:
    place.put("folder/sub/file", b"x")
    body = place.target.send("GET", f"api/storage/{place.target.generic}/{place.at('folder')}").json()
    assert body["children"] == [{"uri": "/sub", "folder": True}]
    assert "size" not in body
    with pytest.raises(RegistryNotFoundError, match="is a folder"):
        place.target.client().info(repository=place.target.generic, path=place.at("folder"))


def test_what_is_missing_is_404_with_artifactorys_error_body(place: Place) -> None:
    for path in (f"{place.target.generic}/{place.at('x')}", f"api/storage/{place.target.generic}/{place.at('x')}"):
        answer = place.target.send("GET", path)
        assert answer.status_code == 404
        assert answer.json()["errors"][0]["status"] == 404


def test_an_unknown_token_is_401(target: Target) -> None:
    answer = target.send("GET", f"api/storage/{target.generic}/x", token="no-such-token")
    assert answer.status_code == 401
    assert answer.json()["errors"][0]["status"] == 401
