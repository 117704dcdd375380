"""A release on disk and a chain that hands it out: the start sequence without a registry."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from weighbridge.logs import JsonLog
from weighbridge.names import Digest
from weighbridge.registry import TokenOrigin, TokenSource, read_origin
from weighbridge.release import Lineage, Release, Runtime, build_release
from weighbridge.serving import Chain, ContainerEnvironment, Outside

TOKEN = "very-secret-token-4711"
HOST = "registry.example.com"
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
FILES = {"model.safetensors": b"weights" * 100, "1_Pooling/config.json": b"{}", "config.json": b'{"a": 1}'}
RECORDS = {"weighbridge-job.json": b"{}"}


def write_files(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def make_release(folder: Path, *, version: str = "1.0.0") -> Release:
    write_files(folder, {**FILES, **RECORDS})
    image = "registry.example.com/docker/inference@sha256:" + "a" * 64
    return build_release(
        name="minilm",
        version=version,
        files={path: folder / path for path in (*FILES, *RECORDS)},
        roles=dict.fromkeys(RECORDS, "record"),
        runtime=Runtime(image=image, lock=Digest("b" * 64)),
        lineage=Lineage(),
    ).release


def environ_for(release: Release, *, ml_root: Path, **changes: str | None) -> dict[str, str]:
    values: dict[str, str | None] = {
        "WEIGHBRIDGE_RELEASE": str(release.reference(host=HOST, repository="prod-models")),
        "WEIGHBRIDGE_PROMOTION": "3@sha256:" + "c" * 64,
        "WEIGHBRIDGE_ROOT": "sha256:" + "d" * 64,
        "WEIGHBRIDGE_FLOOR": "root=1,timestamp=5,snapshot=5,targets=2,minilm=3,revocations=1",
        "WEIGHBRIDGE_CHANNEL": "prod",
        "WEIGHBRIDGE_REGISTRY_URL": f"https://{HOST}/artifactory",
        "WEIGHBRIDGE_MODELS_REPOSITORY": "prod-models",
        "WEIGHBRIDGE_RECORDS_REPOSITORY": "prod-records",
        "WEIGHBRIDGE_TOKEN_SECRET_ID": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:reader",
        "WEIGHBRIDGE_ML_ROOT": str(ml_root),
        "PATH": "/usr/bin:/bin",
        **changes,
    }
    return {name: value for name, value in values.items() if value is not None}


@dataclass
class FakeChain:
    """Hands out `release`; `write` fills the model folder (default: the right bytes)."""

    release: Release
    source: Path
    write: Callable[[Path], None] | None = None
    refusal: Exception | None = None
    during_pull: Callable[[], None] = lambda: None
    pulled: list[str] = field(default_factory=list)

    def verify(self, environment: ContainerEnvironment) -> Release:
        if self.refusal is not None:
            raise self.refusal
        return self.release

    def pull(self, release: Release, *, environment: ContainerEnvironment, progress: Callable[[int], None]) -> None:
        for item in release.load_components:
            write_files(environment.model_folder, {item.path: (self.source / item.path).read_bytes()})
            self.pulled.append(item.path)
            self.during_pull()
            progress(item.size)
        if self.write is not None:
            self.write(environment.model_folder)


@dataclass(frozen=True)
class FixedToken:
    def token(self) -> str:
        return TOKEN

    def refresh(self) -> str:
        return TOKEN


@dataclass
class Run:
    """One run of the start sequence and what it left."""

    outside: Outside
    out: io.StringIO
    err: io.StringIO
    handed: list[object]

    def events(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.out.getvalue().splitlines()]

    def refusal(self) -> dict[str, object]:
        (line,) = self.err.getvalue().splitlines()
        return json.loads(line)


def make_run(*, environ: Mapping[str, str], chain: Chain) -> Run:
    out, err, handed = io.StringIO(), io.StringIO(), list[object]()

    def open_tokens(*, origin: TokenOrigin, url: str) -> TokenSource:
        assert (origin, url) == (read_origin(environ), environ["WEIGHBRIDGE_REGISTRY_URL"])
        return FixedToken()

    def open_chain(*, url: str, tokens: TokenSource) -> Chain:
        assert url == environ["WEIGHBRIDGE_REGISTRY_URL"]
        assert tokens.token() == TOKEN
        return chain

    log = JsonLog(out=out, err=err, clock=lambda: NOW)
    outside = Outside(
        environ=environ, log=log, clock=lambda: NOW, open_tokens=open_tokens, open_chain=open_chain,
        hand_over=handed.append,
    )  # fmt: skip
    return Run(outside=outside, out=out, err=err, handed=handed)
