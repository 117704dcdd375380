"""Serve the gateway on a socket of its own until SIGTERM."""

from __future__ import annotations

import asyncio
import signal
import socket
from typing import cast

from local.aws.gateway import Application

GRACE_SECONDS = 2.0


def listen(port: int) -> socket.socket:
    """Return a socket that listens on 127.0.0.1; port 0 lets the system choose.

    Raises:
        OSError: when the port is taken.
    """
    # asyncio turns off Nagle's delay (40 ms an answer) only for sockets that name TCP.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(128)
    return listener


def serve(application: Application, listener: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT, with MiniStack's own server."""
    # In the emulator's environment alone; MiniStack replaces parts of it when it is imported.
    from hypercorn.asyncio import serve as hypercorn_serve
    from hypercorn.config import Config

    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = GRACE_SECONDS
    config.shutdown_timeout = GRACE_SECONDS
    config.loglevel = "WARNING"

    async def run() -> None:
        stopped = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)

        async def wait_for_stop() -> None:
            await stopped.wait()

        await hypercorn_serve(cast("object", application), config, shutdown_trigger=wait_for_stop)

    asyncio.run(run())
