"""What every route of one running registry shares."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from starlette.requests import Request

from local.registry.access import Access
from local.registry.blobs import BlobStore, Checksums
from local.registry.faults import FaultSwitches
from local.registry.hubproxy import HubProxy
from local.registry.items import ItemStore
from local.registry.requestlog import RequestLog
from local.registry.tokens import TokenStore


@dataclass(slots=True)
class Registry:
    """One registry: its folder, its index and its switches. `storage_url` is the second origin, for redirects.

    `lfs_tickets` (ticket to SHA-256) and `lfs_uploads` (SHA-256 to what was stored) last as long as the process.
    """

    folder: Path
    access: Access
    blobs: BlobStore
    items: ItemStore
    hub: HubProxy
    tokens: TokenStore
    storage_url: str = ""
    faults: FaultSwitches = field(default_factory=FaultSwitches)
    log: RequestLog = field(default_factory=RequestLog)
    lfs_tickets: dict[str, str] = field(default_factory=dict)
    lfs_uploads: dict[str, Checksums] = field(default_factory=dict)


def registry_of(request: Request) -> Registry:
    """The registry that `request` came to."""
    registry = request.app.state.registry
    assert isinstance(registry, Registry)
    return registry


def base_url(request: Request) -> str:
    """The registry's URL as the caller wrote it, up to and including `/artifactory`."""
    return f"{request.url.scheme}://{request.headers.get('host', '')}/artifactory"
