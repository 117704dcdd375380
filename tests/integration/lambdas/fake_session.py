"""boto3's session with some clients of a test's own, for services that moto does not emulate well enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boto3


@dataclass
class FakeBoto3:
    """Stands in a handler for the module `boto3`: `clients` by service, the rest real (that is, moto's)."""

    clients: dict[str, Any]

    def Session(self) -> FakeBoto3:  # noqa: N802
        return self

    def client(self, service: str, **options: Any) -> Any:
        found = self.clients.get(service)
        return found if found is not None else boto3.client(service, **options)
