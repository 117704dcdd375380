"""huggingface_hub's snapshot_download. Usage: pull_hub.py MODEL REVISION FOLDER (HF_ENDPOINT is set)"""

from __future__ import annotations

import sys

from huggingface_hub import snapshot_download
from stopwatch import stopwatch

model, revision, folder = sys.argv[1:]
with stopwatch():
    snapshot_download(model, revision=revision, local_dir=folder)
