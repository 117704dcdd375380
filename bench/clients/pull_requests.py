"""The obvious way, verified: requests in eight threads, SHA-256 as it arrives. Usage: ... ORIGIN CA MANIFEST FOLDER"""

from __future__ import annotations

import hashlib
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests
from stopwatch import stopwatch

from bench.dataset import MODELS, VERSION
from weighbridge.names import Digest
from weighbridge.release import Component, parse_release

origin, ca, manifest, folder = sys.argv[1:]
data = Path(manifest).read_bytes()
release = parse_release(data, expected=Digest.of(data))
own = threading.local()


def fetch(item: Component) -> None:
    if not hasattr(own, "session"):
        own.session = requests.Session()
    session: requests.Session = own.session
    found = hashlib.sha256()
    url = f"{origin}/artifactory/{MODELS}/models/{release.name}/{VERSION}/{item.path}"
    with session.get(url, stream=True, verify=ca, timeout=60) as answer, (Path(folder) / item.path).open("wb") as file:
        answer.raise_for_status()
        for chunk in answer.iter_content(1024 * 1024):
            found.update(chunk)
            file.write(chunk)
    if found.hexdigest() != item.digest.hex:
        raise ValueError(item.path)


Path(folder).mkdir(parents=True)
with stopwatch(), ThreadPoolExecutor(8) as pool:
    list(pool.map(fetch, release.load_components))
