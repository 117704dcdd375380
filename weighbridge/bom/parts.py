"""What the parts of a bill of materials are called in it: the one place that knows the references."""

from __future__ import annotations

import hashlib

from weighbridge.canonical import JsonObject
from weighbridge.release import BaseModel

MODEL = "model"
IMAGE = "image"
LOCK = "lock"
FILE = "file:"
DATASET = "dataset:"
LIBRARY = "pkg:pypi/"
BASE = "pkg:huggingface/"


def base_ref(base: BaseModel) -> str:
    """Return a base model's reference, its package URL."""
    return f"{BASE}{base.repository}@{base.revision}"


def named(name: str, value: str) -> JsonObject:
    """Return a property."""
    return {"name": name, "value": value}


def sha256(data: bytes) -> str:
    """Return the SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()
