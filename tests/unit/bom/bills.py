"""A release that knows everything of itself, and its bill of materials."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from weighbridge.bom import Contents, make_bom
from weighbridge.names import Digest
from weighbridge.release import BaseModel, Dataset, FileDigests, Lineage, Runtime

CARD = b"""---
license: apache-2.0
pipeline_tag: text-classification
---
# Sorter
## Intended use
Sorting letters.
## Limitations
English alone.
"""
CONFIG = (
    b'{"model_type": "bert", "architectures": ["BertModel"], "max_position_embeddings": 512, "torch_dtype": "float32",'
    b' "layer_norm_eps": 1e-12}'
)
LOCK = (
    b"# locked\nnumpy==2.0.0 ; python_version >= '3.11' \\\n    --hash=sha256:" + b"1" * 64
    + b" \\\n    --hash=sha256:" + b"2" * 64 + b"\ntzdata==2026.1 --hash=sha256:" + b"3" * 64 + b"\n"
)  # fmt: skip
TEXTS = {"README.md": CARD, "config.json": CONFIG}
CONTENTS = Contents(
    name="minilm",
    version="1.0.0",
    files={
        name: FileDigests(size=len(data), digest=Digest.of(data), chunks=())
        for name, data in {
            "model.safetensors": b"weights",
            "code/code.zip": b"zip",
            "tokenizer.json": b"{}",
            **TEXTS,
        }.items()
    },
    roles={"code/code.zip": "code"},
    runtime=Runtime(image="host.example.com/serve@sha256:" + "c" * 64, lock=Digest.of(LOCK)),
    lineage=Lineage(
        base_model=BaseModel(repository="org/base", revision="a" * 40),
        datasets=(Dataset(name="train", digest=Digest.of(b"train")),),
        training_job="arn:aws:sagemaker:eu-central-1:111111111111:training-job/one",
        source_commit="f" * 40,
        parameters={"epochs": "3"},
        metrics={"loss": "0.1", "accuracy": "0.9"},
        claimed=("base_model", "metrics"),
    ),
)


def bill(*, texts: dict[str, bytes] | None = None, lock: bytes | None = LOCK, **changes: object) -> bytes:
    contents = replace(CONTENTS, **changes)  # type: ignore[arg-type]
    return make_bom(contents=contents, texts=TEXTS if texts is None else texts, lock=lock)


def document(**changes: Any) -> dict[str, Any]:
    return json.loads(bill(**changes))  # type: ignore[no-any-return]
