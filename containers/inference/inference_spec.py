"""The encoder's server as an InferenceSpec of the SageMaker SDK: same files, same model, same answers."""

from __future__ import annotations

import json
from pathlib import Path

from containers.inference.invocation import parse_texts
from containers.inference.model import EmbeddingModel, Embeddings, LabelModel, Labels, load_model
from weighbridge.sdk import VerifiedInferenceSpec
from weighbridge.serving.main import open_token
from weighbridge.serving.start import OpenTokens


def encoder_spec(*, folder: Path | None = None, open_tokens: OpenTokens = open_token) -> VerifiedInferenceSpec:
    """Return the spec: requests are `{"inputs": ["text", ...]}`, answers embeddings or labels."""
    return VerifiedInferenceSpec(load_model=load_model, invoke_model=answer, folder=folder, open_tokens=open_tokens)


def answer(model: object, request: object) -> Embeddings | Labels:
    """Answer one request.

    Raises:
        InputError: rule `input.invocation`, when the request is not what the container's server takes.
    """
    texts = parse_texts(json.dumps(request).encode("utf-8"))
    assert isinstance(model, EmbeddingModel | LabelModel)
    return model.answer(texts)
