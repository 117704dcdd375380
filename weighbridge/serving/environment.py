"""What a container that serves reads from its environment, strictly. Names: docs/architecture.md."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from weighbridge.environment import RULE, channel_layout, digest, ml_root, registry_url, required, whole
from weighbridge.errors import InputError
from weighbridge.layout import ChannelLayout
from weighbridge.names import Digest, ReleaseId, ReleaseReference
from weighbridge.registry import TokenOrigin, read_origin
from weighbridge.trust import Floor

DEFAULT_PORT = "8080"
DEFAULT_BIND_HOST = "0.0.0.0"  # noqa: S104 - SageMaker reaches the container over its bridge network


@dataclass(frozen=True, slots=True)
class ContainerEnvironment:
    """Everything that the start sequence was told.

    `ml_root` is SageMaker's /opt/ml; `port` and `bind_host` are where the model server listens; `server_command` is the
    image's own server, or None for the default; `server_user` a numeric user and group id that the server drops to.
    `cache_bucket` is the regional cache, `cache_folder` the one that this host's containers share; None without.
    """

    reference: ReleaseReference
    promotion: ReleaseId
    root: Digest
    floor: Floor
    layout: ChannelLayout
    registry_url: str
    token: TokenOrigin
    ml_root: Path
    port: int
    bind_host: str
    server_command: tuple[str, ...] | None
    server_user: int | None
    cache_bucket: str | None = None
    cache_folder: Path | None = None

    @property
    def model_folder(self) -> Path:
        """Where the verified files lie for the model server."""
        return self.ml_root / "model"

    @property
    def receipt_path(self) -> Path:
        """Where the load receipt is written."""
        return self.ml_root / "output" / "load-receipt.json"

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """Read the variables.

        Raises:
            InputError: one line naming the first variable that is missing or malformed, and what is expected.
        """
        reference = ReleaseReference.parse(required(environ, "WEIGHBRIDGE_RELEASE"), field="WEIGHBRIDGE_RELEASE")
        layout = channel_layout(environ)
        url = registry_url(environ, "WEIGHBRIDGE_REGISTRY_URL")
        _check_reference(reference, url=url, layout=layout)
        return cls(
            reference=reference,
            promotion=ReleaseId.parse(required(environ, "WEIGHBRIDGE_PROMOTION"), field="WEIGHBRIDGE_PROMOTION"),
            root=digest(environ, "WEIGHBRIDGE_ROOT"),
            floor=Floor.parse(required(environ, "WEIGHBRIDGE_FLOOR"), field="WEIGHBRIDGE_FLOOR"),
            layout=layout,
            registry_url=url,
            token=read_origin(environ),
            ml_root=ml_root(environ),
            port=whole(environ.get("SAGEMAKER_BIND_TO_PORT", DEFAULT_PORT), field="SAGEMAKER_BIND_TO_PORT", most=65535),
            bind_host=environ.get("WEIGHBRIDGE_BIND_HOST", DEFAULT_BIND_HOST),
            server_command=_command(environ.get("WEIGHBRIDGE_SERVER_COMMAND")),
            server_user=_user(environ.get("WEIGHBRIDGE_SERVER_USER")),
            cache_bucket=_bucket(environ.get("WEIGHBRIDGE_CACHE_BUCKET")),
            cache_folder=_folder(environ.get("WEIGHBRIDGE_CACHE_FOLDER")),
        )


def _check_reference(reference: ReleaseReference, *, url: str, layout: ChannelLayout) -> None:
    host = urlsplit(url).netloc
    if reference.host.lower() != host.lower():
        raise InputError(
            f"WEIGHBRIDGE_RELEASE: lies on {reference.host}, but WEIGHBRIDGE_REGISTRY_URL points to {host}", rule=RULE
        )
    if reference.repository != layout.models_repository:
        raise InputError(
            f"WEIGHBRIDGE_RELEASE: lies in repository {reference.repository!r}, but WEIGHBRIDGE_MODELS_REPOSITORY is "
            f"{layout.models_repository!r}",
            rule=RULE,
        )


def _user(value: str | None) -> int | None:
    return None if value is None else whole(value, field="WEIGHBRIDGE_SERVER_USER", most=2**31 - 1)


def _bucket(value: str | None) -> str | None:
    if value is not None and not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", value):
        raise InputError(f"WEIGHBRIDGE_CACHE_BUCKET: {value!r} is not the name of a bucket", rule=RULE)
    return value


def _folder(value: str | None) -> Path | None:
    if value is not None and (not Path(value).is_absolute() or ".." in Path(value).parts):
        raise InputError(f"WEIGHBRIDGE_CACHE_FOLDER: {value!r} is not an absolute path", rule=RULE)
    return None if value is None else Path(value)


def _command(value: str | None) -> tuple[str, ...] | None:
    if value is None:
        return None
    try:
        found = json.loads(value)
    except ValueError:
        found = None
    if not isinstance(found, list) or not found or not all(isinstance(part, str) and part for part in found):
        raise InputError(
            'WEIGHBRIDGE_SERVER_COMMAND: not a JSON array of words, like ["vllm", "serve", "{model}"]', rule=RULE
        )
    return tuple(found)
