"""May each identity do what it has to, and nothing more? Asked without harm.

A refusal is proven with a checksum deploy of a digest that no file has: nothing can be stored by it. Only an identity
that has to write is asked to write: one small file, always the same one, whose replacement and removal must be refused.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator

from weighbridge.doctor.check import Check
from weighbridge.doctor.findings import Judgement, NotCheckedError, ok, problem, unknown, warning
from weighbridge.doctor.probe import Probe
from weighbridge.doctor.setup import Identity, Setup
from weighbridge.layout import SCRATCH, SCRATCH_FOLDER

OTHER = b"weighbridge doctor: this must not replace what lies here\n"
REFUSED = (401, 403)


def reader(setup: Setup) -> Iterator[Judgement]:
    """The reader reads both repositories of the channel, and writes to neither."""
    probe = setup.registry.probe("reader")
    for repository in _channel(setup):
        yield _may_read(probe, "reader", repository)
        yield _may_not_write(probe, "reader", repository, may_write=setup.may_write)


def scientist(setup: Setup) -> Iterator[Judgement]:
    """Scientists and jobs write to `incoming` once, and never to the channel."""
    probe = setup.registry.probe("scientist")
    incoming = setup.settings.registry.incoming_repository
    if incoming is not None:
        yield _may_read(probe, "scientist", incoming)
        yield from _writes_once(probe, "scientist", incoming, may_write=setup.may_write)
    for repository in _channel(setup):
        yield _may_not_write(probe, "scientist", repository, may_write=setup.may_write)


def registrar(setup: Setup) -> Iterator[Judgement]:
    """In the first channel the registrar reads `incoming` and writes models and records once; elsewhere it writes nothing."""
    probe = setup.registry.probe("registrar")
    incoming = setup.settings.registry.incoming_repository
    if incoming is not None:
        yield _may_read(probe, "registrar", incoming)
    for repository in _channel(setup):
        if setup.settings.channel.promote_from is None:
            yield from _writes_once(probe, "registrar", repository, may_write=setup.may_write)
        else:
            yield _may_not_write(probe, "registrar", repository, may_write=setup.may_write)


def promoter(setup: Setup) -> Iterator[Judgement]:
    """The promoter reads and writes models and records of its channel once."""
    probe = setup.registry.probe("promoter")
    for repository in _channel(setup):
        yield _may_read(probe, "promoter", repository)
        yield from _writes_once(probe, "promoter", repository, may_write=setup.may_write)


def _channel(setup: Setup) -> tuple[str, str]:
    return setup.settings.registry.models_repository, setup.settings.registry.records_repository


def _may_read(probe: Probe, identity: Identity, repository: str) -> Judgement:
    status = probe.send("GET", f"api/storage/{repository}").status
    if status == 200:
        return ok(f"the {identity} may read {repository}")
    remedy = f"give the {identity} the permission Read on {repository} (docs/architecture.md, identities)"
    return problem(f"the {identity} may not read {repository} ({status})", remedy=remedy)


def _may_not_write(probe: Probe, identity: Identity, repository: str, *, may_write: bool) -> Judgement:
    path = f"{repository}/{SCRATCH_FOLDER}/refused-{identity}.txt"
    headers = {"X-Checksum-Deploy": "true", "X-Checksum-Sha256": secrets.token_hex(32)}
    status, left = probe.send("PUT", path, headers=headers, body=b"").status, ""
    if status not in REFUSED and may_write:
        # The checksum deploy was not refused; whether writing is shows with content alone.
        status = probe.send("PUT", path, body=SCRATCH).status
        if status < 300 and probe.send("DELETE", path).status >= 300:
            left = f"; {path} stays behind"
    if status in REFUSED:
        return ok(f"the {identity} may not write to {repository}")
    remedy = f"take Deploy, Delete and Annotate on {repository} from the {identity}"
    if status < 300:
        return problem(f"the {identity} may write to {repository}{left}", remedy=remedy)
    return unknown(f"whether the {identity} may write to {repository} stays open ({status})", remedy=remedy)


def _writes_once(probe: Probe, identity: Identity, repository: str, *, may_write: bool) -> Iterator[Judgement]:
    if not may_write:
        raise NotCheckedError(
            f"what the {identity} may do in {repository} is found out by writing one small file",
            remedy="run without --read-only",
        )
    path = f"{repository}/{SCRATCH_FOLDER}/scratch-{identity}.txt"
    status = _put(probe, path, SCRATCH)
    if status >= 300:
        remedy = f"give the {identity} Deploy on {repository} (and a quota of storage)"
        yield problem(f"the {identity} may not write to {repository} ({status})", remedy=remedy)
        return
    yield ok(f"the {identity} may write to {repository}")
    yield _refuses_replacing(probe, identity, repository, path)
    yield _refuses_removal(probe, identity, repository, path)


def _refuses_replacing(probe: Probe, identity: Identity, repository: str, path: str) -> Judgement:
    status = _put(probe, path, OTHER)
    if status in (*REFUSED, 409):
        return ok(f"the {identity} may not overwrite in {repository}")
    if status < 300:
        _put(probe, path, SCRATCH)
        remedy = f"take Delete/Overwrite on {repository} from the {identity}: what is written once is never replaced"
        return problem(f"the {identity} may overwrite in {repository}", remedy=remedy)
    remedy = "look at the registry's log, then run again"
    return unknown(f"whether the {identity} may overwrite in {repository} stays open ({status})", remedy=remedy)


def _refuses_removal(probe: Probe, identity: Identity, repository: str, path: str) -> Judgement:
    status = probe.send("DELETE", path).status
    if status in REFUSED:
        return ok(f"the {identity} may not delete in {repository}")
    if status < 300:
        remedy = f"take Delete/Overwrite on {repository} from the {identity}"
        return problem(f"the {identity} may delete in {repository}", remedy=remedy)
    return warning(
        f"deleting in {repository} as the {identity} was answered with {status}, not refused",
        remedy="look at the registry's log: a missing permission is answered with 403",
    )


def _put(probe: Probe, path: str, data: bytes) -> int:
    return probe.send("PUT", path, headers={"X-Checksum-Sha256": hashlib.sha256(data).hexdigest()}, body=data).status


PERMISSION_CHECKS = (
    Check("permissions.reader", "May the reader read the channel, and write nothing?", reader),
    Check(
        "permissions.scientist",
        "May scientists and jobs write to incoming once, and nothing to the channel?",
        scientist,
    ),
    Check("permissions.registrar", "May the registrar write to the first channel alone, each path once?", registrar),
    Check("permissions.promoter", "May the promoter write to the channel, each path once?", promoter),
)
