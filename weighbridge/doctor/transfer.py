"""Do files arrive as the pull needs them: in ranges, with digests, from a host that the VPC reaches?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from weighbridge.doctor.check import Check
from weighbridge.doctor.findings import Judgement, NotCheckedError, ok, problem, warning
from weighbridge.doctor.probe import Answer, Probe
from weighbridge.doctor.setup import Setup
from weighbridge.registry.http import REDIRECTS
from weighbridge.registry.models import quote_path
from weighbridge.settings import CreatedNetwork


def ranges(setup: Setup) -> Iterator[Judgement]:
    """Ask for two bytes in the middle of a file: a resumed pull needs 206 with the right Content-Range."""
    for repository, path in _samples(setup):
        answer = _two_bytes(setup, repository, path)
        if answer.status in REDIRECTS:
            yield ok(f"{repository} redirects to its storage, which serves ranges itself")
            continue
        told = answer.headers.get("content-range", "")
        if answer.status == 206 and re.fullmatch(r"bytes 1-2/[0-9]+", told) and len(answer.body) == 2:
            yield ok(f"{repository} serves ranges")
        elif answer.status == 206:
            remedy = "make the reverse proxy pass Range and Content-Range through unchanged"
            yield problem(f"{repository} answers a range with Content-Range {told!r}", remedy=remedy)
        else:
            remedy = "let the reverse proxy pass Range through: a pull that breaks off starts at zero without it"
            yield warning(f"{repository} does not serve ranges ({answer.status})", remedy=remedy)


def digests(setup: Setup) -> Iterator[Judgement]:
    """Ask for a file's headers: frogml refuses a file without X-Checksum-Sha256."""
    probe = _reader(setup)
    for repository, path in _samples(setup):
        answer = probe.send("HEAD", f"{repository}/{quote_path(path)}")
        if re.fullmatch(r"[0-9a-f]{64}", answer.headers.get("x-checksum-sha256", "")):
            yield ok(f"{repository} tells SHA-256 digests")
        else:
            remedy = "let the reverse proxy pass X-Checksum-* through, and answer HEAD without a redirect"
            yield problem(f"{repository} answers HEAD ({answer.status}) without X-Checksum-Sha256", remedy=remedy)


def redirects(setup: Setup) -> Iterator[Judgement]:
    """See where a download is sent: a container in the VPC must reach that host too."""
    for repository, path in _samples(setup):
        answer = _two_bytes(setup, repository, path)
        host = urlsplit(answer.headers.get("location", "")).hostname if answer.status in REDIRECTS else None
        own = urlsplit(setup.settings.registry.url).hostname
        yield (
            ok(f"downloads from {repository} stay on the registry's host")
            if host in (None, own)
            else _judge_redirect(setup, repository, str(host))
        )


def _judge_redirect(setup: Setup, repository: str, host: str) -> Judgement:
    if setup.settings.egress.proxy is not None:
        remedy = f"make sure that the proxy opens ways to {host}, or switch direct cloud storage download off"
        return warning(f"downloads from {repository} are redirected to {host}, through the proxy", remedy=remedy)
    if not isinstance(setup.settings.network, CreatedNetwork):
        remedy = f"make sure that the VPC's subnets reach {host} on port 443"
        return warning(f"downloads from {repository} are redirected to {host}", remedy=remedy)
    # The created VPC's S3 endpoint reaches buckets of its own account alone, and a registry's bucket is not one of them.
    remedy = (
        f"switch direct cloud storage download off for {repository}, or use network.existing with a route to {host}"
    )
    return problem(
        f"downloads from {repository} are redirected to {host}, which the created VPC does not reach", remedy=remedy
    )


def _reader(setup: Setup) -> Probe:
    return setup.registry.probe("reader", "promoter", "registrar", "administrator")


def _two_bytes(setup: Setup, repository: str, path: str) -> Answer:
    return _reader(setup).send("GET", f"{repository}/{quote_path(path)}", headers={"Range": "bytes=1-2"})


def _samples(setup: Setup) -> tuple[tuple[str, str], ...]:
    """One file of at least three bytes of each of the channel's repositories that holds one."""
    found: list[tuple[str, str]] = []
    for repository in (setup.settings.registry.models_repository, setup.settings.registry.records_repository):
        answer = _reader(setup).send("GET", f"api/storage/{repository}?list&deep=1&listFolders=0")
        body = answer.json() if answer.status == 200 else None
        files = body.get("files") if isinstance(body, dict) else None
        for entry in files if isinstance(files, list) else []:
            if isinstance(entry, dict) and re.fullmatch(r"[3-9]|[1-9][0-9]+", str(entry.get("size"))):
                found.append((repository, str(entry.get("uri", "")).lstrip("/")))
                break
    if not found:
        raise NotCheckedError(
            "the channel's repositories hold no file yet",
            remedy="found the channel with `weighbridge channel init`, then run again",
        )
    return tuple(found)


TRANSFER_CHECKS = (
    Check("transfer.ranges", "Are ranges served, so that a pull can go on where it broke off?", ranges),
    Check("transfer.digests", "Does a file's HEAD tell its SHA-256?", digests),
    Check("transfer.redirects", "Does a download end on a host that the VPC reaches?", redirects),
)
