"""A loopback HTTP proxy that opens tunnels (CONNECT) to the hosts it knows, and keeps every byte it could read."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


@dataclass
class ConnectProxy:
    """`hosts` maps `NAME:PORT` to a port on loopback: names need not resolve anywhere else.

    `heads` are the requests it read, `opened` the targets it passed on, `sent` every byte that clients sent in tunnels.
    """

    hosts: Mapping[str, int]
    refuse_with: int | None = None
    heads: list[bytes] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    sent: bytearray = field(default_factory=bytearray)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._sockets: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        for each in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join()

    def _start(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._sockets.add(client)
            self._start(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                piece = client.recv(4096)
                if not piece:
                    return
                head += piece
            self.heads.append(head)
            method, target, _ = head.split(b"\r\n")[0].decode().split(" ")
            port = self.hosts.get(target)
            if self.refuse_with is not None or method != "CONNECT" or port is None:
                client.sendall(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % (self.refuse_with or 403))
                return
            with socket.create_connection(("127.0.0.1", port)) as server:
                self._sockets.add(server)
                self.opened.append(target)
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                back = threading.Thread(target=self._pass, args=(server, client, None), daemon=True)
                back.start()
                self._pass(client, server, self.sent)
                back.join()

    def _pass(self, source: socket.socket, target: socket.socket, kept: bytearray | None) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                if kept is not None:
                    kept += piece
                target.sendall(piece)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def proxying(hosts: Mapping[str, int], *, refuse_with: int | None = None) -> Iterator[ConnectProxy]:
    proxy = ConnectProxy(hosts=hosts, refuse_with=refuse_with)
    try:
        yield proxy
    finally:
        proxy.close()
