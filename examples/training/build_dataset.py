"""Build the demo's dataset from real text: what AWS's own service models (botocore) say that each operation does.

Usage: .venv/bin/python examples/training/build_dataset.py FOLDER

Writes FOLDER/train.jsonl and FOLDER/test.jsonl and prints their digests. The same botocore gives the same bytes: the
split hangs on a hash of each operation's name. The services are chosen to be easily confused: all of them store data.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import botocore.loaders

SERVICES = {
    "s3": "Amazon Simple Storage Service",
    "s3control": "Amazon S3 Control",
    "efs": "Amazon Elastic File System",
    "fsx": "Amazon FSx",
    "glacier": "Amazon Glacier",
    "backup": "AWS Backup",
    "storagegateway": "AWS Storage Gateway",
    "datasync": "AWS DataSync",
}
SHORTEST = 20
TEST_SHARE = 77 / 256


@dataclass(frozen=True, slots=True)
class Row:
    """One operation: its first sentence, its service, and on which side of the split it lies."""

    text: str
    label: str
    held_out: bool


def first_sentence(documentation: str) -> str:
    """Return the first sentence of an operation's HTML documentation, as plain text."""
    text = html.unescape(re.sub(r"<[^>]+>", " ", documentation))
    return re.split(r"(?<=[.!?])\s", re.sub(r"\s+", " ", text).strip())[0]


def rows() -> Iterator[Row]:
    """Yield every operation with a sentence of its own, in a fixed order; a sentence of two services is left out."""
    loader = botocore.loaders.Loader()
    found: dict[str, list[Row]] = {}
    for service in SERVICES:
        operations = loader.load_service_model(service, "service-2")["operations"]
        for name in sorted(operations):
            text = first_sentence(operations[name].get("documentation", ""))
            share = hashlib.sha256(f"{service}:{name}".encode()).digest()[0] / 256
            row = Row(text=text, label=SERVICES[service], held_out=share < TEST_SHARE)
            found.setdefault(text, []).append(row)
    for text, same in found.items():
        if len(text) >= SHORTEST and len({row.label for row in same}) == 1:
            yield same[0]


def write(folder: Path) -> dict[str, str]:
    """Write both files and return the SHA-256 (hex) of each by its name."""
    folder.mkdir(parents=True, exist_ok=True)
    every = list(rows())
    digests = {}
    for name, held_out in (("train.jsonl", False), ("test.jsonl", True)):
        lines = [json.dumps({"text": row.text, "label": row.label}) for row in every if row.held_out == held_out]
        data = ("\n".join(lines) + "\n").encode()
        (folder / name).write_bytes(data)
        digests[name] = hashlib.sha256(data).hexdigest()
    return digests


if __name__ == "__main__":
    for name, digest in write(Path(sys.argv[1])).items():
        sys.stdout.write(f"{name} sha256:{digest}\n")
