"""What a registry holds: repositories, users with their tokens, and permissions by path."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from local.registry.jsontypes import objects, parse_object, text, texts

ACTIONS = frozenset("rwdnm")
CLASSES = frozenset({"local", "remote"})
PACKAGE_TYPES = frozenset({"machinelearning", "huggingfaceml", "generic", "pypi", "docker"})


@dataclass(frozen=True, slots=True)
class RepositoryConfig:
    """One repository. `url` is the upstream of a remote repository; None elsewhere. `environments` change nothing."""

    key: str
    rclass: str
    package_type: str
    url: str | None = None
    environments: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.rclass not in CLASSES or self.package_type not in PACKAGE_TYPES:
            raise ValueError(f"repository {self.key}: {self.rclass}/{self.package_type} is not known here")


@dataclass(frozen=True, slots=True)
class UserConfig:
    """One user and its bearer token. An admin may do everything."""

    username: str
    token: str
    admin: bool = False


@dataclass(frozen=True, slots=True)
class Permission:
    """What `users` may do to the paths of `repositories` that match a pattern.

    Actions: `r` read, `w` deploy (on a remote: fetch what is not cached), `d` delete and overwrite, `n` annotate,
    `m` manage. In a pattern `*` also matches `/`, as `**` does in Artifactory's permission targets.
    """

    users: tuple[str, ...]
    repositories: tuple[str, ...]
    patterns: tuple[str, ...]
    actions: str

    def __post_init__(self) -> None:
        if not set(self.actions) <= ACTIONS:
            raise ValueError(f"permission: actions {self.actions!r} are not a subset of 'rwdnm'")

    def covers(self, *, user: str, repository: str, path: str) -> bool:
        """Whether this permission speaks of `path`."""
        if user not in self.users or repository not in self.repositories:
            return False
        return any(fnmatchcase(path, pattern.replace("**", "*")) for pattern in self.patterns)


@dataclass(frozen=True, slots=True)
class AwsRoleConfig:
    """What STS would say: the role that signs with these access key ids. A user is bound to it by an administrator."""

    iam_role: str
    access_keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RegistryConfig:
    """The whole configuration. What an administrator changes while it runs is kept apart (administration.py)."""

    repositories: tuple[RepositoryConfig, ...]
    users: tuple[UserConfig, ...]
    permissions: tuple[Permission, ...]
    aws_roles: tuple[AwsRoleConfig, ...] = ()

    def repository(self, key: str) -> RepositoryConfig | None:
        """The repository with this key, or None."""
        return next((entry for entry in self.repositories if entry.key == key), None)

    def allows(self, *, user: UserConfig, repository: str, path: str, action: str) -> bool:
        """Whether `user` may do `action` to `path`."""
        return user.admin or any(
            action in entry.actions and entry.covers(user=user.username, repository=repository, path=path)
            for entry in self.permissions
        )


def write_config(config: RegistryConfig, path: Path) -> None:
    """Write `config` as JSON, readable by its owner alone: it holds tokens."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        json.dump(asdict(config), stream, indent=2)


def read_config(path: Path) -> RegistryConfig:
    """Read what `write_config` wrote.

    Raises:
        ValueError: naming the field that is wrong.
    """
    document = parse_object(path.read_text(encoding="utf-8"))
    return RegistryConfig(
        repositories=tuple(
            RepositoryConfig(
                key=text(entry.get("key"), field="repositories.key"),
                rclass=text(entry.get("rclass"), field="repositories.rclass"),
                package_type=text(entry.get("package_type"), field="repositories.package_type"),
                url=None if entry.get("url") is None else text(entry["url"], field="repositories.url"),
            )
            for entry in objects(document.get("repositories"), field="repositories")
        ),
        users=tuple(
            UserConfig(
                username=text(entry.get("username"), field="users.username"),
                token=text(entry.get("token"), field="users.token"),
                admin=entry.get("admin") is True,
            )
            for entry in objects(document.get("users"), field="users")
        ),
        permissions=tuple(
            Permission(
                users=texts(entry.get("users"), field="permissions.users"),
                repositories=texts(entry.get("repositories"), field="permissions.repositories"),
                patterns=texts(entry.get("patterns"), field="permissions.patterns"),
                actions=text(entry.get("actions"), field="permissions.actions"),
            )
            for entry in objects(document.get("permissions"), field="permissions")
        ),
        aws_roles=tuple(
            AwsRoleConfig(
                iam_role=text(entry.get("iam_role"), field="aws_roles.iam_role"),
                access_keys=texts(entry.get("access_keys"), field="aws_roles.access_keys"),
            )
            for entry in objects(document.get("aws_roles", []), field="aws_roles")
        ),
    )
