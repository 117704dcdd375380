"""For users of the SageMaker Python SDK v3: an InferenceSpec that loads through the containers' verified path, and what
ModelTrainer needs besides the defaults config.

The SDK comes with `pip install sagemaker-serve`; importing it needs a region (AWS_DEFAULT_REGION).
"""

from weighbridge.sdk.inference_spec import InvokeModel, LoadModel, VerifiedInferenceSpec
from weighbridge.sdk.training import TrainerArguments, governed
from weighbridge.sdk.verified import environment_token, pull_verified

__all__ = [
    "InvokeModel",
    "LoadModel",
    "TrainerArguments",
    "VerifiedInferenceSpec",
    "environment_token",
    "governed",
    "pull_verified",
]
