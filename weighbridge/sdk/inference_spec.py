"""An InferenceSpec of the SageMaker Python SDK v3 that loads exactly the promoted release, verified, or nothing.

Source: sagemaker-serve 1.27 `sagemaker/serve/spec/inference_spec.py`. In process the SDK calls `load(model_dir=None)`
(`model_server/in_process_model_server/app.py`), in its containers `load("/opt/ml/model")`, where its own code lies too.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Protocol

from sagemaker.serve.spec.inference_spec import InferenceSpec

from weighbridge.sdk.verified import pull_verified
from weighbridge.serving.main import open_token
from weighbridge.serving.start import OpenTokens


class LoadModel(Protocol):
    """Make a model of the verified files in `folder`; they are read-only and exactly the release's."""

    def __call__(self, folder: Path, /) -> object: ...


class InvokeModel(Protocol):
    """Answer one deserialised request with a loaded model."""

    def __call__(self, model: object, request: object, /) -> object: ...


class VerifiedInferenceSpec(InferenceSpec):  # type: ignore[misc]  # the SDK ships no types
    """Loads through the containers' verified path; `load_model` and `invoke_model` are the user's.

    What is loaded is named by the environment that a deployment sets (WEIGHBRIDGE_RELEASE and the others,
    docs/architecture.md), not by `model_dir`: that folder holds what the SDK uploaded, and none of the model's bytes.

    The SDK pickles a spec: give functions of importable modules, or plain functions of your own script, and let the image
    have weighbridge and what they import. Each worker process pulls a copy of its own.

    Args:
        load_model: makes the model of the verified files.
        invoke_model: answers a request with it.
        folder: where the files are kept; None for a new private folder in the system's temporary one.
        open_tokens: where the registry's token comes from; by default the secret that the environment names.
    """

    def __init__(
        self,
        *,
        load_model: LoadModel,
        invoke_model: InvokeModel,
        folder: Path | None = None,
        open_tokens: OpenTokens = open_token,
    ) -> None:
        self._load_model = load_model
        self._invoke_model = invoke_model
        self._folder = folder
        self._open_tokens = open_tokens

    def load(self, model_dir: str | None = None) -> object:
        """Verify, pull, and make the model.

        Raises:
            RefusedError, RegistryError, InputError: one line; nothing was loaded.
        """
        del model_dir
        folder = self._folder or Path(tempfile.mkdtemp(prefix="weighbridge-model-"))
        return self._load_model(pull_verified(environ=os.environ, folder=folder, open_tokens=self._open_tokens))

    def invoke(self, input_object: object, model: object) -> object:
        """Answer one request."""
        return self._invoke_model(model, input_object)
