"""HTTP as it comes over the wire: what is understood, and what is refused."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from weighbridge.pull.answer import Answer
from weighbridge.pull.faults import CutError, MalformedError, StallError
from weighbridge.pull.wire import connect

Ask = Callable[[bytes], Answer]


@pytest.fixture
def ask() -> Iterator[Ask]:
    """Return the answer to one request when the server sends exactly these bytes and closes."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def serve(data: bytes) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(data)

    def run(data: bytes) -> Answer:
        thread = threading.Thread(target=serve, args=(data,), daemon=True)
        threads.append(thread)
        thread.start()
        host, port = listener.getsockname()
        connection = connect(host=host, port=port, netloc=f"{host}:{port}", tls=None, connect_timeout=5, read_timeout=5)
        return connection.get(target="/x", headers={"Accept-Encoding": "identity"})

    yield run
    listener.close()
    for thread in threads:
        thread.join(5)


def body(answer: Answer) -> bytes:
    return answer.read(100_000)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"hello"),
        (b"HTTP/1.1 200\r\ncontent-length:5\r\n\r\nhello", b"hello"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b"ok"),
        (b"HTTP/1.0 200 OK\r\n\r\nto the end", b"to the end"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: 1\r\n\r\n",
            b"abcde",
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b""),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    ],
)
def test_bodies_are_framed_as_http_says(ask: Ask, sent: bytes, expected: bytes) -> None:
    try:
        answer = ask(sent)
    except MalformedError:
        assert sent.startswith(b"HTTP/1.1 100")
        return
    assert body(answer) == expected


@pytest.mark.parametrize(
    "sent",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n folded: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
    ],
)
def test_what_is_not_http_is_refused(ask: Ask, sent: bytes) -> None:
    with pytest.raises(MalformedError):
        body(ask(sent))


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ],
)
def test_what_breaks_off_is_a_cut(ask: Ask, sent: bytes) -> None:
    with pytest.raises(CutError):
        body(ask(sent))


def test_bytes_after_the_body_end_the_connection(ask: Ask) -> None:
    answer = ask(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
    assert body(answer) == b"ok"
    answer.close()
    assert answer._connection.closed  # type: ignore[attr-defined]


def test_a_header_cannot_be_smuggled_into_a_request(ask: Ask) -> None:
    answer = ask(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    connection = answer._connection
    with pytest.raises(MalformedError):
        connection.get(target="/x", headers={"Authorization": "Bearer a\r\nX-Evil: 1"})  # type: ignore[attr-defined]
    with pytest.raises(MalformedError):
        connection.get(target="/x y\r\n", headers={})  # type: ignore[attr-defined]


def test_silence_is_a_stall() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()
        connection = connect(
            host=host, port=port, netloc=f"{host}:{port}", tls=None, connect_timeout=5, read_timeout=0.05
        )
        with pytest.raises(StallError):
            connection.get(target="/x", headers={})
        connection.close()
