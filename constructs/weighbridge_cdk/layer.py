"""The layer of native dependencies (signatures, TLS), built at set-up and only read at synth."""

from __future__ import annotations

import hashlib
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_

from constructs import Construct
from weighbridge.errors import InputError
from weighbridge_cdk.assets import asset_root, build_root
from weighbridge_cdk.build_layer import TARGETS

CONTEXT_KEY = "weighbridge:layer"
RUNTIME = lambda_.Runtime.PYTHON_3_13
ARCHITECTURE = lambda_.Architecture.X86_64


def layer_lock() -> Path:
    """Return the lock file of what the layer holds."""
    return asset_root() / "locks" / "layer.txt"


def layer_folder(*, target: str) -> Path:
    """Return where the layer for `target` lies once it is built: its name ends in the digest of the lock file."""
    digest = hashlib.sha256(layer_lock().read_bytes()).hexdigest()
    return build_root() / "layers" / f"{target}-{digest[:16]}"


class DependencyLayer(Construct):
    """A Lambda layer from `layers/TARGET-DIGEST` below `.build`, or below the user's cache for an installed package, where
    DIGEST is that of locks/layer.txt. `python -m weighbridge_cdk.build_layer` builds it.

    TARGET comes from the context key `weighbridge:layer`: `lambda` (default), or `host` for a local AWS that runs
    functions with this machine's own interpreter.
    """

    def __init__(self, scope: Construct, construct_id: str, *, folder: Path | None = None) -> None:
        """Create the layer.

        Args:
            folder: a folder that holds `python/`, built by the caller; default: the one that
                `python -m weighbridge_cdk.build_layer` builds.

        Raises:
            InputError: when the folder is missing; the message says what builds it.
        """
        super().__init__(scope, construct_id)
        digest = hashlib.sha256(layer_lock().read_bytes()).hexdigest()
        target = self._target()
        found = folder or layer_folder(target=target)
        if not (found / "python").is_dir():
            raise InputError(
                f"the Lambda layer for {target!r} is not built: run `make layer` in a checkout, "
                "`python -m weighbridge_cdk.build_layer` elsewhere, or pass folder="
            )
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
