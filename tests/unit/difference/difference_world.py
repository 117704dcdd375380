"""A channel in memory with two releases that differ in everything a reviewer asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from securesystemslib.signer import CryptoSigner

from tests.unit.promotion.promotion_world import IMAGE, MODEL, NOW, PromotionWorld, make_promotion_world
from tests.unit.registration.memory_registry import INCOMING, MemoryFrogml
from weighbridge.canonical import Json
from weighbridge.difference import DifferenceReport, Places, differences
from weighbridge.names import Digest, ReleaseId
from weighbridge.registration import JobRecord, register, upload
from weighbridge.release import BaseModel, Dataset, Runtime
from weighbridge.trust import bundle, sign_statement
from weighbridge.trust.inspected import INSPECTION_TYPE

FIRST = JobRecord(
    base_model=BaseModel(repository="org/base", revision="a" * 40),
    datasets=(Dataset(name="reviews", digest=Digest.of(b"reviews")),),
    parameters={"learning_rate": "0.1"},
    metrics={"accuracy": "0.79", "loss": "1.5"},
    source_commit="1" * 40,
)
SECOND = replace(
    FIRST,
    base_model=BaseModel(repository="org/base", revision="b" * 40),
    datasets=(*FIRST.datasets, Dataset(name="more", digest=Digest.of(b"more"))),
    metrics={"accuracy": "0.92", "loss": "1.5"},
    source_commit="2" * 40,
)


@dataclass
class DifferenceWorld:
    """The channel dev of a promotion world, and a person who inspects."""

    world: PromotionWorld
    inspector: CryptoSigner

    def publish(
        self,
        version: str,
        record: JobRecord,
        *,
        licence: str = "mit",
        inspection: Mapping[str, Json] | None = None,
        lock: str = "1.0",
    ) -> ReleaseId:
        """Register a version, inspect it where an inspection is given, and promote it to dev; `lock` is numpy's version."""
        world = self.world
        folder = world.folder / f"model-{version}"
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(f"weights {version}".encode())
        (folder / "config.json").write_bytes(b"{}")
        (folder / "README.md").write_text(f"---\nlicense: {licence}\n---\n# A model\n", encoding="utf-8")
        upload(
            folder=folder, name=MODEL, version=version, repository=INCOMING, record=record, token="secret",
            client=world.registry, storage=MemoryFrogml(world.registry),  # type: ignore[arg-type]
        )  # fmt: skip
        done = register(
            client=world.registry, name=MODEL, version=version, incoming=INCOMING,  # type: ignore[arg-type]
            layout=world.channels["dev"].layout, runtime=Runtime(image=IMAGE, lock=Digest.of(lock_of(lock))), lock=lock_of(lock),
            signer=world.registrar, builder="urn:registrar",
        )  # fmt: skip
        if inspection is not None:
            envelope = sign_statement(
                name=MODEL, version=version, release=done.digest, predicate_type=INSPECTION_TYPE,
                predicate=inspection, signers=[self.inspector],
            )  # fmt: skip
            layout, data = world.channels["dev"].layout, bundle([envelope])
            path = layout.later_statement_path(
                name=MODEL, release=done.digest, role="inspector", bundle=Digest.of(data)
            )
            world.registry.deploy_bytes(repository=layout.records_repository, path=path, data=data)
        world.promote(version, to="dev")
        return world.state("dev").head(MODEL).release_id

    def revoke(self, version: str) -> None:
        """Revoke a version in dev."""
        found = next(item for item in self.world.state("dev").promotions(MODEL) if item.version == version)
        self.world.channel("dev").revoke(
            releases=[found.release],
            reason="leaks",
            signers=self.world.channels["dev"].signers.revocations,
            now=NOW,
        )

    def look(self, before: ReleaseId | None, after: ReleaseId | None) -> DifferenceReport:
        """Compare the two ids."""
        return differences(
            environment="dev",
            models=[MODEL],
            client=self.world.registry,  # type: ignore[arg-type]
            layout=self.world.channels["dev"].layout,
            state=lambda _: self.world.state("dev"),
            places=Places(before=lambda *_: before, after=lambda *_: after),
        )


def lock_of(version: str) -> bytes:
    """A lock file with two dependencies."""
    return f"numpy=={version} --hash=sha256:{'a' * 64}\nsafetensors==0.4 --hash=sha256:{'b' * 64}\n".encode()


def make_difference_world(folder: Path) -> DifferenceWorld:
    """Found the channels; dev takes an inspector's statements."""
    world, inspector = make_promotion_world(folder), CryptoSigner.generate_ecdsa()
    found, key = world.channels["dev"], inspector.public_key
    policy = replace(
        found.policy,
        keys={**found.policy.keys, key.keyid: key},
        roles={**found.policy.roles, "inspector": (key.keyid,)},
        required_statements={**found.policy.required_statements, INSPECTION_TYPE: ("inspector",)},
    )
    world.channel("dev").set_policy(policy=policy, signers=found.signers.targets, now=NOW)
    return DifferenceWorld(world=world, inspector=inspector)
