"""Read admitted base models: as a hub for jobs, and as a gate for the registrar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from securesystemslib.signer import Key

from weighbridge.bases.admission import BaseRepository
from weighbridge.bom import MODEL_CARD, MODEL_CARD_LIMIT
from weighbridge.errors import IntegrityError
from weighbridge.names import Digest
from weighbridge.release import BaseModel, check_path
from weighbridge.training.hub import HubFile


@dataclass(frozen=True, slots=True)
class AdmittedHub:
    """A `weighbridge.training.hub.Hub` over the repository of admitted base models: nothing else can be pulled from it.

    Every file has the digest that the admission names, which `pull_base_model` compares. `keys` are the inspector's, where
    the reader knows them; a job does not, and its release is refused later unless the admission is signed by one.
    """

    bases: BaseRepository
    keys: Sequence[Key] | None = None

    def tree(self, *, repository: str, revision: str) -> Sequence[HubFile]:
        """See `Hub.tree`.

        Raises:
            TrustError: rule `refused.base-not-admitted`.
        """
        found = self.bases.newest(BaseModel(repository=repository, revision=revision), keys=self.keys)
        return [HubFile(path=file.path, size=file.size, sha256=file.digest.hex) for file in found.files]

    def download(self, *, repository: str, revision: str, folder: Path, patterns: Sequence[str] | None) -> None:
        """See `Hub.download`."""
        base = BaseModel(repository=repository, revision=revision)
        for file in self.tree(repository=repository, revision=revision):
            if patterns is not None and not any(fnmatch(file.path, pattern) for pattern in patterns):
                continue
            target = folder / check_path(file.path)
            target.parent.mkdir(parents=True, exist_ok=True)
            client, where = self.bases.client, self.bases.file_path(base, file.path)
            with client.stream(repository=self.bases.repository, path=where) as body, target.open("wb") as out:
                for piece in body.chunks():
                    out.write(piece)
            if target.stat().st_size != file.size:
                raise IntegrityError(f"{repository}@{revision}: {file.path} has another size than was admitted")


def admitted_card(*, bases: BaseRepository, base: BaseModel | None, keys: Sequence[Key]) -> bytes | None:
    """Refuse as `refuse_unadmitted` does, and return the base model's own card; None without a base, or where it has none.

    Raises:
        TrustError: rule `refused.base-not-admitted`.
        IntegrityError: the card is not the one that was admitted.
        RegistryError: the registry could not answer.
    """
    if base is None:
        return None
    for file in bases.newest(base, keys=keys).files:
        if file.path == MODEL_CARD and file.size <= MODEL_CARD_LIMIT:
            path = bases.file_path(base, file.path)
            data = bases.client.read(repository=bases.repository, path=path, limit=MODEL_CARD_LIMIT)
            if Digest.of(data) != file.digest:
                raise IntegrityError(f"{bases.repository}/{path}: is not what was admitted: somebody replaced it")
            return data
    return None


def refuse_unadmitted(*, bases: BaseRepository, base: BaseModel | None, keys: Sequence[Key]) -> None:
    """Refuse a release whose base model was not admitted at that revision; one without a base passes.

    Args:
        keys: the inspector's, from the channel's policy.

    Raises:
        TrustError: rule `refused.base-not-admitted`.
    """
    if base is not None:
        bases.newest(base, keys=keys)
