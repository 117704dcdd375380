"""Ranges, resumption and headers of downloads. A registry that redirects downloads is followed as weighbridge follows it."""

from __future__ import annotations

import hashlib

from contract_target import Place

DATA = bytes(range(256)) * 40


def test_head_tells_size_and_checksums(place: Place) -> None:
    path = place.put("file.bin", DATA)
    answer = place.target.send("HEAD", f"{place.target.generic}/{path}")
    assert answer.status_code == 200
    assert answer.headers["Content-Length"] == str(len(DATA))
    assert answer.headers["X-Checksum-Sha256"] == hashlib.sha256(DATA).hexdigest()
    assert answer.headers["X-Checksum-Sha1"] == hashlib.sha1(DATA).hexdigest()
    assert answer.headers["Accept-Ranges"] == "bytes"


def test_a_range_is_answered_with_its_place(place: Place) -> None:
    path = place.put("file.bin", DATA)
    client = place.target.client()
    with client.stream(repository=place.target.generic, path=path, start=100, end=199) as download:
        assert (download.status, download.start, download.size) == (206, 100, len(DATA))
        assert b"".join(download.chunks()) == DATA[100:200]


def test_a_download_is_resumed_with_its_etag(place: Place) -> None:
    path = place.put("file.bin", DATA)
    client = place.target.client()
    with client.stream(repository=place.target.generic, path=path) as first:
        assert first.status == 200
        etag = first.etag
    with client.stream(repository=place.target.generic, path=path, start=5000, if_range=etag) as rest:
        assert (rest.status, rest.start) == (206, 5000)
        assert b"".join(rest.chunks()) == DATA[5000:]


def test_a_resumption_with_another_files_etag_gets_the_whole_file(place: Place) -> None:
    path = place.put("file.bin", DATA)
    stale = hashlib.sha1(b"another file").hexdigest()
    with place.target.client().stream(
        repository=place.target.generic, path=path, start=5000, if_range=stale
    ) as download:
        assert (download.status, download.start) == (200, 0)
        assert b"".join(download.chunks()) == DATA


def test_a_range_behind_the_end_is_416(place: Place) -> None:
    path = place.put("file.bin", DATA)
    answer = place.target.send("GET", f"{place.target.generic}/{path}", Range=f"bytes={len(DATA)}-")
    assert answer.status_code == 416


def test_an_empty_file_is_a_file(place: Place) -> None:
    path = place.put("empty", b"")
    client = place.target.client()
    assert client.info(repository=place.target.generic, path=path).size == 0
    assert client.read(repository=place.target.generic, path=path, limit=0) == b""
