"""The real frogml and huggingface_hub with tokens that end while they transfer: they go on with another."""

from __future__ import annotations

from pathlib import Path

from client_world import MODEL, Clients, contents

from local.hub.process import HubProcess
from local.process import ROOT
from local.registry.process import Fault

# Every request is answered with a token that the registry forgets when `KEPT` newer ones were given.
SOURCE = f"""
import collections, threading, requests, sys
sys.path.insert(0, {str(ROOT)!r})
KEPT = 12
class Source:
    def __init__(self, url, first):
        self.tokens = url.removesuffix("/artifactory") + "/access/api/v1/tokens"
        self.first, self.given, self.lock = first, collections.deque(), threading.Lock()
        self.count = 0
    def token(self):
        with self.lock:
            headers = {{"Authorization": f"Bearer {{self.first}}"}}
            found = requests.post(self.tokens, headers=headers, json={{"expires_in": 600}}, timeout=10).json()
            self.given.append(found["access_token"])
            self.count += 1
            if len(self.given) > KEPT:
                over = {{"Authorization": f"Bearer {{self.given.popleft()}}"}}
                requests.delete(self.tokens + "/me", headers=over, timeout=10)
            return found["access_token"]
    def refresh(self):
        return self.token()
"""
UPLOAD = """
from pathlib import Path
from weighbridge.registration.frogml_storage import FrogmlStorage
url, token, folder = ARGS
source = Source(url, token)
FrogmlStorage(url=url, token=source).log(
    folder=Path(folder), repository="ml-incoming-local", name="outlasting", version="1.0.0", properties={})
print(json.dumps(source.count))
"""
DOWNLOAD = """
from pathlib import Path
from weighbridge.training import HuggingFaceHub
endpoint, url, token, repository, revision, target = ARGS
class Ending(Source):
    def token(self):
        # One token for a whole download, as a role's is: it changes when it was refused.
        if not self.given:
            super().token()
        return self.given[-1]
    def refresh(self):
        self.given.clear()
        return self.token()
source = Ending(url, token)
HuggingFaceHub(endpoint=endpoint, tokens=source).download(
    repository=repository, revision=revision, folder=Path(target), patterns=None)
print(json.dumps(source.count))
"""


def test_frogml_sends_the_token_of_the_moment(clients: Clients, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for number in range(30):
        (folder / f"part-{number}.bin").write_bytes(bytes([number]) * 1000)
    ran = clients.run(SOURCE + UPLOAD, clients.registry.url, clients.registry.token("scientist"), folder)
    assert ran.code == 0, ran.output
    assert ran.answer > 30
    refused = [entry for entry in clients.registry.requests() if entry.status == 401]
    assert refused == []


def test_a_download_goes_on_when_its_token_has_ended(
    clients: Clients, hub: HubProcess, model: Path, tmp_path: Path
) -> None:
    clients.registry.add_fault(
        Fault(kind="status", path="*resolve*config.json", methods=("HEAD",), status=401, times=1)
    )
    registry = clients.registry
    endpoint = f"{registry.url}/api/huggingfaceml/hf-remote"
    ran = clients.run(
        SOURCE + DOWNLOAD, endpoint, registry.url, registry.token("scientist"), MODEL, hub.revision, tmp_path / "base"
    )
    assert ran.code == 0, ran.output
    assert ran.answer == 2
    assert contents(tmp_path / "base") == contents(model)
