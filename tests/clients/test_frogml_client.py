"""The real frogml against the embedded registry: folders, data sets, single files, and what its faults look like."""

from __future__ import annotations

import hashlib
from pathlib import Path

from client_world import Clients, contents

from local.registry.process import Fault
from weighbridge.registry import ArtifactoryClient, StaticToken

INCOMING = "ml-incoming-local"
UPLOAD = """
from frogml.storage.frog_ml import FrogMLStorage
name, version, source = ARGS
kind = dict(framework="files", framework_version="1", serialization_format="pretrained_model",
            runtime="python", runtime_version="3.11.7")
FrogMLStorage().upload_model_version(repository="ml-incoming-local", model_name=name, model_path=source,
    model_type=kind, version=version, properties={"accuracy": "0.91", "base": "org/tiny"})
print(json.dumps("uploaded"))
"""
DOWNLOAD = """
from frogml.storage.frog_ml import FrogMLStorage
name, version, target = ARGS
FrogMLStorage().download_model_version(repository="ml-incoming-local", model_name=name, version=version,
    target_path=target)
print(json.dumps("downloaded"))
"""
ROUND_TRIP = """
from frogml.storage.frog_ml import FrogMLStorage
name, source, target = ARGS
storage = FrogMLStorage()
storage.upload_dataset_version(repository="ml-incoming-local", dataset_name=name, dataset_path=source,
    namespace="team", version="2.0", properties=None)
storage.download_dataset_version(repository="ml-incoming-local", dataset_name=name, version="2.0",
    target_path=target, namespace="team")
found = storage.get_entity_manifest("dataset", "ml-incoming-local", "team", name, "2.0")
print(json.dumps(sorted(entry["artifact_path"] for entry in found["dataset_artifacts"])))
"""
LOG_AND_LOAD = """
import frogml
source, target = ARGS
frogml.files.log_model(source_path=source, repository="ml-incoming-local", model_name="logged", version="1.0",
    parameters={"epochs": 3}, metrics={"loss": 0.25}, register_in_jml=False)
found = frogml.files.get_model_info(repository="ml-incoming-local", model_name="logged", version="1.0")
loaded = frogml.files.load_model(repository="ml-incoming-local", model_name="logged", version="1.0",
    target_path=target)
print(json.dumps(sorted(entry["artifact_path"] for entry in found["model_artifacts"])))
"""


def as_admin(clients: Clients) -> ArtifactoryClient:
    token = clients.registry.token("admin")
    return ArtifactoryClient(url=clients.registry.url, tokens=StaticToken(token=token))


def test_a_folder_is_uploaded_and_loaded_back_byte_for_byte(clients: Clients, model: Path, tmp_path: Path) -> None:
    assert clients.run(UPLOAD, "folder", "1.0.0", model).answer == "uploaded"
    assert clients.run(DOWNLOAD, "folder", "1.0.0", tmp_path / "back").answer == "downloaded"
    assert contents(tmp_path / "back") == contents(model)
    admin, folder = as_admin(clients), "models/folder/1.0.0"
    found = {file.path: file.sha256 for file in admin.listing(repository=INCOMING, path=folder)}
    manifest = found.pop(f"{folder}/model-manifest.json")
    assert manifest is not None
    assert found == {f"{folder}/{path}": hashlib.sha256(data).hexdigest() for path, data in contents(model).items()}
    properties = admin.properties(repository=INCOMING, path=f"{folder}/model-manifest.json")
    assert properties == {"accuracy": ("0.91",), "base": ("org/tiny",)}


def test_the_scientist_may_not_replace_a_version(clients: Clients, model: Path, tmp_path: Path) -> None:
    assert clients.run(UPLOAD, "once", "1.0.0", model).code == 0
    other = tmp_path / "other"
    other.mkdir()
    (other / "config.json").write_text("{}")
    second = clients.run(UPLOAD, "once", "1.0.0", other)
    assert second.code != 0
    assert "403" in second.output
    stored = as_admin(clients).read(repository=INCOMING, path="models/once/1.0.0/config.json", limit=1000)
    assert stored == (model / "config.json").read_bytes()


