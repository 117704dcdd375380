"""`python -m local.registry --folder F --config C [--port 0]`: serve until SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send

from local.registry.application import open_registry, registry_application, storage_application
from local.registry.config import read_config
from local.serving import HOST, bind, serve


class _ByPort:
    """One server for two origins: the port that a request came to says which."""

    def __init__(self, *, apps: dict[int, ASGIApp], default: ASGIApp) -> None:
        self._apps = apps
        self._default = default

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        server = scope.get("server") or ("", 0)
        await self._apps.get(int(server[1] or 0), self._default)(scope, receive, send)


async def run(*, folder: Path, config: Path, port: int) -> None:
    """Serve, and announce the URLs once both origins answer."""
    main_socket, storage_socket = bind(port), bind(0)
    registry = open_registry(folder=folder, config=read_config(config))
    registry.storage_url = f"http://localhost:{storage_socket.getsockname()[1]}"
    application = registry_application(registry)
    app = _ByPort(apps={storage_socket.getsockname()[1]: storage_application(registry)}, default=application)
    url = f"http://{HOST}:{main_socket.getsockname()[1]}/artifactory"
    try:
        await serve(app, sockets=[main_socket, storage_socket], ready={"url": url, "storage_url": registry.storage_url})
    finally:
        registry.items.close()
        registry.tokens.close()


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m local.registry", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where files and index lie")
    parser.add_argument("--config", type=Path, required=True, help="what write_config wrote")
    parser.add_argument("--port", type=int, default=0, help="0 lets the system choose")
    arguments = parser.parse_args()
    asyncio.run(run(folder=arguments.folder, config=arguments.config, port=arguments.port))


if __name__ == "__main__":
    main()
