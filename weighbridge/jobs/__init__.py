"""Training jobs as they are started: what they run on, the request to SageMaker, and the tags that they are known by."""

from weighbridge.jobs.compute import DISTRIBUTIONS, Compute, Distribution
from weighbridge.jobs.proxies import HUB_ENVIRONMENT, proxy_environment
from weighbridge.jobs.request import TrainingPlatform, TrainingRun, create_training_job, governed_request, job_name

__all__ = [
    "DISTRIBUTIONS",
    "HUB_ENVIRONMENT",
    "Compute",
    "Distribution",
    "TrainingPlatform",
    "TrainingRun",
    "create_training_job",
    "governed_request",
    "job_name",
    "proxy_environment",
]