def test_a_data_set_goes_and_comes_back(clients: Clients, model: Path, tmp_path: Path) -> None:
    ran = clients.run(ROUND_TRIP, "texts", model, tmp_path / "back")
    assert ran.answer == sorted(contents(model)), ran.output
    assert contents(tmp_path / "back") == contents(model)


def test_the_sdk_logs_and_loads_a_single_file(clients: Clients, tmp_path: Path) -> None:
    source = tmp_path / "model.onnx"
    source.write_bytes(b"onnx" * 1000)
    ran = clients.run(LOG_AND_LOAD, source, tmp_path / "back")
    assert ran.answer == ["model.onnx"], ran.output
    assert (tmp_path / "back" / "model.onnx").read_bytes() == source.read_bytes()
    admin = as_admin(clients)
    properties = admin.properties(repository=INCOMING, path="models/logged/1.0/model-manifest.json")
    assert properties == {"epochs": ("3",), "loss": ("0.25",)}


def test_frogml_calls_an_upload_with_a_refused_file_a_success(clients: Clients, model: Path, tmp_path: Path) -> None:
    clients.registry.add_fault(
        Fault(kind="status", path=f"{INCOMING}/models/refused/*/config.json", methods=("PUT",), status=403)
    )
    assert clients.run(UPLOAD, "refused", "1.0.0", model).answer == "uploaded"
    clients.registry.clear_faults()
    admin = as_admin(clients)
    manifest = admin.entity_manifest(repository=INCOMING, name="refused", version="1.0.0")
    artifacts = manifest["model_artifacts"]
    assert isinstance(artifacts, list)
    claimed = {f"models/refused/1.0.0/{entry['artifact_path']}" for entry in artifacts if isinstance(entry, dict)}
    there = {file.path for file in admin.listing(repository=INCOMING, path="models/refused/1.0.0")}
    # A caller has to compare the manifest's claims with what lies there: the client itself says nothing.
    assert claimed - there == {"models/refused/1.0.0/config.json", "models/refused/1.0.0/1_Pooling/config.json"}


def test_frogml_calls_a_download_with_a_blocked_file_a_success(clients: Clients, model: Path, tmp_path: Path) -> None:
    assert clients.run(UPLOAD, "blocked", "1.0.0", model).code == 0
    clients.registry.add_fault(
        Fault(kind="status", path=f"{INCOMING}/models/blocked/1.0.0/config.json", methods=("GET",), status=403)
    )
    assert clients.run(DOWNLOAD, "blocked", "1.0.0", tmp_path / "back").answer == "downloaded"
    assert set(contents(model)) - set(contents(tmp_path / "back")) == {"config.json"}


def test_frogml_does_not_see_a_flipped_byte(clients: Clients, model: Path, tmp_path: Path) -> None:
    assert clients.run(UPLOAD, "flipped", "1.0.0", model).code == 0
    clients.registry.add_fault(
        Fault(kind="flip", path=f"{INCOMING}/models/flipped/1.0.0/model.safetensors", methods=("GET",))
    )
    assert clients.run(DOWNLOAD, "flipped", "1.0.0", tmp_path / "back").answer == "downloaded"
    assert (tmp_path / "back/model.safetensors").read_bytes() != (model / "model.safetensors").read_bytes()


def test_frogml_recovers_from_a_busy_registry(clients: Clients, model: Path, tmp_path: Path) -> None:
    clients.registry.add_fault(Fault(kind="status", path=f"{INCOMING}/*/config.json", status=503, times=2))
    assert clients.run(UPLOAD, "busy", "1.0.0", model).answer == "uploaded"
    there = {file.path for file in as_admin(clients).listing(repository=INCOMING, path="models/busy/1.0.0")}
    assert {f"models/busy/1.0.0/{path}" for path in contents(model)} <= there
