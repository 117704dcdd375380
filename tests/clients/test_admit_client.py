"""`weighbridge admit` with the real huggingface_hub, through the registry's proxy, as the inspector."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from client_world import MODEL, Clients

from local.hub.process import HubProcess
from local.process import environment_python
from local.registry.standard import BASES, HUB
from tests.integration.cli.cli_world import KEYS, World
from weighbridge.bases import AdmittedHub, BaseRepository
from weighbridge.errors import TrustError
from weighbridge.registry import ArtifactoryClient, StaticToken
from weighbridge.release import BaseModel, hash_file
from weighbridge.training.hub import pull_base_model
from weighbridge.trust import load_signer


@pytest.fixture
def world(clients: Clients, tmp_path: Path) -> World:
    found = World(folder=tmp_path, registry=clients.registry)
    for name in ("registrar", "inspector", *(f"dev-{key}" for key in KEYS if key != "registrar")):
        found.cli("channel", "keygen", f"keys/{name}.pem").ok()
    found.write_settings(
        "dev",
        promote_from=None,
        **{
            "  credentials:\n": f"  hub_repository: {HUB}\n  bases_repository: {BASES}\n  credentials:\n",
            "    revocations:": f"    inspector: file:{tmp_path}/keys/inspector.pem\n    revocations:",
        },
    )
    return found


def admit(
    world: World, clients: Clients, revision: str, *more: str, user: str = "inspector"
) -> subprocess.CompletedProcess[str]:
    home = world.folder / "home"
    home.mkdir(exist_ok=True)
    return subprocess.run(
        [
            str(environment_python("hub")),
            "-m",
            "weighbridge.cli",
            "admit",
            f"{MODEL}@{revision}",
            "--env",
            "dev",
            "--json",
            *more,
        ],
        cwd=world.folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(home), "JF_ACCESS_TOKEN": clients.registry.token(user)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_base_model_is_admitted_through_the_proxy_and_pulled_from_where_it_lies(
    world: World, clients: Clients, hub: HubProcess, model: Path, tmp_path: Path
) -> None:
    whole = admit(world, clients, hub.revision)
    assert (whole.returncode, json.loads(whole.stdout)["verdict"]) == (1, "blocked"), "its weights are no safetensors"
    done = admit(world, clients, hub.revision, "--include", "*.json", "--include", "*.md")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["verdict"] == "clean"
    client = ArtifactoryClient(url=clients.registry.url, tokens=StaticToken(token=clients.registry.token("scientist")))
    keys = [load_signer(f"file:{world.folder}/keys/inspector.pem").public_key]
    source = AdmittedHub(bases=BaseRepository(client=client, repository=BASES), keys=keys)
    pulled = pull_base_model(hub=source, base=BaseModel(MODEL, hub.revision), folder=tmp_path / "base")
    assert pulled
    for path, digest in pulled.items():
        assert hash_file(model / path).digest.hex == hash_file(tmp_path / "base" / path).digest.hex == digest
    with pytest.raises(TrustError):
        source.tree(repository=MODEL, revision="f" * 40)


def test_nobody_else_admits(world: World, clients: Clients, hub: HubProcess) -> None:
    done = admit(world, clients, hub.revision, user="scientist")
    assert done.returncode == 3
    assert "403" in done.stderr
