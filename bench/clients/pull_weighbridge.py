"""Usage: pull_weighbridge.py ORIGIN CA MANIFEST FOLDER"""

from __future__ import annotations

import sys
from pathlib import Path

from stopwatch import stopwatch

from bench.dataset import MODELS, RECORDS
from weighbridge.names import Digest
from weighbridge.pull import pull
from weighbridge.registry import ArtifactoryClient, StaticToken
from weighbridge.release import parse_release

origin, ca, manifest, folder = sys.argv[1:]
data = Path(manifest).read_bytes()
release = parse_release(data, expected=Digest.of(data))
with stopwatch():
    client = ArtifactoryClient(url=f"{origin}/artifactory", tokens=StaticToken(token="bench"), verify=Path(ca))
    report = pull(
        client=client, release=release, repository=MODELS, destination=Path(folder), records_repository=RECORDS
    )
if report.faults:
    sys.exit(f"{report.faults} faults")
