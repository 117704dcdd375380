"""frogml's upload transaction, as recorded from the real client: for tests that need many uploads quickly."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import requests


@dataclass(frozen=True)
class FrogmlProtocol:
    """See `weighbridge.registration.frogml_storage.ModelStorage`."""

    url: str
    token: str

    def log(self, *, folder: Path, repository: str, name: str, version: str, properties: Mapping[str, str]) -> None:
        session = requests.Session()
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {self.token}"
        model = f"{self.url}/api/machinelearning/{repository}/model"
        begun = session.post(f"{model}/{name}/start-transaction/{version}", timeout=30)
        begun.raise_for_status()
        artifacts = []
        for path in sorted(item for item in folder.rglob("*") if item.is_file()):
            relative, data = path.relative_to(folder).as_posix(), path.read_bytes()
            target = f"{self.url}/{repository}/{begun.json()['filesUploadPath']}/{relative}"
            session.put(target, data=data, timeout=30).raise_for_status()
            checksums = {"sha2": hashlib.sha256(data).hexdigest()}
            artifacts.append({"artifact_path": relative, "size": len(data), "checksums": checksums})
        parts = {
            "modelManifest": json.dumps({"model_artifacts": artifacts}),
            "additionalData": json.dumps(dict(properties)),
        }
        files = {part: (part, text, "application/octet-stream") for part, text in parts.items()}
        transaction = begun.json()["transactionId"]
        end = f"{model}/entity-manifest/{name}/{version}/{transaction}"
        session.put(end, files=files, timeout=30).raise_for_status()
