"""`python -m local.registry --folder F --config C [--port 0]`: serve until SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import socket
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from local.process import announce
from local.registry.application import open_registry, registry_application, storage_application
from local.registry.config import read_config

HOST = "127.0.0.1"


class _ByPort:
    """One server for two origins: the port that a request came to says which."""

    def __init__(self, *, apps: dict[int, ASGIApp], default: ASGIApp) -> None:
        self._apps = apps
        self._default = default

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        server = scope.get("server") or ("", 0)
        await self._apps.get(int(server[1] or 0), self._default)(scope, receive, send)


def bind(port: int) -> socket.socket:
    """A listening socket on the loopback address; port 0 lets the system choose."""
    listener = socket.create_server((HOST, port), backlog=1024)
    listener.setblocking(False)
    return listener


async def serve(*, folder: Path, config: Path, port: int) -> None:
    """Serve, and announce the URLs once both origins answer."""
    main, storage = bind(port), bind(0)
    registry = open_registry(folder=folder, config=read_config(config))
    registry.storage_url = f"http://localhost:{storage.getsockname()[1]}"
    application = registry_application(registry)
    apps = {main.getsockname()[1]: application, storage.getsockname()[1]: storage_application(registry)}
    settings = uvicorn.Config(
        _ByPort(apps=apps, default=application),
        lifespan="off",
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(settings)
    running = asyncio.create_task(server.serve(sockets=[main, storage]))
    while not server.started and not running.done():
        await asyncio.sleep(0.01)
    announce(url=f"http://{HOST}:{main.getsockname()[1]}/artifactory", storage_url=registry.storage_url)
    await running
    registry.items.close()


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m local.registry", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where files and index lie")
    parser.add_argument("--config", type=Path, required=True, help="what write_config wrote")
    parser.add_argument("--port", type=int, default=0, help="0 lets the system choose")
    arguments = parser.parse_args()
    asyncio.run(serve(folder=arguments.folder, config=arguments.config, port=arguments.port))


if __name__ == "__main__":
    main()
