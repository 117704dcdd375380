"""A tunnel through an HTTP proxy (CONNECT, RFC 9110 9.3.6): the proxy learns a host and a port, and nothing of what follows."""

from __future__ import annotations

import re
import socket

from weighbridge.pull.faults import CutError
from weighbridge.registry.outward import Proxy

_HEAD_LIMIT = 16 * 1024
_STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3})[ \r]")


def open_tunnel(raw: socket.socket, *, host: str, port: int, proxy: Proxy) -> None:
    """Let `proxy`, to which `raw` is connected, pass on what follows to `host`.

    Raises:
        CutError: the proxy refuses, or what it says is not HTTP; its status is in the message.
        OSError: the connection to the proxy broke, or a read took too long.
    """
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if proxy.authorization is not None:
        lines.append(f"Proxy-Authorization: {proxy.authorization}")
    raw.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
    head = _read_head(raw, where=f"proxy {proxy.host}:{proxy.port}")
    found = _STATUS.match(head)
    if found is None or not found[1].startswith(b"2"):
        said = "what is not HTTP" if found is None else found[1].decode("ascii")
        raise CutError(f"the proxy {proxy.host}:{proxy.port} answered {said}: it opens no way to {target}")


def _read_head(raw: socket.socket, *, where: str) -> bytes:
    """Read up to the empty line. The host speaks after we do (TLS), so that nothing of its own can follow."""
    head = bytearray()
    while not head.endswith(b"\r\n\r\n"):
        piece = raw.recv(_HEAD_LIMIT - len(head)) if len(head) < _HEAD_LIMIT else b""
        if not piece:
            raise CutError(f"the {where} gave no answer to CONNECT")
        head += piece
    return bytes(head)
