"""Until when each role's metadata of a channel is valid, as its owner sees it: verified, and read even when expired."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from tuf.api.metadata import Root, Snapshot, Targets, Timestamp

from weighbridge.errors import TrustError
from weighbridge.names import Digest
from weighbridge.trust.delegations import delegated_roles
from weighbridge.trust.repository import read_roots, read_snapshot, read_targets, read_timestamp
from weighbridge.trust.stores import MetadataSource


@dataclass(frozen=True, slots=True)
class Expiry:
    """A role, and the first moment at which its metadata is not believed any more."""

    role: str
    at: datetime

    def hours_after(self, now: datetime) -> int:
        """Return the whole hours that are left at `now`; negative when it has expired."""
        return (self.at - now) // timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Validity:
    """The first expiries: `online` of snapshot and timestamp, re-signed on a schedule, `owned` of the roles that people renew."""

    online: Expiry
    owned: Expiry


def read_validity(*, source: MetadataSource, root: Digest) -> Validity:
    """Read the expiry of every role: one request for each, and for each root.

    Args:
        source: where the metadata lies.
        root: the pinned digest.

    Raises:
        TrustError: when what lies there does not verify; expired metadata does.
        RegistryError: as the source.
    """
    newest = read_roots(source, pin=root)[-1]
    timestamp = read_timestamp(source, root=newest)
    snapshot = read_snapshot(source, root=newest, timestamp=timestamp)
    targets = read_targets(source, role=Targets.type, snapshot=snapshot, delegator=newest)
    if targets is None:
        raise TrustError("the snapshot does not name the role 'targets'", rule="refused.metadata")
    owned = {Root.type: newest.expires, Targets.type: targets.expires}
    for role in delegated_roles(targets):
        found = read_targets(source, role=role, snapshot=snapshot, delegator=targets)
        if found is not None:
            owned[role] = found.expires
    return Validity(
        online=_first({Snapshot.type: snapshot.expires, Timestamp.type: timestamp.expires}), owned=_first(owned)
    )


def _first(expires: Mapping[str, datetime]) -> Expiry:
    role = min(expires, key=lambda name: (expires[name], name))
    return Expiry(role=role, at=expires[role])
