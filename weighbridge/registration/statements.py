"""The registrar's statements: one signed provenance, kept once it is written (signatures differ from run to run)."""

from __future__ import annotations

from securesystemslib.signer import Signer

from weighbridge.canonical import JsonObject
from weighbridge.errors import RegistryConflictError, RegistryForbiddenError, RegistryNotFoundError, TrustError
from weighbridge.layout import ChannelLayout
from weighbridge.names import Digest
from weighbridge.registration.evidence import JobEvidence
from weighbridge.registry import ArtifactoryClient
from weighbridge.release import Release
from weighbridge.trust import Policy, bundle, provenance, sign_statement, verify_bundle
from weighbridge.trust.provenance import PREDICATE_TYPE
from weighbridge.trust.statements import BUNDLE_LIMIT


def write_statements(
    *,
    client: ArtifactoryClient,
    layout: ChannelLayout,
    release: Release,
    signer: Signer,
    builder: str,
    evidence: JobEvidence | None,
) -> bytes:
    """Return the statements bundle of `release`: the one that lies there if the registrar's key verifies it, else a new one.

    Raises:
        TrustError: when what lies there is not the registrar's.
    """
    path = layout.statements_path(name=release.name, release=release.digest)
    present = _read(client, repository=layout.records_repository, path=path)
    if present is None:
        data = bundle([_provenance(release, signer=signer, builder=builder, evidence=evidence)])
        try:
            client.deploy_bytes(repository=layout.records_repository, path=path, data=data)
            return data
        except (RegistryConflictError, RegistryForbiddenError):
            # Another registrar may have been first with the same release; then only its signature differs, and this one
            # may not overwrite it.
            present = _read(client, repository=layout.records_repository, path=path)
            if present is None:
                raise
    _check(present, release=release, signer=signer, channel=layout.channel, where=f"{layout.records_repository}/{path}")
    return present


def _read(client: ArtifactoryClient, *, repository: str, path: str) -> bytes | None:
    try:
        return client.read(repository=repository, path=path, limit=BUNDLE_LIMIT)
    except RegistryNotFoundError:
        return None


def _provenance(release: Release, *, signer: Signer, builder: str, evidence: JobEvidence | None) -> JsonObject:
    predicate = provenance(release=release, builder=builder)
    definition = predicate["buildDefinition"]
    if evidence is not None and isinstance(definition, dict):
        known = definition.get("resolvedDependencies")
        definition["resolvedDependencies"] = [*(known if isinstance(known, list) else []), *evidence.dependencies()]
        internal = definition.get("internalParameters")
        if evidence.role is not None and isinstance(internal, dict):
            internal["role"] = evidence.role
    return sign_statement(
        name=release.name,
        version=release.version,
        release=release.digest,
        predicate_type=PREDICATE_TYPE,
        predicate=predicate,
        signers=[signer],
    )


def _check(data: bytes, *, release: Release, signer: Signer, channel: str, where: str) -> None:
    key = signer.public_key
    policy = Policy(
        channel=channel,
        keys={key.keyid: key},
        roles={"registrar": (key.keyid,)},
        required_statements={PREDICATE_TYPE: ("registrar",)},
    )
    try:
        verify_bundle(
            data=data,
            expected=Digest.of(data),
            release=release.digest,
            name=release.name,
            version=release.version,
            policy=policy,
        )
    except TrustError as error:
        raise TrustError(
            f"{where}: statements lie there that are not this registrar's: {error}", rule=error.rule
        ) from error
