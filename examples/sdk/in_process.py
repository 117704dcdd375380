"""Try a promoted release with the SageMaker SDK v3 in this process, before anything is deployed.

Usage: python -m examples.sdk.in_process TEXT...

The variables of a container that serves say what is loaded (docs/sdk.md shows where they come from); JF_ACCESS_TOKEN is
the reader's token. The last line printed is the answer, one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from sagemaker.serve.builder.schema_builder import SchemaBuilder
from sagemaker.serve.mode.function_pointers import Mode
from sagemaker.serve.model_builder import ModelBuilder

from containers.inference.inference_spec import encoder_spec
from weighbridge.errors import WeighbridgeError
from weighbridge.sdk import environment_token

# In process nobody assumes the role and nothing is uploaded, but the SDK asks AWS about whatever is not given.
UPLOADS = "s3://not-used-in-process/"
ROLE = "arn:aws:iam::111111111111:role/not-used-in-process"


def main() -> int:
    """Build, deploy in process, ask once."""
    parser = argparse.ArgumentParser()
    parser.add_argument("text", nargs="+")
    texts = parser.parse_args().text
    os.environ.setdefault("SAGEMAKER_VALIDATE_ROLE", "false")
    with tempfile.TemporaryDirectory(prefix="weighbridge-sdk-") as folder:
        builder = ModelBuilder(
            inference_spec=encoder_spec(folder=Path(folder) / "verified", open_tokens=environment_token),
            schema_builder=SchemaBuilder(sample_input={"inputs": ["hello"]}, sample_output={"embeddings": [[0.0]]}),
            mode=Mode.IN_PROCESS,
            model_path=f"{folder}/uploads",
            role_arn=ROLE,
            s3_model_data_url=UPLOADS,
        )
        builder.build()
        try:
            endpoint = builder.deploy_local(endpoint_name="in-process")
        except WeighbridgeError as error:
            print(f"{error.rule}: {error}", file=sys.stderr)  # noqa: T201
            return error.exit_code
        try:
            print(json.dumps(endpoint.invoke(body={"inputs": texts}).body))  # noqa: T201
        finally:
            endpoint.in_process_mode_obj.destroy_server()
    return 0


if __name__ == "__main__":
    sys.exit(main())
