"""The registrar: read every byte back from `incoming`, bind it into a release, sign that, write it into a channel.

Order of writes: the version's claim, weights, sidecars, release.json, statements.json, and the record last, which is
what readers read. Every write is write-once and the same in every run, so a repeated call completes a half-done one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from securesystemslib.signer import Signer

from weighbridge.bom import TEXTS, Contents, parse_card
from weighbridge.errors import IntegrityError
from weighbridge.layout import ChannelLayout, weights_folder
from weighbridge.names import Digest, ReleaseReference, check_name
from weighbridge.registration.binding import bind
from weighbridge.registration.evidence import JobEvidence, lineage_of
from weighbridge.registration.job_record import JOB_RECORD_LIMIT, JOB_RECORD_PATH, JobRecord, parse_job_record
from weighbridge.registration.logged import LoggedFile, logged_files
from weighbridge.registration.readback import Progress, read_back
from weighbridge.registration.statements import write_statements
from weighbridge.registration.version_claim import claim_version
from weighbridge.registration.weights import copy_weights, mirror_properties
from weighbridge.registry import ArtifactoryClient, Location
from weighbridge.release import BaseModel, BuiltRelease, ComponentRole, FileDigests, Release, Runtime
from weighbridge.verification import make_record


@dataclass(frozen=True, slots=True)
class Registration:
    """A registered release. `warnings` are things that people may look at and nothing is decided from."""

    release: Release
    reference: ReleaseReference
    statements: Digest
    warnings: tuple[str, ...]

    @property
    def digest(self) -> Digest:
        """The release digest."""
        return self.release.digest


def register(
    *,
    client: ArtifactoryClient,
    name: str,
    version: str,
    incoming: str,
    layout: ChannelLayout,
    runtime: Runtime,
    signer: Signer,
    builder: str,
    evidence: JobEvidence | None = None,
    lock: bytes | None = None,
    allowed: Callable[[BaseModel | None], bytes | None] | None = None,
    progress: Progress | None = None,
) -> Registration:
    """Register what was uploaded as NAME:VERSION into the first channel. Safe to repeat.

    Args:
        client: the registry, as the registrar: may read `incoming` and write the channel's two repositories.
        incoming: repository key of the uploads.
        layout: the channel's repositories.
        runtime: the serving image by digest, and the digest of its lock file.
        signer: the registrar's key; the channel's policy names it in its role `registrar`.
        builder: URI of who registers, for the provenance statement.
        evidence: what AWS says of the training job; None leaves the lineage to the upload's claims.
        lock: bytes of the lock file, kept for later registrations; None looks for those that were kept. Without them the bill
            of materials says that the dependencies are unknown.
        allowed: raises when the release's base model must not be used, and returns that model's own card where it is known;
            called before anything is written.
        progress: called with the number of bytes read back since the last call.

    Raises:
        InputError: rule `input.lock`, when the lock file is another than `runtime` names.
        RegistryNotFoundError: nothing was uploaded as NAME:VERSION.
        IntegrityError: the bytes are not those that were logged.
        TrustError: rule `refused.lineage` or `refused.job-record`.
        RegistryConflictError: NAME:VERSION is another release already.
        RegistryError, CloudError: registry or KMS could not do it.
    """
    check_name(name, field="model name")
    check_name(version, field="version")
    files = logged_files(client=client, repository=incoming, name=name, version=version)
    folder = weights_folder(name=name, version=version)
    digests = read_back(client=client, repository=incoming, folder=folder, files=files, progress=progress)
    record = _job_record(client, Location(incoming, f"{folder}/{JOB_RECORD_PATH}"), digests.get(JOB_RECORD_PATH))
    lineage = lineage_of(record=record, evidence=evidence)
    base_card = None if allowed is None else allowed(lineage.base_model)
    contents = Contents(
        name=name,
        version=version,
        files=digests,
        roles=_roles(files),
        runtime=runtime,
        lineage=lineage,
        base_licences=() if base_card is None else parse_card(base_card).licences,
    )
    texts = {
        path: _small_file(client, Location(incoming, f"{folder}/{path}"), digests.get(path), TEXTS[path])
        for path in TEXTS
    }
    built = bind(
        client=client,
        layout=layout,
        contents=contents,
        texts={path: data for path, data in texts.items() if data is not None},
        lock=lock,
    )
    claim_version(client=client, layout=layout, release=built.release)
    copy_weights(
        client=client,
        components=built.release.components,
        folder=folder,
        source=incoming,
        target=layout.models_repository,
    )
    statements = _write_records(client, layout, built, signer=signer, builder=builder, evidence=evidence)
    release = built.release
    return Registration(
        release=release,
        reference=release.reference(host=client.host, repository=layout.models_repository),
        statements=Digest.of(statements),
        warnings=mirror_properties(
            client=client,
            location=Location(layout.models_repository, folder),
            properties={"weighbridge.release": release.digest.hex},
        ),
    )


def _job_record(client: ArtifactoryClient, location: Location, digests: FileDigests | None) -> JobRecord:
    if digests is not None and digests.size > JOB_RECORD_LIMIT:
        raise IntegrityError(f"{location}: {digests.size} bytes are more than the {JOB_RECORD_LIMIT} that it may have")
    data = _small_file(client, location, digests, JOB_RECORD_LIMIT)
    return JobRecord() if data is None else parse_job_record(data)


def _small_file(client: ArtifactoryClient, location: Location, digests: FileDigests | None, limit: int) -> bytes | None:
    """Return the bytes that were read back before; None when there is no such file, or none of a readable size."""
    if digests is None or digests.size > limit:
        return None
    data = client.read(repository=location.repository, path=location.path, limit=limit)
    if Digest.of(data) != digests.digest:
        raise IntegrityError(f"{location}: changed while it was read")
    return data


def _roles(files: Sequence[LoggedFile]) -> dict[str, ComponentRole]:
    roles: dict[str, ComponentRole] = {file.path: "code" for file in files if file.kind == "code"}
    if any(file.path == JOB_RECORD_PATH for file in files):
        roles[JOB_RECORD_PATH] = "record"
    return roles


def _write_records(
    client: ArtifactoryClient,
    layout: ChannelLayout,
    built: BuiltRelease,
    *,
    signer: Signer,
    builder: str,
    evidence: JobEvidence | None,
) -> bytes:
    release, repository = built.release, layout.records_repository
    folder = layout.release_folder(name=release.name, release=release.digest)
    for sidecar, data in built.sidecars.items():
        client.deploy_bytes(repository=repository, path=f"{folder}/{sidecar}", data=data)
    path = layout.release_path(name=release.name, release=release.digest)
    client.deploy_bytes(repository=repository, path=path, data=release.to_bytes())
    statements = write_statements(
        client=client, layout=layout, release=release, signer=signer, builder=builder, evidence=evidence
    )
    client.deploy_bytes(
        repository=repository,
        path=layout.record_path(name=release.name, release=release.digest, statements=Digest.of(statements)),
        data=make_record(release=release.to_bytes(), statements=statements),
    )
    return statements
