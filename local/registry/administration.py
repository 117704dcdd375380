"""What an administrator made since the configuration was written: kept beside the files, in effect at once."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from local.registry.config import Permission, RegistryConfig, RepositoryConfig
from local.registry.jsontypes import JsonObject, objects, parse_object, text, texts

FILE = "administration.json"
ACTIONS = {"read": "r", "write": "w", "delete": "d", "annotate": "n", "manage": "m"}


@dataclass(frozen=True, slots=True)
class PermissionTarget:
    """A permission target V2, users only. `actions` is user name to Artifactory's words for what they may do."""

    name: str
    repositories: tuple[str, ...]
    includes: tuple[str, ...]
    actions: dict[str, tuple[str, ...]]

    def permissions(self) -> tuple[Permission, ...]:
        """The same, as permissions of single users."""
        return tuple(
            Permission(
                users=(user,),
                repositories=self.repositories,
                patterns=self.includes,
                actions="".join(ACTIONS[word] for word in words),
            )
            for user, words in self.actions.items()
        )

    def fields(self) -> JsonObject:
        """The target as Artifactory answers it."""
        users = {user: list(words) for user, words in self.actions.items()}
        return {
            "name": self.name,
            "repo": {
                "include-patterns": list(self.includes),
                "exclude-patterns": [],
                "repositories": list(self.repositories),
                "actions": {"users": users, "groups": {}},
            },
        }


@dataclass(slots=True)
class _Changes:
    repositories: dict[str, RepositoryConfig] = field(default_factory=dict)
    targets: dict[str, PermissionTarget] = field(default_factory=dict)
    environments: list[str] = field(default_factory=list)
    roles: dict[str, str] = field(default_factory=dict)
    subscriptions: dict[str, JsonObject] = field(default_factory=dict)


class Administration:
    """Repositories, permission targets, environments, role bindings and webhooks in `folder`, written at every change."""

    def __init__(self, *, folder: Path) -> None:
        self._file = folder / FILE
        self._changes = _read(self._file) if self._file.is_file() else _Changes()

    def over(self, config: RegistryConfig) -> RegistryConfig:
        """`config` with what was made or changed since."""
        changed = self._changes.repositories
        if not changed and not self._changes.targets:
            return config
        kept = tuple(entry for entry in config.repositories if entry.key not in changed)
        granted = tuple(permission for target in self._changes.targets.values() for permission in target.permissions())
        return replace(config, repositories=(*kept, *changed.values()), permissions=(*config.permissions, *granted))

    def environments(self) -> tuple[str, ...]:
        """The global environments: the two that always are, and those that were made."""
        return ("DEV", "PROD", *self._changes.environments)

    def add_environment(self, name: str) -> None:
        """Make one."""
        self._changes.environments.append(name)
        self._write()

    def put_repository(self, repository: RepositoryConfig) -> None:
        """Make or change one."""
        self._changes.repositories[repository.key] = repository
        self._write()

    def targets(self) -> tuple[PermissionTarget, ...]:
        """Every permission target."""
        return tuple(self._changes.targets.values())

    def put_target(self, target: PermissionTarget) -> None:
        """Make or replace one."""
        self._changes.targets[target.name] = target
        self._write()

    def role_of(self, username: str) -> str | None:
        """The IAM role that is bound to a user."""
        return self._changes.roles.get(username)

    def bind_role(self, username: str, role: str) -> None:
        """Bind one."""
        self._changes.roles[username] = role
        self._write()

    def subscriptions(self) -> dict[str, JsonObject]:
        """Every webhook's subscription by its key, with its secret."""
        return self._changes.subscriptions

    def put_subscription(self, key: str, subscription: JsonObject) -> None:
        """Make or replace one."""
        self._changes.subscriptions[key] = subscription
        self._write()

    def _write(self) -> None:
        part = self._file.with_suffix(".part")
        part.write_text(json.dumps(asdict(self._changes), indent=2), encoding="utf-8")
        part.replace(self._file)


def _read(path: Path) -> _Changes:
    document = parse_object(path.read_text(encoding="utf-8"))
    found = _Changes()
    for entry in objects(list(_mapping(document.get("repositories")).values()), field="repositories"):
        key = text(entry.get("key"), field="key")
        found.repositories[key] = RepositoryConfig(
            key=key,
            rclass=text(entry.get("rclass"), field="rclass"),
            package_type=text(entry.get("package_type"), field="package_type"),
            url=None if entry.get("url") is None else text(entry["url"], field="url"),
            environments=texts(entry.get("environments"), field="environments"),
        )
    for entry in objects(list(_mapping(document.get("targets")).values()), field="targets"):
        name = text(entry.get("name"), field="name")
        found.targets[name] = PermissionTarget(
            name=name,
            repositories=texts(entry.get("repositories"), field="repositories"),
            includes=texts(entry.get("includes"), field="includes"),
            actions={user: texts(words, field="actions") for user, words in _mapping(entry.get("actions")).items()},
        )
    found.environments = list(texts(document.get("environments"), field="environments"))
    found.roles = {user: text(role, field="roles") for user, role in _mapping(document.get("roles")).items()}
    found.subscriptions = {key: _mapping(held) for key, held in _mapping(document.get("subscriptions", {})).items()}
    return found


def _mapping(value: object) -> JsonObject:
    if not isinstance(value, dict):
        raise ValueError("administration.json: an object is needed")
    return value
