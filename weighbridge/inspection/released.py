"""Inspect a registered release where it lies, and state the result under the inspector's key.

Between registration and promotion, by an identity of its own: it reads the first channel's models and records, and writes
bundles named after its role beside the release's records.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TypedDict

from securesystemslib.signer import Signer

from weighbridge.errors import IntegrityError, RegistryNotFoundError, TrustError
from weighbridge.inspection.exceptions import PickleException, apply_exception
from weighbridge.inspection.findings import FileVerdict, Verdict
from weighbridge.inspection.judgement import judge, settle
from weighbridge.inspection.names import printable_path
from weighbridge.inspection.reader import ForwardReader
from weighbridge.inspection.remote import RemoteFile
from weighbridge.inspection.report import InspectionReport
from weighbridge.inspection.second_look import Room, SecondLook
from weighbridge.inspection.statement import PREDICATE_TYPE, inspection_predicate, is_current
from weighbridge.layout import ChannelLayout
from weighbridge.names import Digest
from weighbridge.registration import find_release
from weighbridge.registry import ArtifactoryClient, Location
from weighbridge.release import RELEASE_LIMIT, Release, parse_release
from weighbridge.trust import Policy, bundle, sign_statement
from weighbridge.trust.statements import BUNDLE_LIMIT, envelopes_of, verify_envelope

ROLE = "inspector"
SAID_LIMIT = 3
COPY_BYTES = 1024 * 1024

# Without limits: the own validators, however long they take.
_ALL_DAY = Room(scanner=None, largest=0, left=lambda: math.inf)

Progress = Callable[[int], None]


class InspectionAnswer(TypedDict):
    """What a state machine keeps of an inspection: `outcome` decides, `detail` is one line for people."""

    outcome: Verdict
    model: str
    version: str
    release: str
    detail: str


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was stated about a release. `report` is None when a clean statement of this inspector's lay there already."""

    release: Release
    verdict: Verdict
    statement: str
    report: InspectionReport | None

    def answer(self) -> InspectionAnswer:
        """Return what a state machine keeps of it."""
        files = () if self.report is None else self.report.files
        blocked = [file for file in files if file.verdict == "blocked"]
        said = [f"{printable_path(file.path)}: {_first_rule(file)}" for file in blocked[:SAID_LIMIT]]
        return {
            "outcome": self.verdict,
            "model": self.release.name,
            "version": self.release.version,
            "release": str(self.release.digest),
            "detail": f"{len(blocked)} files are blocked: {'; '.join(said)}" if blocked else "every file is clean",
        }


def inspect_registered(
    *,
    client: ArtifactoryClient,
    layout: ChannelLayout,
    name: str,
    version: str,
    signer: Signer,
    now: datetime,
    exceptions: Mapping[Digest, PickleException] | None = None,
    progress: Progress | None = None,
    room: Room | None = None,
) -> Inspection:
    """Inspect NAME:VERSION as it was registered in the first channel, sign the verdict and write it. Safe to repeat.

    Every byte that is not code is streamed once, for digests and validators together; nothing is kept on disk, but for a scanner
    until it has looked.

    Args:
        client: the registry, as the inspector: may read models and records, and write its own statements.
        signer: the inspector's key; the channel's policy names it in its role `inspector`.
        now: time of the inspection, for the statement and the ends of exceptions.
        progress: called with the size in bytes of each file that was judged.
        room: for a scanner, and the time that there is; what does not fit is blocked. None for the own validators, however long.

    Raises:
        RegistryNotFoundError: nothing is registered as NAME:VERSION.
        IntegrityError: what lies in the channel is not the release, byte for byte; nothing is stated.
        RegistryError, CloudError: registry or KMS could not do it; repeat the call.
    """
    release = read_registered(client=client, layout=layout, name=name, version=version)
    scanner = None if room is None or room.scanner is None else room.scanner(1).name
    present = _present(client=client, layout=layout, release=release, signer=signer, scanner=scanner)
    if present is not None:
        return Inspection(release=release, verdict="clean", statement=present, report=None)
    report = inspect_release(
        client=client, layout=layout, release=release, exceptions=exceptions, now=now, progress=progress, room=room
    )
    path = state_inspection(client=client, layout=layout, release=release, report=report, signer=signer, now=now)
    return Inspection(release=release, verdict=report.verdict, statement=path, report=report)


def read_registered(*, client: ArtifactoryClient, layout: ChannelLayout, name: str, version: str) -> Release:
    """Return the release that is registered as NAME:VERSION.

    Raises:
        RegistryNotFoundError, IntegrityError, TrustError: there is none, or it is not sound.
    """
    digest = find_release(client=client, layout=layout, name=name, version=version)
    path = layout.release_path(name=name, release=digest)
    data = client.read(repository=layout.records_repository, path=path, limit=RELEASE_LIMIT)
    release = parse_release(data, expected=digest)
    if (release.name, release.version) != (name, version):
        raise TrustError(
            f"{layout.channel}: {name}:{version} leads to {release.name}:{release.version}", rule="refused.version"
        )
    return release


