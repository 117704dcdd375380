"""Start the local hub as a process. Standard library only."""

from __future__ import annotations

from pathlib import Path

from local.process import Server, environment_python


class HubProcess(Server):
    """The files of `folder` as the hub repository `repository` (ORG/MODEL)."""

    def __init__(self, *, folder: Path, repository: str, log: Path, port: int = 0) -> None:
        self.repository = repository
        super().__init__(
            command=[
                environment_python("twin"), "-m", "local.hub", "--folder", folder.resolve(),
                "--repository", repository, "--port", str(port),
            ],
            log=log,
        )  # fmt: skip

    @property
    def url(self) -> str:
        """The hub's URL, without a trailing slash."""
        return str(self.ready["url"])

    @property
    def revision(self) -> str:
        """The one commit, 40 hex digits."""
        return str(self.ready["revision"])
