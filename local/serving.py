"""Serve an ASGI application on the loopback address, and announce it once it answers. Needs uvicorn."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping, Sequence

import uvicorn
from starlette.types import ASGIApp

from local.process import announce

HOST = "127.0.0.1"


def bind(port: int) -> socket.socket:
    """A listening socket on the loopback address; port 0 lets the system choose."""
    # Named as TCP, because asyncio sends small answers at once (TCP_NODELAY) only on sockets that say so; without it
    # every answer with a body waits 40 ms for an acknowledgement.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, port))
    listener.listen(1024)
    listener.setblocking(False)
    return listener


async def serve(app: ASGIApp, *, sockets: Sequence[socket.socket], ready: Mapping[str, object]) -> None:
    """Serve until SIGTERM; `ready` is announced when requests are answered."""
    settings = uvicorn.Config(app, lifespan="off", access_log=False, log_level="warning", timeout_graceful_shutdown=1)
    server = uvicorn.Server(settings)
    running = asyncio.create_task(server.serve(sockets=list(sockets)))
    while not server.started and not running.done():
        await asyncio.sleep(0.01)
    announce(**ready)
    await running
