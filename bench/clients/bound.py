"""The physical bound: what receiving, hashing and writing cost each by themselves, in CPU seconds for `size` bytes.

Usage: bound.py HOST PORT CA|- TARGET SIZE FOLDER. Prints JSON: receive, hash, write (CPU seconds of this process).
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import socket
import ssl
import sys
from collections.abc import Callable
from pathlib import Path

BLOCK = 256 * 1024


def cpu(work: Callable[[], None]) -> float:
    before = resource.getrusage(resource.RUSAGE_SELF)
    work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


host, port, ca, target, size_text, folder = sys.argv[1:]
size = int(size_text)
buffer = memoryview(bytearray(os.urandom(BLOCK)))


def receive() -> None:
    raw: socket.socket = socket.create_connection((host, int(port)), timeout=60)
    raw.settimeout(None)
    if ca != "-":
        raw = ssl.create_default_context(cafile=ca).wrap_socket(raw, server_hostname=host)
    raw.sendall(f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    held = 0
    while count := raw.recv_into(buffer):
        held += count
    raw.close()
    if held < size:
        raise ValueError(f"{held} of {size} bytes")


def digest() -> None:
    found = hashlib.sha256()
    for _ in range(0, size, BLOCK):
        found.update(buffer)


def write() -> None:
    path = Path(folder) / "bound.bin"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    os.posix_fallocate(descriptor, 0, size)
    for offset in range(0, size, BLOCK):
        os.pwrite(descriptor, buffer, offset)
    os.close(descriptor)
    path.unlink()


print(json.dumps({"receive": cpu(receive), "hash": cpu(digest), "write": cpu(write)}))
