"""The three gates, each walked by itself, and what must be true after one refused: nothing loaded, no head moved."""

from __future__ import annotations

import hashlib
import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tests.attacks.tour_registry import TOKEN
from tests.attacks.tour_world import MODEL, NEW, WEIGHTS, Tour
from weighbridge.errors import WeighbridgeError
from weighbridge.logs import JsonLog
from weighbridge.registry import ArtifactoryClient, Retries, StaticToken, TokenOrigin, TokenSource
from weighbridge.resolution import (
    FolderMetadata,
    LoggedAlarms,
    Memory,
    ResolutionRequest,
    Resolver,
    Scope,
    SqliteAcceptances,
)
from weighbridge.serving import Outside, serve
from weighbridge.serving.chain import Chain, RegistryChain
from weighbridge.serving.server_process import ServerProcess

Stage = Literal["promote", "resolve", "load"]
STAGES: tuple[Stage, ...] = ("promote", "resolve", "load")
# The gate does not read what was attacked: it goes on, to what was approved and to nothing else.
APPROVED = "approved"


def place(stage: Stage) -> str:
    """Return the channel that a gate reads from."""
    return "dev" if stage == "promote" else "prod"


@dataclass
class Gatekeeper:
    """Walks gates in one tour. `memory` is the deploying account's; `before_load` runs between verifying and starting."""

    tour: Tour
    memory: Path | None = None
    version: str = NEW
    environ: dict[str, str] = field(default_factory=dict)
    watch: Callable[[Chain], Chain] = lambda chain: chain
    hand_over: Callable[[ServerProcess], None] | None = None
    handed: list[ServerProcess] = field(default_factory=list)

    @property
    def model_folder(self) -> Path:
        return self.tour.folder / "ml" / "model"

    def passes(self, stage: Stage) -> None:
        """Walk through, and find what was approved behind the gate."""
        approved = self.tour.releases[NEW]
        found = self._walk(stage)
        assert found is None, found
        if stage == "promote":
            assert self.tour.state("prod").head(MODEL).release == approved.digest
            served = self.tour.registry.files["prod-models", f"models/{MODEL}/{NEW}/{WEIGHTS}"]
        elif stage == "resolve":
            assert str(approved.digest) in self.accepted()
            return
        else:
            assert len(self.handed) == 1
            served = (self.model_folder / WEIGHTS).read_bytes()
            loaded = {path.relative_to(self.model_folder).as_posix() for path in self.model_folder.rglob("*")}
            assert loaded == {item.path for item in approved.release.load_components}
        [weights] = [item for item in approved.release.components if item.path == WEIGHTS]
        assert hashlib.sha256(served).hexdigest() == weights.digest.hex

    def refuses(self, stage: Stage, rule: str) -> None:
        """Be refused by `rule`, with every head where it was and nothing to serve."""
        heads, accepted = self._heads(), self.accepted()
        found = self._walk(stage)
        assert found is not None, "it passed"
        assert found[0] == rule, found
        assert "\n" not in found[1]
        assert self._heads() == heads
        assert self.accepted() == accepted
        assert self.handed == []
        assert not self.model_folder.is_dir() or list(self.model_folder.iterdir()) == []
        assert not (self.tour.folder / "ml" / "output" / "load-receipt.json").exists()

    def accepted(self) -> set[str]:
        """Return what the deploying account accepted."""
        history = self._memory().acceptances.history(Scope(channel="prod", model=MODEL))
        return {str(item.release) for item in history.acceptances}

    def _heads(self) -> dict[tuple[str, str], bytes]:
        return {key: data for key, data in self.tour.registry.files.items() if key[1] == "tuf/timestamp.json"}

    def _memory(self) -> Memory:
        folder = self.memory or self.tour.folder / "account"
        folder.mkdir(exist_ok=True)
        return Memory(
            acceptances=SqliteAcceptances(path=folder / "acceptances.sqlite"),
            metadata=FolderMetadata(folder=folder / "kept"),
        )

    def _walk(self, stage: Stage) -> tuple[str, str] | None:
        if stage == "load":
            return self.load()
        try:
            if stage == "promote":
                self.tour.promote(self.version)
            else:
                self.resolve()
        except WeighbridgeError as error:
            return error.rule, str(error)
        return None

    def resolve(self) -> None:
        """Resolve as the deploying account."""
        tour = self.tour
        assert tour.asked is not None
        resolver = Resolver(
            client=self.client(), layout=tour.channels["prod"].layout, root=tour.channels["prod"].root,
            memory=self._memory(), alarms=LoggedAlarms(out=io.StringIO(), clock=lambda: tour.now), clock=lambda: tour.now,
        )  # fmt: skip
        resolver.resolve(ResolutionRequest(model=MODEL, release_id=tour.asked))

    def client(self) -> ArtifactoryClient:
        """Return a client of the registry, as the reader."""
        return ArtifactoryClient(
            url=self.tour.face.url, tokens=StaticToken(token=TOKEN), retries=Retries(attempts=2, base=0.0, limit=0.0),
            sleep=lambda _: None,
        )  # fmt: skip

    def _environment(self) -> dict[str, str]:
        tour, prod = self.tour, self.tour.channels["prod"]
        assert tour.release is not None
        reference = tour.release.reference(host=tour.face.host, repository=prod.layout.models_repository)
        return {
            "WEIGHBRIDGE_RELEASE": str(reference),
            "WEIGHBRIDGE_PROMOTION": str(tour.asked),
            "WEIGHBRIDGE_ROOT": str(prod.root),
            "WEIGHBRIDGE_FLOOR": tour.floor,
            "WEIGHBRIDGE_CHANNEL": "prod",
            "WEIGHBRIDGE_REGISTRY_URL": tour.face.url,
            "WEIGHBRIDGE_MODELS_REPOSITORY": prod.layout.models_repository,
            "WEIGHBRIDGE_RECORDS_REPOSITORY": prod.layout.records_repository,
            "WEIGHBRIDGE_TOKEN_SECRET_ID": "weighbridge/prod/reader",
            "WEIGHBRIDGE_ML_ROOT": str(tour.folder / "ml"),
            "PATH": "/usr/bin:/bin",
            **self.environ,
        }

    def load(self) -> tuple[str, str] | None:
        """Start the container; return rule and message of a refusal."""
        tour, err = self.tour, io.StringIO()

        def open_tokens(*, origin: TokenOrigin, url: str) -> TokenSource:
            return StaticToken(token=TOKEN)

        def open_chain(*, url: str, tokens: TokenSource) -> Chain:
            return self.watch(RegistryChain(client=self.client(), now=tour.now))

        outside = Outside(
            environ=self._environment(), log=JsonLog(out=io.StringIO(), err=err, clock=lambda: tour.now),
            clock=lambda: tour.now, open_tokens=open_tokens, open_chain=open_chain,
            hand_over=self.hand_over or self.handed.append,
        )  # fmt: skip
        status = serve(arguments=["serve"], default_command=(sys.executable, "server.py"), outside=outside)
        if status == 0:
            return None
        [line] = err.getvalue().splitlines()
        said = json.loads(line)
        return str(said["rule"]), str(said["message"])


@dataclass(frozen=True, slots=True)
class Case:
    """One attack. `attack(tour, stage, hostile)` puts into the registry what the gate reads; not hostile, it is the control.

    `rules` are what each gate refuses by, APPROVED where it does not read what was attacked.
    """

    name: str
    attack: Callable[[Gatekeeper, Stage, bool], None]
    rules: dict[Stage, str]

    @classmethod
    def everywhere(cls, name: str, attack: Callable[[Gatekeeper, Stage, bool], None], rule: str) -> Case:
        """Return a case that every gate refuses by one rule."""
        return cls(name, attack, dict.fromkeys(STAGES, rule))
