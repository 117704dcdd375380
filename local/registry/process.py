"""Start the registry as a process, switch faults and count requests. Standard library only.

with RegistryProcess(folder=folder, config=standard_config(hub_url=None, tokens=tokens)) as registry:
    ArtifactoryClient(url=registry.url, ...)
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from local.process import Server, ServerError, environment_python
from local.registry.config import RegistryConfig, write_config
from local.registry.fault import Fault
from local.registry.requestlog import LoggedRequest


class RegistryProcess(Server):
    """A registry in `folder`. After `stop` or `kill` it can be started again, on the same port and with its content."""

    def __init__(self, *, folder: Path, config: RegistryConfig, port: int = 0) -> None:
        admin = next((user for user in config.users if user.admin), None)
        if admin is None:
            raise ServerError("registry config: an admin is needed for the control endpoint")
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.config = config
        self._admin_token = admin.token
        self._port = port
        super().__init__(command=(), log=folder / "registry.log")

    @property
    def url(self) -> str:
        """The registry's URL, ending in `/artifactory`."""
        return str(self.ready["url"])

    @property
    def storage_url(self) -> str:
        """The second origin, which redirected downloads go to."""
        return str(self.ready["storage_url"])

    def start(self) -> None:
        """See `Server.start`."""
        write_config(self.config, self.folder / "config.json")
        self._command = self._command_line()
        super().start()
        self._port = urlsplit(self.url).port or 0

    def token(self, username: str) -> str:
        """The token of one user."""
        return next(user.token for user in self.config.users if user.username == username)

    def add_fault(self, fault: Fault) -> None:
        """Switch a fault on."""
        self._control("POST", "faults", body=fault.to_json())

    def clear_faults(self) -> None:
        """Switch every fault off."""
        self._control("DELETE", "faults")

    def fault_hits(self) -> tuple[int, ...]:
        """How often each fault acted, in the order in which they were added."""
        found = self._control("GET", "faults")
        assert isinstance(found, list)
        return tuple(entry["hits"] for entry in found)

    def requests(self, *, since: int = 0) -> tuple[LoggedRequest, ...]:
        """The requests after number `since`, oldest first; those to the control endpoint are not among them."""
        found = self._control("GET", f"requests?since={since}")
        assert isinstance(found, list)
        return tuple(LoggedRequest(**entry) for entry in found)

    def last_request(self) -> int:
        """The number of the last request, to count from."""
        found = self.requests()
        return found[-1].number if found else 0

    def _command_line(self) -> list[str]:
        folder = str(self.folder.resolve())
        return [
            str(environment_python("twin")), "-m", "local.registry", "--folder", folder,
            "--config", f"{folder}/config.json", "--port", str(self._port),
        ]  # fmt: skip

    def _control(self, method: str, path: str, *, body: Mapping[str, object] | None = None) -> object:
        url = f"{self.url.removesuffix('/artifactory')}/control/{path}"
        request = urllib.request.Request(  # noqa: S310 - the URL is our own
            url,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self._admin_token}"},
        )
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
                data = answer.read()
        except urllib.error.HTTPError as error:
            raise ServerError(f"{method} {path}: {error.code}: {error.read()[:300]!r}") from error
        return json.loads(data) if data else None


__all__ = ["Fault", "LoggedRequest", "RegistryProcess"]
