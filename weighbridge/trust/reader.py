"""Read a channel: everything is verified by TUF (python-tuf's `ngclient.Updater`) before anything is believed.

Requests of one `refresh`, with kept metadata or given root bytes: next root (a 404), timestamp, snapshot, targets,
the model's role, revocations: six. Without either, the first root costs a seventh.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from tuf.api.exceptions import DownloadError, DownloadHTTPError, RepositoryError
from tuf.api.metadata import TOP_LEVEL_ROLE_NAMES, Metadata, Root, Signed, Targets, Timestamp
from tuf.ngclient import FetcherInterface, Updater, UpdaterConfig

from weighbridge.errors import (
    InputError,
    NothingPromotedError,
    RegistryNotFoundError,
    RegistryUnavailableError,
    TrustError,
)
from weighbridge.names import Digest
from weighbridge.trust import refusals
from weighbridge.trust.distinct import check_promoters
from weighbridge.trust.floor import Floor
from weighbridge.trust.promotion import Promotion, promotion_path
from weighbridge.trust.roles import REVOCATIONS, check_model_name, metadata_path
from weighbridge.trust.state import ChannelState
from weighbridge.trust.stores import MetadataSource
from weighbridge.trust.targets import read_policy, read_promotions, read_revocations, revocation_path

_BASE = "channel:/"
_ROOT_LIMIT = 512_000
_MAX_ROOTS = 64
# One delegation deep: a model's role cannot send its readers on.
_CONFIG = UpdaterConfig(max_root_rotations=_MAX_ROOTS, root_max_length=_ROOT_LIMIT, max_delegations=1)


class ChannelReader:
    """Reads one channel and keeps its trusted metadata in `folder`.

    Args:
        source: where the metadata lies.
        root: pinned digest of the first root metadata that this client trusts; later roots are followed from there.
        folder: kept metadata, private to one process at a time; created when it is missing.
        floor: versions that must not be undercut, for a client whose folder may be empty or old.
        now: the time against which expiry is checked; None for the clock's.
        root_bytes: the pinned root itself, when the client ships with it: saves the request for it.
    """

    def __init__(
        self,
        *,
        source: MetadataSource,
        root: Digest,
        folder: Path,
        floor: Floor | None = None,
        now: datetime | None = None,
        root_bytes: bytes | None = None,
    ) -> None:
        if root_bytes is not None and Digest.of(root_bytes) != root:
            raise InputError(f"root bytes: they hash to {Digest.of(root_bytes)}, the pinned root is {root}")
        self._source = source
        self._root = root
        self._folder = folder
        self._floor = floor or Floor({})
        self._now = now
        self._root_bytes = root_bytes

    def refresh(self, name: str) -> ChannelState:
        """Fetch what is new, verify everything, and return the state for model `name`.

        Raises:
            TrustError: rules `refused.expired`, `refused.signature`, `refused.rollback`, `refused.root`,
                `refused.metadata`, `refused.promotion`, `refused.policy`, `refused.revocation`.
            RegistryError: the source's own error, when it refused or could not answer.
        """
        return self._read(name, source=self._source, kept=False)

    def read_kept(self, name: str) -> ChannelState:
        """Return the state for model `name` from the kept folder alone, fully verified, without any request.

        For a restart during an outage, within the metadata's expiry. The caller decides when to use it: it shows
        neither promotions nor revocations that were published since.

        Raises:
            TrustError: as `refresh`.
            RegistryUnavailableError: when the folder does not hold all that is needed.
        """
        source = _KeptSource(self._folder)
        source.fetch(metadata_path(role=Timestamp.type, version=0), _CONFIG.timestamp_max_length)
        return self._read(name, source=source, kept=True)

    def _read(self, name: str, *, source: MetadataSource, kept: bool) -> ChannelState:
        check_model_name(name)
        self._folder.mkdir(parents=True, exist_ok=True)
        fetcher = _Fetcher(source)
        bootstrap = self._bootstrap(source)
        try:
            updater = Updater(str(self._folder), _BASE, fetcher=fetcher, config=_CONFIG, bootstrap=bootstrap)
            return self._load(updater, name, kept=kept)
        except (RepositoryError, DownloadError, ValueError) as error:
            raise refusals.translate(error, path=fetcher.path, now=self._time()) from error

    def _time(self) -> datetime:
        return self._now or datetime.now(UTC)

    def _bootstrap(self, source: MetadataSource) -> bytes:
        if self._root_bytes is not None:
            return self._root_bytes
        history = self._folder / "root_history"
        for path in sorted(history.glob("*.root.json")):
            data = path.read_bytes()
            if Digest.of(data) == self._root:
                return data
        # The pin names bytes, not a version, so what is fetched here is hashed and not looked into. The first file
        # matches unless the pin was moved past a root rotation.
        for version in range(1, _MAX_ROOTS + 1):
            try:
                data = source.fetch(metadata_path(role=Root.type, version=version), _ROOT_LIMIT)
            except RegistryNotFoundError:
                break
            if Digest.of(data) == self._root:
                return data
        raise TrustError(
            f"no root metadata of this channel hashes to the pinned {self._root}: "
            "check the pinned digest and the repository (`weighbridge channel root` prints a channel's own)",
            rule="refused.root",
        )

    def _load(self, updater: Updater, name: str, *, kept: bool) -> ChannelState:
        # python-tuf has no public way to set the time of reference or to list the targets of a verified role.
        trusted = updater._trusted_set
        trusted.reference_time = self._time()
        updater.refresh()
        policy = read_policy(trusted.targets)
        known = {role.removesuffix(".json"): meta.version for role, meta in trusted.snapshot.meta.items()}
        known |= {item.type: item.version for item in (trusted.root, trusted.timestamp, trusted.snapshot)}
        self._check_floor(Floor(known))
        loaded: list[Signed] = [trusted.root, trusted.timestamp, trusted.snapshot, trusted.targets]

        records: Mapping[int, Promotion] = {}
        _check_delegated(trusted.targets, name, channel=policy.channel)
        if name in known:
            promotions = _delegated(updater, name, promotion_path(name=name, sequence=1))
            check_promoters(self._kept(name), name=name, delegator=trusted.targets, policy=policy)
            records = read_promotions(promotions, channel=policy.channel, name=name)
            loaded.append(promotions)
        revocations = _delegated(updater, REVOCATIONS, revocation_path(self._root))
        loaded.append(revocations)

        roles = {*TOP_LEVEL_ROLE_NAMES, name, REVOCATIONS}
        return ChannelState(
            channel=policy.channel,
            name=name,
            versions=Floor({role: version for role, version in known.items() if role in roles}),
            policy=policy,
            expires=min(item.expires for item in loaded),
            read_at=self._time(),
            records=records,
            revocations=read_revocations(revocations),
            kept=kept,
        )

    def _kept(self, name: str) -> Metadata[Targets]:
        # python-tuf keeps what it has verified, with its signatures, which it does not hand out otherwise.
        return Metadata[Targets].from_file(str(self._folder / f"{name}.json"))

    def _check_floor(self, known: Floor) -> None:
        below = known.below(self._floor)
        if below:
            raise TrustError(
                f"metadata below the floor: {', '.join(below)}: the channel says {known}, at least {self._floor} "
                "was seen before: somebody put back an older state of this channel",
                rule="refused.rollback",
            )


def _check_delegated(targets: Targets, name: str, *, channel: str) -> None:
    roles = targets.delegations.roles if targets.delegations is not None else None
    if not roles or name not in roles:
        raise NothingPromotedError(
            f"{channel}: model {name!r} is not known here: its owner adds it with `weighbridge channel add-model`"
        )


def _delegated(updater: Updater, role: str, path: str) -> Targets:
    updater.get_targetinfo(path)
    trusted = updater._trusted_set
    if not trusted.contains(role, Targets.type):
        raise TrustError(f"the channel delegates {path!r} to no role {role!r}", rule="refused.metadata")
    return cast(Targets, trusted[role])


class _Fetcher(FetcherInterface):
    """Feeds python-tuf from a `MetadataSource`. `path` is what was fetched last.

    python-tuf wraps foreign errors and takes a 403 for "no newer root": here the registry's own errors pass through,
    and only a plain 404 on the next root tells python-tuf that there is none.
    """

    def __init__(self, source: MetadataSource) -> None:
        self._source = source
        self.path: str | None = None

    def download_bytes(self, url: str, max_length: int) -> bytes:
        self.path = url.removeprefix(_BASE)
        try:
            data = self._source.fetch(self.path, max_length)
        except RegistryNotFoundError as error:
            if self.path.endswith(".root.json"):
                raise DownloadHTTPError(f"{self.path}: no newer root", 404) from error
            raise
        if len(data) > max_length:
            raise TrustError(f"{self.path}: longer than the {max_length} bytes allowed", rule="refused.metadata")
        return data

    def _fetch(self, url: str) -> Iterator[bytes]:
        yield self.download_bytes(url, _CONFIG.targets_max_length)


class _KeptSource:
    """The kept folder as a source: python-tuf keeps each role's metadata without its version."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def fetch(self, path: str, limit: int) -> bytes:
        if path.endswith(".root.json"):
            raise RegistryNotFoundError(f"{path}: no newer root is kept", status=404)
        version, _, rest = path.partition(".")
        kept = self._folder / (rest if version.isdigit() else path)
        try:
            with kept.open("rb") as file:
                return file.read(limit + 1)
        except OSError as error:
            raise RegistryUnavailableError(
                f"{kept.name}: not among the metadata kept in {self._folder}: the registry is needed"
            ) from error
