"""The layer of native dependencies (signatures, TLS), built at set-up and only read at synth."""

from __future__ import annotations

import hashlib
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_

from constructs import Construct
from weighbridge.errors import InputError
from weighbridge_cdk.assets import asset_root, build_root

CONTEXT_KEY = "weighbridge:layer"
TARGETS = ("lambda", "host")
RUNTIME = lambda_.Runtime.PYTHON_3_13
ARCHITECTURE = lambda_.Architecture.X86_64


class DependencyLayer(Construct):
    """A Lambda layer from `.build/layers/TARGET-DIGEST`, where DIGEST is that of locks/layer.txt.

    TARGET comes from the context key `weighbridge:layer`: `lambda` (default), or `host` for a local AWS that runs
    functions with this machine's own interpreter.
    """

    def __init__(self, scope: Construct, construct_id: str, *, folder: Path | None = None) -> None:
        """Create the layer.

        Args:
            folder: a folder that holds `python/`, built by the caller; default: the one that `make layer` builds.

        Raises:
            InputError: when the folder is missing; the message says what builds it.
        """
        super().__init__(scope, construct_id)
        lock = asset_root() / "locks" / "layer.txt"
        digest = hashlib.sha256(lock.read_bytes()).hexdigest()
        target = self._target()
        found = folder or build_root() / "layers" / f"{target}-{digest[:16]}"
        if not (found / "python").is_dir():
            raise InputError(f"the Lambda layer for {target!r} is not built: run `make layer`, or pass folder=")
        self.layer: lambda_.ILayerVersion = lambda_.LayerVersion(
            self,
            "Layer",
            code=lambda_.Code.from_asset(
                str(found),
                asset_hash=hashlib.sha256(f"{target} {digest}".encode()).hexdigest(),
                asset_hash_type=cdk.AssetHashType.CUSTOM,
            ),
            compatible_runtimes=[RUNTIME],
            compatible_architectures=[ARCHITECTURE],
            description=f"weighbridge's locked dependencies for {target}, locks/layer.txt {digest[:16]}",
        )

    @staticmethod
    def of(scope: Construct) -> DependencyLayer:
        """Return the layer of the stack that `scope` is in, created once."""
        stack = cdk.Stack.of(scope)
        found = stack.node.try_find_child("DependencyLayer")
        return found if isinstance(found, DependencyLayer) else DependencyLayer(stack, "DependencyLayer")

    def _target(self) -> str:
        target = self.node.try_get_context(CONTEXT_KEY) or TARGETS[0]
        if target not in TARGETS:
            raise InputError(f"context {CONTEXT_KEY}: {target!r} is not known: give one of {', '.join(TARGETS)}")
        return str(target)
