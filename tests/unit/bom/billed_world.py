"""A release that a training job made, whose lock file was kept, whose data the registrar hashed, and that was inspected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from securesystemslib.signer import CryptoSigner

from tests.unit.bom.bills import CARD, CONFIG, LOCK
from tests.unit.promotion.promotion_world import IMAGE, MODEL, NOW, PromotionWorld, make_promotion_world
from tests.unit.registration.memory_registry import INCOMING, MemoryFrogml
from weighbridge.canonical import Json
from weighbridge.names import Digest
from weighbridge.promotion import Examination, examine
from weighbridge.registration import JobEvidence, JobRecord, Registration, register, upload
from weighbridge.release import BaseModel, Dataset, Runtime
from weighbridge.trust import Gates, bundle, sign_statement
from weighbridge.trust.inspected import INSPECTION_TYPE

ARN = "arn:aws:sagemaker:eu-central-1:111111111111:training-job/one"
BASE = BaseModel(repository="org/base", revision="a" * 40)
TRAIN = Dataset(name="train", digest=Digest.of(b"rows"))
STARTED = {"base_repository": BASE.repository, "base_revision": BASE.revision, "epochs": "3"}


@dataclass
class BilledWorld:
    """dev and prod; prod requires an inspection."""

    world: PromotionWorld
    inspector: CryptoSigner = field(default_factory=CryptoSigner.generate_ecdsa)

    @classmethod
    def make(cls, folder: Path) -> BilledWorld:
        return cls(world=make_promotion_world(folder))

    @property
    def files(self) -> dict[tuple[str, str], bytes]:
        return self.world.registry.files

    def demand(self, *, licences: tuple[str, ...] = (), base_owners: tuple[str, ...] = (), **gates: object) -> None:
        found, key = self.world.channels["prod"], self.inspector.public_key
        policy = replace(
            found.policy,
            keys={**found.policy.keys, key.keyid: key},
            roles={**found.policy.roles, "inspector": (key.keyid,)},
            required_statements={**found.policy.required_statements, INSPECTION_TYPE: ("inspector",)},
            licences=licences,
            base_owners=base_owners,
            gates=Gates(**gates),  # type: ignore[arg-type]
        )
        self.world.channel("prod").set_policy(policy=policy, signers=found.signers.targets, now=NOW)

    def register(
        self,
        version: str = "1.0.0",
        *,
        card: bytes | None = CARD,
        lock: bytes | None = LOCK,
        datasets: tuple[Dataset, ...] = (TRAIN,),
        commit: str | None = "f" * 40,
        metrics: Mapping[str, str] | None = None,
        base_card: bytes | None = None,
    ) -> Registration:
        place = self.world.folder / f"billed-{version}"
        place.mkdir(exist_ok=True)
        (place / "model.safetensors").write_bytes(f"weights {version}".encode())
        (place / "config.json").write_bytes(CONFIG)
        if card is not None:
            (place / "README.md").write_bytes(card)
        record = JobRecord(base_model=BASE, metrics=metrics or {"accuracy": "0.9"}, parameters=STARTED)
        upload(
            folder=place, name=MODEL, version=version, repository=INCOMING, record=record, token="secret",
            client=self.world.registry, storage=MemoryFrogml(self.world.registry),  # type: ignore[arg-type]
        )  # fmt: skip
        return register(
            client=self.world.registry, name=MODEL, version=version, incoming=INCOMING,  # type: ignore[arg-type]
            layout=self.world.channels["dev"].layout, runtime=Runtime(image=IMAGE, lock=Digest.of(LOCK)),
            signer=self.world.registrar, builder="urn:registrar", lock=lock, allowed=lambda _: base_card,
            evidence=JobEvidence(
                training_job=ARN, parameters=STARTED, datasets=datasets, source_commit=commit,
                inputs={"train": "s3://data/train/"},
            ),
        )  # fmt: skip

    def inspect(self, done: Registration) -> None:
        files: list[Json] = [
            {"path": item.path, "sha256": item.digest.hex, "format": "any", "verdict": "clean", "rules": []}
            for item in done.release.components
            if item.role != "code"
        ]
        envelope = sign_statement(
            name=MODEL, version=done.release.version, release=done.digest, predicate_type=INSPECTION_TYPE,
            predicate={"verdict": "clean", "inspected_at": "2026-11-23T12:00:00Z", "files": files},
            signers=[self.inspector],
        )  # fmt: skip
        data, layout = bundle([envelope]), self.world.channels["dev"].layout
        path = layout.later_statement_path(name=MODEL, release=done.digest, role="inspector", bundle=Digest.of(data))
        self.files[layout.records_repository, path] = data

    def in_dev(self, version: str = "1.0.0", **changes: object) -> Registration:
        done = self.register(version, **changes)  # type: ignore[arg-type]
        self.inspect(done)
        self.world.promote(version, to="dev", by="dora")
        return done

    def record(self, done: Registration, file: str, *, channel: str = "dev") -> tuple[str, str]:
        """Where a file beside release.json lies."""
        layout = self.world.channels[channel].layout
        return layout.records_repository, f"{layout.release_folder(name=MODEL, release=done.digest)}/{file}"

    def examine(self, version: str = "1.0.0") -> Examination:
        return examine(
            client=self.world.registry, target=self.world.access("prod"), source=self.world.access("dev"),  # type: ignore[arg-type]
            key_ids=(), promoted_by="ann", now=NOW, name=MODEL, version=version,
        )  # fmt: skip
