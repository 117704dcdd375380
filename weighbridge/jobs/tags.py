"""The tags of a training job: what it trains, from which source, for whom, and who takes it over."""

from __future__ import annotations

MODEL_TAG = "weighbridge:model"
VERSION_TAG = "weighbridge:version"
COMMIT_TAG = "weighbridge:commit"
OWNER_TAG = "weighbridge:owner"
# On jobs that the state machine started, which takes them over itself.
PIPELINE_TAG = "weighbridge:pipeline"