def inspect_release(
    *,
    client: ArtifactoryClient,
    layout: ChannelLayout,
    release: Release,
    now: datetime,
    exceptions: Mapping[Digest, PickleException] | None = None,
    progress: Progress | None = None,
    room: Room | None = None,
) -> InspectionReport:
    """Judge every component of `release` but those of role `code`, which are never pulled. `room`: as for `inspect_registered`.

    Raises:
        IntegrityError: when a component has another length than the release says.
        RegistryError: when one cannot be read.
    """
    with SecondLook(room or _ALL_DAY) as look:
        for component in release.components:
            if component.role == "code":
                continue
            why = look.refusal(component.size)
            if why is not None:
                look.refuse(path=component.path, size=component.size, why=why)
                continue
            path = layout.weights_path(name=release.name, version=release.version, path=component.path)
            location = Location(layout.models_repository, path)
            with (
                RemoteFile(client=client, location=location, size=component.size) as file,
                look.passing(component.path, file) as passing,
            ):
                verdict = judge(component.path, ForwardReader(passing, size=component.size))
            if any(finding.rule == "inspect.file.changed" for finding in verdict.findings):
                raise IntegrityError(f"{location}: is not the {component.size} bytes that the release names")
            look.add(apply_exception(verdict, exceptions or {}, now=now))
            if progress is not None:
                progress(component.size)
        files, scanners = look.finish()
    return replace(settle(files), scanners=scanners)


def fetch_release_files(*, client: ArtifactoryClient, layout: ChannelLayout, release: Release, folder: Path) -> None:
    """Copy what `inspect_release` would judge into a private folder, for scanners, which need files.

    Raises:
        IntegrityError: when a component has another length than the release says.
        RegistryError: when one cannot be read.
    """
    for component in release.components:
        if component.role == "code":
            continue
        path = layout.weights_path(name=release.name, version=release.version, path=component.path)
        target = folder / component.path
        target.parent.mkdir(parents=True, exist_ok=True)
        location = Location(layout.models_repository, path)
        with RemoteFile(client=client, location=location, size=component.size) as file, target.open("xb") as copy:
            while data := file.read(COPY_BYTES):
                copy.write(data)


def state_inspection(
    *,
    client: ArtifactoryClient,
    layout: ChannelLayout,
    release: Release,
    report: InspectionReport,
    signer: Signer,
    now: datetime,
) -> str:
    """Sign what was found, clean or blocked, write it beside the release's records, and return its path.

    Raises:
        IntegrityError: when the report is not about exactly this release.
    """
    envelope = sign_statement(
        name=release.name,
        version=release.version,
        release=release.digest,
        predicate_type=PREDICATE_TYPE,
        predicate=inspection_predicate(report, release, inspected_at=now),
        signers=[signer],
    )
    data = bundle([envelope])
    path = layout.later_statement_path(name=release.name, release=release.digest, role=ROLE, bundle=Digest.of(data))
    client.deploy_bytes(repository=layout.records_repository, path=path, data=data)
    return path


def _present(
    *, client: ArtifactoryClient, layout: ChannelLayout, release: Release, signer: Signer, scanner: str | None
) -> str | None:
    """Return the path of a clean statement by this key, these validators and this scanner: a repetition reads no weights."""
    folder = layout.later_statements_folder(name=release.name, release=release.digest)
    try:
        files = client.listing(repository=layout.records_repository, path=folder)
    except RegistryNotFoundError:
        return None
    key = signer.public_key
    policy = Policy(
        channel=layout.channel, keys={key.keyid: key}, roles={ROLE: (key.keyid,)}, required_statements={PREDICATE_TYPE: (ROLE,)}
    )  # fmt: skip
    for file in files:
        if not file.path.startswith(f"{folder}/{ROLE}."):
            continue
        try:
            data = client.read(repository=layout.records_repository, path=file.path, limit=BUNDLE_LIMIT)
            (envelope,) = envelopes_of(data)
            subject = f"{release.name}:{release.version}"
            found = verify_envelope(envelope, subject=subject, release=release.digest, policy=policy)
        except (TrustError, IntegrityError, ValueError):
            continue
        if found.predicate_type == PREDICATE_TYPE and is_current(found.predicate, scanner=scanner):
            return file.path
    return None


def _first_rule(file: FileVerdict) -> str:
    return next(finding.rule for finding in file.findings if finding.severity == "block")
