"""Which server a container becomes once the release is verified. None of them may run code that lies beside the weights."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from weighbridge.errors import InputError
from weighbridge.serving.server_process import reaches_server

# SageMaker API reference, ContainerDefinition: Environment values.
VALUE_LIMIT = 1024
MODEL_FOLDER = "/opt/ml/model"
# Variables that name what a server loads: only the verified folder may be that.
_MODEL_VARIABLES = ("OPTION_MODEL_ID", "SM_VLLM_MODEL")
_REMOTE_CODE = re.compile(r"trust[-_]?remote[-_]?code", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Server:
    """A model server: the words of its command (empty: the image's own) and its environment.

    In the command `{model}` stands for the model's folder and `{port}` for the port to listen on.
    """

    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def vllm(cls, *, tensor_parallel_size: int = 1, options: tuple[str, ...] = ()) -> Server:
        """Return vLLM's server, for an image that has it, spread over `tensor_parallel_size` accelerators."""
        words = ("vllm", "serve", "{model}", "--port", "{port}", "--tensor-parallel-size", str(tensor_parallel_size))
        return cls(command=(*words, *options))

    @classmethod
    def lmi(cls, *, tensor_parallel_size: int = 1) -> Server:
        """Return DJL Serving with vLLM, for an LMI image, spread over `tensor_parallel_size` accelerators.

        The entry point is named, so that a `model.py` or `serving.properties` beside the weights is never taken for it.
        Source: DJL Serving, LMI user guides, "vLLM Engine User Guide" (async mode).
        """
        return cls(
            command=("/usr/local/bin/dockerd-entrypoint.sh", "serve"),
            environment={
                "OPTION_MODEL_ID": MODEL_FOLDER,
                "OPTION_ASYNC_MODE": "true",
                "OPTION_ENTRYPOINT": "djl_python.lmi_vllm.vllm_async_service",
                "OPTION_ROLLING_BATCH": "disable",
                "OPTION_TENSOR_PARALLEL_DEGREE": str(tensor_parallel_size),
                "SERVING_FAIL_FAST": "true",
            },
        )

    @classmethod
    def hugging_face(cls, *, task: str) -> Server:
        """Return the server of an image with Hugging Face's inference toolkit, for a task such as `feature-extraction`."""
        return cls(environment={"HF_TASK": task})

    def container_environment(self) -> dict[str, str]:
        """Return what the container's environment needs for it.

        Raises:
            InputError: for remote code, a model other than the verified one, a variable that does not reach the server, or a value
                beyond SageMaker's limit.
        """
        for name in self.environment:
            if not reaches_server(name):
                raise InputError(f"server environment: {name!r} does not reach the server: see docs/constructs.md")
        found = dict(self.environment)
        if self.command:
            found["WEIGHBRIDGE_SERVER_COMMAND"] = json.dumps(list(self.command))
        for name, value in found.items():
            if _REMOTE_CODE.search(name) or _REMOTE_CODE.search(value):
                raise InputError(
                    f"server: {name} speaks of remote code: what lies beside weights is never run; remove it"
                )
            if name in _MODEL_VARIABLES and value != MODEL_FOLDER:
                raise InputError(f"server: {name} is {value!r}: only {MODEL_FOLDER} holds what was verified; remove it")
            if len(value) > VALUE_LIMIT:
                raise InputError(
                    f"server: {name} has {len(value)} characters, SageMaker takes {VALUE_LIMIT}: shorten it"
                )
        return found
