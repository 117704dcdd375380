"""Where a registry token comes from. A token is read when it is needed, and lives in no variable of the environment."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from typing import Protocol, TypedDict

from weighbridge.errors import InputError, RegistryAuthError

TOKEN_VARIABLE = "JF_ACCESS_TOKEN"  # noqa: S105


class TokenSource(Protocol):
    """Gives the bearer token of one identity."""

    def token(self) -> str:
        """Return the token to send."""
        ...

    def refresh(self) -> str:
        """Return a token read anew, after the registry answered 401. It may be the same one."""
        ...


class SecretValue(TypedDict, total=False):
    """The part of Secrets Manager's GetSecretValue answer that is read here."""

    SecretString: str


class SecretsClient(Protocol):
    """The one call of boto3's Secrets Manager client that is needed."""

    def get_secret_value(self, *, SecretId: str) -> SecretValue:  # noqa: N803
        """See the AWS API reference, GetSecretValue."""
        ...


class StaticToken:
    """A token that the caller already holds."""

    def __init__(self, *, token: str) -> None:
        self._token = token

    def __repr__(self) -> str:
        return "StaticToken()"

    def token(self) -> str:
        return self._token

    def refresh(self) -> str:
        return self._token


class EnvironmentToken:
    """The token in `JF_ACCESS_TOKEN`, the variable that JFrog's own clients read."""

    def token(self) -> str:
        """Return the token.

        Raises:
            InputError: when the variable is not set.
        """
        value = os.environ.get(TOKEN_VARIABLE, "")
        if not value:
            raise InputError(f"{TOKEN_VARIABLE}: not set: export a token of the identity that this command runs as")
        return value

    def refresh(self) -> str:
        return self.token()


class SecretsManagerToken:
    """A token in Secrets Manager, referenced by id, read at most every `max_age` seconds.

    The secret is the bare token, or a JSON object that holds it under `field`.
    Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
    """

    def __init__(
        self,
        *,
        client: SecretsClient,
        secret_id: str,
        field: str = "token",
        max_age: float = 300.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._secret_id = secret_id
        self._field = field
        self._max_age = max_age
        self._clock = clock
        self._value: str | None = None
        self._read_at = 0.0

    def __repr__(self) -> str:
        return f"SecretsManagerToken(secret_id={self._secret_id!r})"

    def token(self) -> str:
        """Return the token, from memory while it is younger than `max_age`.

        Raises:
            RegistryAuthError: when the secret cannot be read or holds no token.
        """
        if self._value is None or self._clock() - self._read_at > self._max_age:
            return self.refresh()
        return self._value

    def refresh(self) -> str:
        """Read the secret anew."""
        try:
            answer = self._client.get_secret_value(SecretId=self._secret_id)
        except Exception as error:
            raise RegistryAuthError(
                f"the registry token could not be read from secret {self._secret_id!r} ({type(error).__name__}): "
                "check that it exists and that this role may read it"
            ) from error
        self._value = self._parse(answer.get("SecretString", ""))
        self._read_at = self._clock()
        return self._value

    def _parse(self, text: str) -> str:
        return self.parse(text, secret_id=self._secret_id, field=self._field)

    @staticmethod
    def parse(text: str, *, secret_id: str, field: str = "token") -> str:
        """Return the token in a secret's text: the text itself, or what JSON holds under `field`.

        Raises:
            RegistryAuthError: when there is none; the message does not show the text.
        """
        value: object = text.strip()
        if text.lstrip().startswith("{"):
            try:
                value = json.loads(text).get(field)
            except ValueError:
                value = None
        if not isinstance(value, str) or not value:
            raise RegistryAuthError(
                f"secret {secret_id!r} holds no token: store the bare token, or JSON with the field {field!r}"
            )
        return value
