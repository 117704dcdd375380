"""Scenes with the real SageMaker SDK, run by its own environment's interpreter: python -m tests.sdk.sdk_scenes SCENE PATH

endpoint TEXT...   the worked example, on a free port: the SDK knows 9007 alone
build FOLDER       ModelBuilder writes what it would upload to FOLDER
serve FOLDER       what the SDK's inference.py does in a container with FOLDER as /opt/ml/model
refuse             load() in a thread; says what was raised, what is left, and whether signals are as before
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import tempfile
import threading
import types
from pathlib import Path

import uvicorn
from sagemaker.serve.builder.schema_builder import SchemaBuilder
from sagemaker.serve.mode.function_pointers import Mode
from sagemaker.serve.model_builder import ModelBuilder
from sagemaker.serve.model_server.torchserve.prepare import prepare_for_torchserve

from weighbridge.errors import WeighbridgeError
from weighbridge.sdk import VerifiedInferenceSpec, environment_token


def read_notes(folder: Path) -> dict[str, str]:
    """A user's own load function: the notes of a model, by file."""
    return {path.name: path.read_text() for path in sorted(folder.iterdir())}


def find_note(model: object, request: object) -> object:
    """A user's own invoke function."""
    return model[request["name"]]  # type: ignore[index]


def say(found: dict[str, object]) -> None:
    """Print what the test reads, as the last line."""
    sys.stdout.write(json.dumps(found) + "\n")


def endpoint() -> int:
    class AnyPort(uvicorn.Config):
        def __init__(self, *arguments: object, port: int, **options: object) -> None:
            with socket.socket() as found:
                found.bind(("127.0.0.1", 0))
                super().__init__(*arguments, port=found.getsockname()[1], **options)  # type: ignore[arg-type]

    uvicorn.Config = AnyPort  # type: ignore[misc]
    from examples.sdk.in_process import main

    return main()


def build(folder: Path) -> int:
    spec = VerifiedInferenceSpec(load_model=read_notes, invoke_model=find_note, open_tokens=environment_token)
    ModelBuilder(
        inference_spec=spec,
        schema_builder=SchemaBuilder(sample_input={"name": "a.txt"}, sample_output="note"),
        mode=Mode.IN_PROCESS,
        model_path=str(folder),
        role_arn="arn:aws:iam::111111111111:role/endpoint",
        s3_model_data_url="s3://not-used/",
    ).build()
    prepare_for_torchserve(
        model_path=str(folder), shared_libs=[], dependencies={"auto": False}, session=None, image_uri="",
        inference_spec=spec,
    )  # fmt: skip
    return 0


def serve(folder: Path) -> int:
    # The SDK's own file, with the one path in it that only a container has.
    file = folder / "code" / "inference.py"
    module = types.ModuleType("inference")
    module.__file__ = str(file)
    exec(compile(file.read_text().replace("/opt/ml/model", str(folder)), str(file), "exec"), module.__dict__)
    predict = module.model_fn(str(folder))
    say({"answer": predict({"name": "a.txt"})})
    return 0


def refuse() -> int:
    raised: list[WeighbridgeError] = []
    folder = Path(tempfile.mkdtemp())

    def load() -> None:
        try:
            VerifiedInferenceSpec(
                load_model=read_notes, invoke_model=find_note, folder=folder, open_tokens=environment_token
            ).load()
        except WeighbridgeError as error:
            raised.append(error)

    thread = threading.Thread(target=load)
    thread.start()
    thread.join()
    load()
    left = [path.name for path in folder.rglob("*") if path.is_file()]
    untouched = signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    say({"rules": [error.rule for error in raised], "left": left, "signals_untouched": untouched})
    return 0


def main() -> int:
    os.environ.setdefault("SAGEMAKER_VALIDATE_ROLE", "false")
    scene = sys.argv.pop(1)
    if scene == "endpoint":
        return endpoint()
    return refuse() if scene == "refuse" else {"build": build, "serve": serve}[scene](Path(sys.argv[1]))


if __name__ == "__main__":
    sys.exit(main())
