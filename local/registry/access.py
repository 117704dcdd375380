"""Who asks, and whether they may."""

from __future__ import annotations

import hmac

from starlette.requests import Request

from local.registry.administration import Administration
from local.registry.config import RegistryConfig, RepositoryConfig, UserConfig
from local.registry.errors import RefusalError
from local.registry.tokens import TokenStore

CACHE_SUFFIX = "-cache"
_ACTION_WORDS = {"r": "READ", "w": "DEPLOY", "d": "DELETE", "n": "ANNOTATE", "m": "MANAGE"}


class Access:
    """Reads tokens and permissions out of the configuration and of what an administrator changed since."""

    def __init__(self, config: RegistryConfig, *, administration: Administration, tokens: TokenStore) -> None:
        self._base = config
        self._tokens = tokens
        self.administration = administration

    @property
    def _config(self) -> RegistryConfig:
        return self.administration.over(self._base)

    def knows_user(self, username: str) -> bool:
        """Whether there is such a user."""
        return any(user.username == username for user in self._base.users)

    def administrator(self, request: Request) -> UserConfig:
        """The caller, who has to be an administrator.

        Raises:
            RefusalError: 401 as `caller` does, 403 for anybody else.
        """
        user = self.caller(request)
        if not user.admin:
            raise RefusalError(403, f"Forbidden: user '{user.username}' is not an administrator")
        return user

    def user_of(self, header: str | None) -> UserConfig | None:
        """The user whose token an Authorization header carries, or None."""
        scheme, _, token = (header or "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        given = token.strip()
        users = self._config.users
        found = next((user for user in users if hmac.compare_digest(user.token.encode(), given.encode())), None)
        issued = self._tokens.find(given) if found is None else None
        return found if issued is None else next((user for user in users if user.username == issued.username), None)

    def bound_user(self, *, access_key: str) -> str | None:
        """The name of the user that the role with this access key is bound to, or None."""
        roles = [role.iam_role for role in self._base.aws_roles if access_key in role.access_keys]
        users = [user.username for user in self._base.users if self.administration.role_of(user.username) in roles]
        return users[0] if users else None

    def caller(self, request: Request) -> UserConfig:
        """The user who sent `request`.

        Raises:
            RefusalError: 401 without a token or with an unknown one.
        """
        header = request.headers.get("authorization")
        user = self.user_of(header)
        if user is None:
            message = "Authentication is required" if header is None else "Token failed verification: unknown token"
            raise RefusalError(401, message, headers={"WWW-Authenticate": 'Basic realm="Artifactory Realm"'})
        return user

    def repository(self, key: str) -> RepositoryConfig:
        """The repository with this key; what a remote holds is also found as `KEY-cache`.

        Raises:
            RefusalError: 404 when there is none.
        """
        found = self._find(key)
        if found is None:
            raise RefusalError(404, f"Repository '{key}' does not exist")
        return found

    def repositories(self) -> tuple[RepositoryConfig, ...]:
        """Every repository."""
        return self._config.repositories

    def reads_somewhere(self, user: UserConfig, key: str) -> bool:
        """Whether `user` may read any path of a repository."""
        return any(
            user.username in entry.users and key in entry.repositories and "r" in entry.actions
            for entry in self._config.permissions
        )

    def allows(self, user: UserConfig, repository: str, path: str, action: str) -> bool:
        """Whether `user` may do `action` to `path`; nobody may in a repository that the configuration lost."""
        found = self._find(repository)
        return found is not None and self._config.allows(user=user, repository=found.key, path=path, action=action)

    def require(self, user: UserConfig, repository: str, path: str, action: str) -> None:
        """Let pass or refuse.

        Raises:
            RefusalError: 403, in Artifactory's words.
        """
        if not self.allows(user, repository, path, action):
            word = _ACTION_WORDS[action]
            raise RefusalError(
                403, f"Forbidden: user '{user.username}' needs {word} permission for '{repository}:{path}'."
            )

    def _find(self, key: str) -> RepositoryConfig | None:
        found = self._config.repository(key)
        if found is None and key.endswith(CACHE_SUFFIX):
            remote = self._config.repository(key.removesuffix(CACHE_SUFFIX))
            found = remote if remote is not None and remote.rclass == "remote" else None
        return found
