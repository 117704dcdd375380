"""frogml's upload transaction, spoken by hand: what its client sends, and what it must get back."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator

import pytest
import requests
from contract_target import Target

FILES = {"config.json": b"{}", "sub/weights.bin": b"weights" * 50}


@pytest.fixture
def name(target: Target) -> Iterator[str]:
    """A model name of its own; the model is removed afterwards."""
    found = f"weighbridge-contract-{secrets.token_hex(6)}"
    yield found
    target.send("DELETE", f"{target.models}/models/{found}")


def manifest() -> bytes:
    artifacts = [
        {"artifact_path": path, "size": len(data), "checksums": {"sha2": hashlib.sha256(data).hexdigest()}}
        for path, data in FILES.items()
    ]
    model_format = {"framework": "files", "framework_version": "1", "serialization_format": "pretrained_model",
                    "runtime": "python", "runtime_version": "3.11.7"}  # fmt: skip
    return json.dumps(
        {"created_date": "2026-11-24T08:00:00.00", "model_artifacts": artifacts, "model_format": model_format}
    ).encode()


def upload(target: Target, name: str, version: str) -> None:
    api = f"api/machinelearning/{target.models}/model"
    started = target.send("POST", f"{api}/{name}/start-transaction/{version}", data=b"").json()
    assert set(started) >= {
        "filesUploadPath", "leadUploadPath", "dependenciesUploadPath", "codeUploadPath", "transactionId",
    }  # fmt: skip
    assert started["transactionId"].isdigit()
    for path, data in FILES.items():
        answer = target.send("PUT", f"{target.models}/{started['filesUploadPath']}/{path}", data=data)
        assert answer.status_code == 201
    parts = {"modelManifest": manifest(), "additionalData": b'{"accuracy": "0.9"}'}
    answer = requests.put(
        f"{target.url}/{api}/entity-manifest/{name}/{version}/{started['transactionId']}",
        files={part: (part, data, "application/octet-stream") for part, data in parts.items()},
        headers={"Authorization": f"Bearer {target.owner}"},
        timeout=60,
    )
    assert answer.ok, answer.text


def test_files_appear_in_the_versions_folder(target: Target, name: str) -> None:
    upload(target, name, "1.0.0")
    client, folder = target.client(), f"models/{name}/1.0.0"
    for path, data in FILES.items():
        assert client.read(repository=target.models, path=f"{folder}/{path}", limit=10_000) == data
    assert {file.path for file in client.listing(repository=target.models, path=folder)} >= {
        f"{folder}/{path}" for path in FILES
    }


def test_the_manifest_names_where_each_file_lies(target: Target, name: str) -> None:
    upload(target, name, "1.0.0")
    found = target.client(target.reader).entity_manifest(repository=target.models, name=name, version="1.0.0")
    artifacts = found["model_artifacts"]
    assert isinstance(artifacts, list)
    told = {entry["artifact_path"]: entry for entry in artifacts if isinstance(entry, dict)}
    assert set(told) == set(FILES)
    for path, data in FILES.items():
        assert told[path]["checksums"] == {"sha2": hashlib.sha256(data).hexdigest()}
        assert f"/{target.models}/models/{name}/1.0.0/{path}" in str(told[path]["download_url"])


def test_nothing_is_visible_before_the_manifest_arrives(target: Target, name: str) -> None:
    api = f"api/machinelearning/{target.models}/model"
    started = target.send("POST", f"{api}/{name}/start-transaction/1.0.0", data=b"").json()
    target.send("PUT", f"{target.models}/{started['filesUploadPath']}/config.json", data=b"{}")
    assert target.send("GET", f"{target.models}/models/{name}/1.0.0/config.json").status_code == 404
    assert target.send("GET", f"{api}/entity-manifest/{name}/1.0.0").status_code == 404


def test_a_reader_starts_no_transaction(target: Target, name: str) -> None:
    path = f"api/machinelearning/{target.models}/model/{name}/start-transaction/1.0.0"
    assert target.send("POST", path, token=target.reader, data=b"").status_code == 403
