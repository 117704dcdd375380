"""`python -m local.hub --folder F --repository ORG/MODEL [--port 0]`: serve until SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from local.hub.application import hub_application, open_repository
from local.serving import bind, serve


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m local.hub", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="the files of the model")
    parser.add_argument("--repository", required=True, help="ORG/MODEL")
    parser.add_argument("--port", type=int, default=0, help="0 lets the system choose")
    arguments = parser.parse_args()
    repository = open_repository(name=arguments.repository, folder=arguments.folder)
    listener = bind(arguments.port)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    app = hub_application(repository)
    asyncio.run(serve(app, sockets=[listener], ready={"url": url, "revision": repository.revision}))


if __name__ == "__main__":
    main()
