"""Governed training: SageMaker's contract, base models through the proxy, results into `incoming`."""

from weighbridge.training.contract import TrainingJob
from weighbridge.training.hub import Hub, HuggingFaceHub, pull_base_model
from weighbridge.training.log import TrainedModel, log_release
from weighbridge.training.process import run_job
from weighbridge.training.settings import TrainingRegistry

__all__ = [
    "Hub",
    "HuggingFaceHub",
    "TrainedModel",
    "TrainingJob",
    "TrainingRegistry",
    "log_release",
    "pull_base_model",
    "run_job",
]
