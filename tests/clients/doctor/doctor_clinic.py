"""A set-up that is healthy in every respect, and ways to make exactly one thing wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from local.registry.config import Permission
from tests.promoted_registry import PromotedRegistry
from weighbridge.doctor import (
    IDENTITIES,
    Answer,
    Cloud,
    HttpProbe,
    Identity,
    Probe,
    RegistryAccess,
    Setup,
)
from weighbridge.registry import StaticToken
from weighbridge.settings import EnvironmentSettings, load_settings

ACCOUNT = "111111111111"
REGION = "eu-central-1"
SECRET = "weighbridge/dev/reader"
HUB_MODEL = "sentence-transformers/all-MiniLM-L6-v2"
ROLES = ("root", "targets", "promoters", "registrar", "revocations", "online")

Alter = Callable[[str, str, Answer], Answer]


def settings_for(
    world: PromotedRegistry, folder: Path, *, keys: Mapping[str, str] | None = None, **changes: str
) -> EnvironmentSettings:
    """The settings of `world`, written and read as a user's are; `changes` replace texts of the file."""
    registry = world.registry
    text = f"""\
environment: dev
account: "{ACCOUNT}"
region: {REGION}
channel:
  name: dev
  root_digest: {world.root}
registry:
  url: {registry.url}
  models_repository: ml-dev-local
  records_repository: weighbridge-dev-local
  incoming_repository: ml-incoming-local
  hub_repository: hf-remote
  credentials:
    secret_id: {SECRET}
network:
  create:
    cidr: 10.40.0.0/16
    availability_zones: [eu-central-1a, eu-central-1b]
models:
  - name: minilm
    endpoint:
      instance_type: ml.c6i.xlarge
      instance_count: 2
"""
    if keys is not None:
        held = {role: keys.get(role, f"awskms:{role}") for role in ROLES}
        text += f"""\
trust:
  keys:
    root: ["{held["root"]}"]
    targets: "{held["targets"]}"
    promoters: ["{held["promoters"]}"]
    registrar: "{held["registrar"]}"
    revocations: "{held["revocations"]}"
    snapshot: "{held["online"]}"
    timestamp: "{held["online"]}"
"""
    for old, new in changes.items():
        text = text.replace(old, new)
    path = folder / "dev.yaml"
    path.write_text(text, encoding="utf-8")
    return load_settings(path)


@dataclass(frozen=True)
class Altered:
    """A probe whose answers pass through `alter` (method, path, answer)."""

    probe: Probe
    alter: Alter

    def send(
        self, method: str, path: str, *, headers: Mapping[str, str] = MappingProxyType({}), body: bytes | None = None
    ) -> Answer:
        return self.alter(method, path, self.probe.send(method, path, headers=headers, body=body))


@dataclass(frozen=True)
class Clinic:
    """The healthy set-up of a running registry."""

    world: PromotedRegistry
    settings: EnvironmentSettings

    def setup(
        self,
        *,
        identities: tuple[Identity, ...] = IDENTITIES,
        alter: Alter | None = None,
        cloud: Cloud | None = None,
        **changes: object,
    ) -> Setup:
        """Everything in order; `alter` changes what the registry answers, `changes` fields of the set-up."""
        registry = self.world.registry

        def probe(tokens: StaticToken | None) -> Probe:
            found: Probe = HttpProbe(url=registry.url, tokens=tokens)
            return Altered(found, alter) if alter is not None else found

        users = {identity: "admin" if identity == "administrator" else identity for identity in identities}
        access = RegistryAccess(
            anonymous=probe(None),
            probes={identity: probe(StaticToken(token=registry.token(user))) for identity, user in users.items()},
            client=self.world.client("reader") if "reader" in identities else None,
        )
        healthy = Setup(
            settings=self.settings, registry=access, cloud=cloud, now=datetime.now(UTC), hub_model=HUB_MODEL
        )
        return replace(healthy, **changes)  # type: ignore[arg-type]

    def permit(self, *permissions: Permission) -> None:
        """Give more permissions than the standard ones; needs a restart of the registry, which keeps its content."""
        registry = self.world.registry
        registry.stop()
        registry.config = replace(registry.config, permissions=(*registry.config.permissions, *permissions))
        registry.start()


def json_answer(text: bytes, *, status: int = 200) -> Answer:
    return Answer(status=status, headers={"content-type": "application/json"}, body=text)
