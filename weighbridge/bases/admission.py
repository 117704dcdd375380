"""Admit a base model: what the hub's proxy gave at one revision is inspected, copied, and stated under the inspector's key.

In the repository (generic): `ORG/MODEL/REVISION/files/PATH`, and `ORG/MODEL/REVISION/admissions/BUNDLE_HEX.json`. Both are
written once; an admission that is repeated is a later statement, and the newest decides.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from securesystemslib.signer import Key, Signer

from weighbridge import canonical
from weighbridge.canonical import Json, JsonObject
from weighbridge.errors import IntegrityError, RegistryNotFoundError, TrustError
from weighbridge.names import Digest
from weighbridge.registry import ArtifactoryClient, FileInfo
from weighbridge.release import BaseModel
from weighbridge.trust import Policy, bundle, sign_statement
from weighbridge.trust.statements import BUNDLE_LIMIT, envelopes_of, verify_envelope
from weighbridge.trust.times import format_time

if TYPE_CHECKING:
    from weighbridge.inspection import InspectionReport

ADMISSION_TYPE = "urn:weighbridge:admission:v1"
ROLE = "inspector"
RULE = "refused.base-not-admitted"
STATEMENTS_LIMIT = 20_000
_NAME = re.compile(r".*/admissions/([0-9a-f]{64})\.json", re.ASCII | re.DOTALL)


@dataclass(frozen=True, slots=True)
class AdmittedFile:
    """One file of a base model: `size` in bytes."""

    path: str
    size: int
    digest: Digest


@dataclass(frozen=True, slots=True)
class Admission:
    """What an inspector stated about a base model at one revision. `verified` tells whether a key was asked for."""

    base: BaseModel
    verdict: str
    admitted_at: str
    files: tuple[AdmittedFile, ...]
    verified: bool


@dataclass(frozen=True, slots=True)
class BaseRepository:
    """The repository of admitted base models, as one identity sees it."""

    client: ArtifactoryClient
    repository: str

    def file_path(self, base: BaseModel, path: str) -> str:
        """Where a file of `base` lies."""
        return f"{_folder(base)}/files/{path}"

    def newest(self, base: BaseModel, *, keys: Sequence[Key] | None) -> Admission:
        """Return the newest admission of `base`.

        Args:
            keys: whose statements count; None for anybody's, which is for a reader that has no key and decides nothing.

        Raises:
            TrustError: rule `refused.base-not-admitted`, when there is none, or the newest is not clean.
            RegistryError: the registry could not answer.
        """
        found = [
            item for data in self._statements(base) if (item := _admission(data, base=base, keys=keys)) is not None
        ]
        what = f"base model {base.repository}@{base.revision}"
        if not found:
            raise TrustError(
                f"{what}: was never admitted: run `weighbridge admit {base.repository}@{base.revision}`", rule=RULE
            )
        newest = max(found, key=lambda item: (item.admitted_at, item.verdict != "clean"))
        if newest.verdict != "clean":
            raise TrustError(f"{what}: its inspection at {newest.admitted_at} says {newest.verdict!r}", rule=RULE)
        return newest

    def _statements(self, base: BaseModel) -> list[bytes]:
        try:
            files = self.client.listing(repository=self.repository, path=f"{_folder(base)}/admissions")
        except RegistryNotFoundError:
            return []
        # Small ones first: whoever may write here must not hide the honest admission behind junk.
        named = sorted((file for file in files if _is_statement(file)), key=lambda file: (file.size, file.path))
        return [
            self.client.read(repository=self.repository, path=file.path, limit=BUNDLE_LIMIT)
            for file in named[:STATEMENTS_LIMIT]
        ]


def admit(
    *, bases: BaseRepository, base: BaseModel, folder: Path, report: InspectionReport, signer: Signer, now: datetime
) -> str:
    """Write what was inspected in `folder` into the repository of base models, if it is clean, and the signed verdict.

    Args:
        report: the inspection of exactly the files in `folder`.

    Returns:
        The path of the statement.

    Raises:
        IntegrityError: a file changed after it was inspected.
        RegistryError, CloudError: repeat the call.
    """
    # Jobs read admissions in images that have no parser of templates: only who inspects needs the validators.
    from weighbridge.inspection.statement import inspector

    files: list[Json] = []
    for file in report.files:
        digest = None if file.digest is None else file.digest.hex
        entry: JsonObject = {
            "path": file.path, "size": file.size, "sha256": digest, "format": file.format, "verdict": file.verdict,
            "rules": sorted({item.rule for item in file.findings}),
        }  # fmt: skip
        files.append(entry)
        if report.verdict == "clean":
            if digest is None:
                raise IntegrityError(f"{base.repository}: {file.path!a} was not read to its end")
            bases.client.deploy_file(
                repository=bases.repository,
                path=bases.file_path(base, file.path),
                source=folder / file.path,
                sha256=digest,
            )
    envelope = sign_statement(
        name=base.repository,
        version=base.revision,
        release=_digest(files),
        predicate_type=ADMISSION_TYPE,
        predicate={
            "verdict": report.verdict,
            "admitted_at": format_time(now),
            "inspector": inspector(),
            "scanners": [
                {"name": item.name, "version": item.version, "complete": item.complete} for item in report.scanners
            ],
            "files": files,
        },
        signers=[signer],
    )
    data = bundle([envelope])
    path = f"{_folder(base)}/admissions/{Digest.of(data).hex}.json"
    bases.client.deploy_bytes(repository=bases.repository, path=path, data=data)
    return path


def _is_statement(file: FileInfo) -> bool:
    name = _NAME.fullmatch(file.path)
    return name is not None and 0 < file.size <= BUNDLE_LIMIT and file.sha256 in (None, name[1])


def _admission(data: bytes, *, base: BaseModel, keys: Sequence[Key] | None) -> Admission | None:
    """Return the admission in a bundle; None for what is none, or is not signed by one of `keys`."""
    try:
        (envelope,) = envelopes_of(data)
        predicate = _predicate(envelope)
        files = predicate["files"]
        assert isinstance(files, list)
        if keys is not None:
            policy = Policy(
                channel="bases", keys={key.keyid: key for key in keys}, roles={ROLE: tuple(key.keyid for key in keys)},
                required_statements={},
            )  # fmt: skip
            subject = f"{base.repository}:{base.revision}"
            found = verify_envelope(envelope, subject=subject, release=_digest(files), policy=policy)
            if found.predicate_type != ADMISSION_TYPE or found.predicate != predicate:
                return None
        return Admission(
            base=base,
            verdict=str(predicate["verdict"]),
            admitted_at=str(predicate["admitted_at"]),
            files=tuple(_file(item) for item in files) if predicate["verdict"] == "clean" else (),
            verified=keys is not None,
        )
    except (TrustError, IntegrityError, ValueError, KeyError, TypeError, AssertionError):
        return None


def _predicate(envelope: Json) -> Mapping[str, Json]:
    if not isinstance(envelope, dict) or not isinstance(envelope["payload"], str):
        raise TypeError("not an envelope")
    try:
        payload = base64.b64decode(envelope["payload"], validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
    predicate = canonical.parse_object(payload, what="admission")["predicate"]
    if not isinstance(predicate, dict):
        raise TypeError("not a statement")
    return predicate


def _file(item: Json) -> AdmittedFile:
    if not isinstance(item, dict) or not isinstance(item["size"], int):
        raise TypeError("not a file")
    return AdmittedFile(path=str(item["path"]), size=item["size"], digest=Digest(str(item["sha256"])))


def _digest(files: Sequence[Json]) -> Digest:
    return Digest.of(canonical.dump({"files": list(files)}))


def _folder(base: BaseModel) -> str:
    return f"{base.repository}/{base.revision}"
