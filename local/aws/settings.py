"""Write the settings of the twin's environments: what a user writes in environments/*.yaml, with the twin's addresses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from local.aws.scope import Scope
from local.registry.standard import HUB, INCOMING, models_repository, records_repository

INSTANCE_TYPE = "ml.c6i.xlarge"
# The shortest that the settings allow for alarms over one minute; the local SageMaker shortens every wait further.
WAIT_SECONDS = 120
_RANGES = {"dev": "10.20.0.0/16", "staging": "10.30.0.0/16", "prod": "10.40.0.0/16"}


@dataclass(frozen=True, slots=True)
class TwinEnvironment:
    """One environment of the twin, which follows the channel of its own name (`dev`, `staging` or `prod`).

    `root_digest` is `sha256:HEX` of the channel's root, `promote_from` the channel that promotions come from. `trust`,
    `training` and `guard` are those sections of the file as they are, `registry` more keys of that section; with two instances, one of them takes traffic first.
    """

    name: str
    root_digest: str
    models: tuple[str, ...]
    promote_from: str | None = None
    instance_count: int = 1
    trust: Mapping[str, object] | None = None
    training: Mapping[str, object] | None = None
    guard: Mapping[str, object] | None = None
    registry: Mapping[str, object] | None = None


def reader_secret(environment: str) -> str:
    """Return the name of the secret that holds the environment's registry token; the registry stack creates it empty."""
    return f"weighbridge/{environment}/artifactory-reader"


def write_settings(
    environments: Sequence[TwinEnvironment], *, folder: Path, registry_url: str, scope: Scope | None = None
) -> Path:
    """Write `NAME.yaml` for each environment and return the folder, for `-c weighbridge:environments=FOLDER`.

    Args:
        environments: the environments.
        folder: is created; files of other environments in it are left alone.
        registry_url: ends in `/artifactory`, on a loopback address.
        scope: account and region of the local AWS.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for environment in environments:
        document = _document(environment, registry_url=registry_url, scope=scope or Scope())
        (folder / f"{environment.name}.yaml").write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return folder


def _document(environment: TwinEnvironment, *, registry_url: str, scope: Scope) -> dict[str, object]:
    name = environment.name
    first = environment.promote_from is None
    sections = {"trust": environment.trust, "training": environment.training, "guard": environment.guard}
    return {
        "environment": name,
        "account": scope.account,
        "region": scope.region,
        "channel": {
            "name": name,
            "root_digest": environment.root_digest,
            "promote_from": environment.promote_from,
        },
        "registry": {
            "url": registry_url,
            "models_repository": models_repository(name),
            "records_repository": records_repository(name),
            **({"incoming_repository": INCOMING} if first else {}),
            "hub_repository": HUB,
            "credentials": {"secret_id": reader_secret(name)},
            **{key: _plain(value) for key, value in (environment.registry or {}).items()},
        },
        "network": {
            "create": {
                "cidr": _RANGES[name],
                "availability_zones": [f"{scope.region}a", f"{scope.region}b"],
            }
        },
        "models": [_model(model, instance_count=environment.instance_count) for model in environment.models],
        **{key: _plain(value) for key, value in sections.items() if value is not None},
    }


def _model(name: str, *, instance_count: int) -> dict[str, object]:
    rollout = {"wait_seconds": WAIT_SECONDS, "termination_wait_seconds": 0}
    return {
        "name": name,
        "endpoint": {
            "instance_type": INSTANCE_TYPE,
            "instance_count": instance_count,
            "rollout": rollout,
            "alarms": {"evaluation_minutes": 1},
        },
    }


def _plain(value: object) -> object:
    """Return the mappings and sequences in `value` as the dicts and lists that YAML's safe dumper takes."""
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, str) or not isinstance(value, Sequence):
        return value
    return [_plain(entry) for entry in value]
