"""Read what roles stated in a folder of the records, so that no amount of junk beside it hides it.

A statement lies under `ROLE.BUNDLE_HEX.json`. What has another name, or not the digest that its name says, was not written by
weighbridge and is not read. What is left only a role's own token could write; all of it is read, small files first.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from weighbridge.canonical import Json
from weighbridge.errors import IntegrityError, RegistryNotFoundError, TrustError
from weighbridge.names import Digest
from weighbridge.registry import ArtifactoryClient, FileInfo
from weighbridge.trust.statements import BUNDLE_LIMIT, envelopes_of

# Bounds of what a thief of one role's token can cost, for each role by itself: he delays a promotion by minutes, and stops none
# that states less than what he wrote.
FILES_PER_ROLE = 20_000
BYTES_PER_ROLE = 1024 * 1024 * 1024
ENVELOPES_PER_FILE = 16
_AT_ONCE = 8
_NAME = re.compile(r"(?P<role>[a-z][a-z0-9_-]{0,63})\.(?P<hex>[0-9a-f]{64})\.json", re.ASCII)


def stated_envelopes(
    *, client: ArtifactoryClient, repository: str, folder: str, roles: Collection[str]
) -> Iterator[tuple[str, Json]]:
    """Yield (role, envelope) of every bundle that one of `roles` may have written in `folder`. None is verified yet.

    Raises:
        RegistryError: when the folder cannot be listed, or a file that it lists cannot be read.
    """
    try:
        files = client.listing(repository=repository, path=folder)
    except RegistryNotFoundError:
        return
    chosen = list(_chosen(files, folder=folder, roles=roles))

    def read(item: tuple[str, FileInfo]) -> list[Json]:
        try:
            data = client.read(repository=repository, path=item[1].path, limit=BUNDLE_LIMIT)
            found = envelopes_of(data)
        except (TrustError, IntegrityError, RegistryNotFoundError):
            return []
        named = item[1].path.endswith(f".{Digest.of(data).hex}.json")
        return list(found) if named and len(found) <= ENVELOPES_PER_FILE else []

    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        for (role, _), envelopes in zip(chosen, pool.map(read, chosen), strict=True):
            yield from ((role, envelope) for envelope in envelopes)


def _chosen(files: Sequence[FileInfo], *, folder: str, roles: Collection[str]) -> Iterator[tuple[str, FileInfo]]:
    counts, totals = dict.fromkeys(roles, 0), dict.fromkeys(roles, 0)
    for file in sorted(files, key=lambda item: (item.size, item.path)):
        name = _NAME.fullmatch(file.path.removeprefix(f"{folder}/"))
        if name is None or name["role"] not in counts or not 0 < file.size <= BUNDLE_LIMIT:
            continue
        if file.sha256 is not None and file.sha256 != name["hex"]:
            continue
        role = name["role"]
        counts[role] += 1
        totals[role] += file.size
        if counts[role] <= FILES_PER_ROLE and totals[role] <= BYTES_PER_ROLE:
            yield role, file
