"""Bind what was read back into a release with its bill of materials and the lock file that the bill lists dependencies from."""

from __future__ import annotations

from collections.abc import Mapping

from weighbridge.bom import Contents, make_bom
from weighbridge.errors import InputError, RegistryNotFoundError
from weighbridge.layout import RELEASE_LOCK, ChannelLayout
from weighbridge.names import Digest
from weighbridge.registration.locks import find_lock, keep_lock
from weighbridge.registration.version_claim import find_release
from weighbridge.registry import ArtifactoryClient
from weighbridge.release import BuiltRelease, Runtime, release_of


def bind(
    *,
    client: ArtifactoryClient,
    layout: ChannelLayout,
    contents: Contents,
    texts: Mapping[str, bytes],
    lock: bytes | None,
) -> BuiltRelease:
    """Return the release with its bill of materials. One that was begun before its lock file was kept is completed as it was begun.

    Args:
        texts: see `weighbridge.bom.make_bom`.
        lock: the lock file's bytes, kept for later registrations; None for what was kept before.

    Raises:
        InputError: rule `input.lock`, when the lock file is another than the runtime's.
        RegistryError: the registry could not do it.
    """
    lock = _lock(client, layout, runtime=contents.runtime, given=lock)
    built = _with_bom(contents, texts=texts, lock=lock)
    if lock is None:
        return built
    try:
        begun = find_release(client=client, layout=layout, name=contents.name, version=contents.version)
    except RegistryNotFoundError:
        return built
    earlier = _with_bom(contents, texts=texts, lock=None)
    return earlier if earlier.release.digest == begun else built


def _lock(client: ArtifactoryClient, layout: ChannelLayout, *, runtime: Runtime, given: bytes | None) -> bytes | None:
    if given is None:
        return find_lock(client=client, layout=layout, lock=runtime.lock)
    if Digest.of(given) != runtime.lock:
        raise InputError(
            f"lock file: its bytes hash to {Digest.of(given)}, the runtime's lock file is {runtime.lock}: give that file",
            rule="input.lock",
        )
    keep_lock(client=client, layout=layout, data=given)
    return given


def _with_bom(contents: Contents, *, texts: Mapping[str, bytes], lock: bytes | None) -> BuiltRelease:
    built = release_of(
        name=contents.name,
        version=contents.version,
        files=contents.files,
        roles=contents.roles,
        runtime=contents.runtime,
        lineage=contents.lineage,
        bom=make_bom(contents=contents, texts=texts, lock=lock),
    )
    beside = {} if lock is None else {RELEASE_LOCK: lock}
    return BuiltRelease(release=built.release, sidecars={**built.sidecars, **beside})
