"""frogml's own download. Usage: pull_frogml.py NAME VERSION REPOSITORY FOLDER (JF_URL and JF_ACCESS_TOKEN are set)"""

from __future__ import annotations

import sys

from frogml.storage.frog_ml import FrogMLStorage
from stopwatch import stopwatch

name, version, repository, folder = sys.argv[1:]
with stopwatch():
    FrogMLStorage().download_model_version(repository=repository, model_name=name, version=version, target_path=folder)
