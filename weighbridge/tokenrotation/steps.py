"""Secrets Manager's four steps, each of which may be called again at any time.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html
Whatever fails leaves AWSCURRENT as it was. The token before the current one stays valid as AWSPREVIOUS for a time of
grace (upkeep.py), at most until the next rotation, so that whoever read it shortly before is not cut off.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from botocore.exceptions import ClientError

from weighbridge.errors import InputError, RegistryAuthError, RegistryError
from weighbridge.logs import JsonLog
from weighbridge.registry import SecretsManagerToken
from weighbridge.tokenrotation.access import AccessApi
from weighbridge.tokenrotation.calls import CURRENT, PENDING, PREVIOUS, cloud_error

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")


@dataclass(frozen=True, slots=True)
class RotationEvent:
    """One call of Secrets Manager; `version` is its ClientRequestToken, the id of the new version."""

    secret_id: str
    version: str
    step: str

    @classmethod
    def parse(cls, event: Mapping[str, object]) -> Self:
        """Read the event.

        Raises:
            InputError: naming the field.
        """
        found = {}
        for field in ("SecretId", "ClientRequestToken", "Step"):
            value = event.get(field)
            if not isinstance(value, str) or not value:
                raise InputError(f"{field}: missing: Secrets Manager alone calls this function")
            found[field] = value
        if found["Step"] not in STEPS:
            raise InputError(f"Step: {found['Step']!r} is none of {', '.join(STEPS)}")
        return cls(secret_id=found["SecretId"], version=found["ClientRequestToken"], step=found["Step"])


@dataclass(frozen=True, slots=True)
class TokenRotation:
    """Rotates one secret. `expires_in` (seconds) is the life of a minted token, more than two rotations."""

    client: SecretsManagerClient
    access: AccessApi
    secret_id: str
    expires_in: int
    log: JsonLog

    def run(self, event: RotationEvent) -> None:
        """Do one step; a version that is current already is left alone.

        Raises:
            InputError: when the event is of another secret, or of a version that is not being rotated to.
            RegistryError, CloudError: the step failed; AWSCURRENT is as it was.
        """
        if event.secret_id != self.secret_id:
            raise InputError(f"SecretId: {event.secret_id!r} is not the secret that this function rotates")
        stages = self._stages()
        own = stages.get(event.version)
        if own is None:
            raise InputError(f"ClientRequestToken: version {event.version!r} is not one of the secret's")
        if CURRENT in own:
            return
        if PENDING not in own:
            raise InputError(f"ClientRequestToken: version {event.version!r} is not pending")
        if event.step == "createSecret":
            self._create(event.version)
        elif event.step == "testSecret":
            self._test(event.version)
        elif event.step == "finishSecret":
            self._finish(event.version, stages)
        self.log.event("rotation", step=event.step, secret=self.secret_id, version=event.version)

    def _create(self, version: str) -> None:
        if self._token(PENDING, version=version) is not None:
            return
        current = self._token(CURRENT)
        if current is None:
            raise RegistryAuthError(f"secret {self.secret_id!r} holds no token: put the first one in by hand")
        minted = self.access.mint(token=current, expires_in=self.expires_in, description="weighbridge token rotation")
        value = json.dumps({"token": minted.token, "token_id": minted.token_id})
        try:
            self.client.put_secret_value(
                SecretId=self.secret_id, ClientRequestToken=version, SecretString=value, VersionStages=[PENDING]
            )
        except ClientError as error:
            self._revoke(minted.token, why="it could not be kept")
            raise cloud_error("PutSecretValue", error) from error

    def _test(self, version: str) -> None:
        current, pending = self._token(CURRENT), self._token(PENDING, version=version)
        if pending is None or pending == current:
            # Secrets Manager tries the configuration out with an empty version, or a copy, when rotation is switched on.
            if current is not None:
                self.access.subject(token=current)
            return
        found = self.access.subject(token=pending)
        if current is not None and found != self.access.subject(token=current):
            raise RegistryError("test of a token: the new token is another user's: put a token in by hand")

    def _finish(self, version: str, stages: Mapping[str, list[str]]) -> None:
        if self._token(PENDING, version=version) is None:
            raise InputError(f"ClientRequestToken: version {version!r} holds no token: createSecret comes first")
        retired = self._token(PREVIOUS)
        if retired is not None and retired != self._token(CURRENT):
            self._revoke(retired, why="another rotation")
        holder = next((name for name, held in stages.items() if CURRENT in held), None)
        move = {} if holder is None else {"RemoveFromVersionId": holder}
        try:
            self.client.update_secret_version_stage(
                SecretId=self.secret_id, VersionStage=CURRENT, MoveToVersionId=version, **move
            )
        except ClientError as error:
            raise cloud_error("UpdateSecretVersionStage", error) from error

    def _stages(self) -> Mapping[str, list[str]]:
        try:
            found = self.client.describe_secret(SecretId=self.secret_id)
        except ClientError as error:
            raise cloud_error("DescribeSecret", error) from error
        return found.get("VersionIdsToStages", {})

    def _token(self, stage: str, *, version: str | None = None) -> str | None:
        chosen = {} if version is None else {"VersionId": version}
        try:
            found = self.client.get_secret_value(SecretId=self.secret_id, VersionStage=stage, **chosen)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return None
            raise cloud_error("GetSecretValue", error) from error
        text = found.get("SecretString", "")
        return SecretsManagerToken.parse(text, secret_id=self.secret_id) if text else None

    def _revoke(self, token: str, *, why: str) -> None:
        try:
            self.access.revoke(token=token)
        except RegistryError as error:
            # It ends by itself; a rotation that stopped here would leave the current one to end, too.
            self.log.error("not-revoked", rule=error.rule, message=str(error))
        else:
            self.log.event("revoked", secret=self.secret_id, why=why)
