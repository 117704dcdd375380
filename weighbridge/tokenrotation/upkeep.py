"""Between rotations: measure how old the current token is, and revoke the one before it when its time of grace is over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from weighbridge.errors import RegistryError
from weighbridge.logs import Clock, JsonLog, timestamp
from weighbridge.metrics import TOKEN_AGE_HOURS, Measurement, embedded
from weighbridge.registry import SecretsManagerToken
from weighbridge.tokenrotation.access import AccessApi
from weighbridge.tokenrotation.calls import CURRENT, PREVIOUS, cloud_error

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

UPKEEP = "Upkeep"
"""The field of an event that asks for upkeep; Secrets Manager's own events have none of this name."""

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, repr=False)
class _Held:
    version: str
    token: str
    since: datetime


@dataclass(frozen=True, slots=True)
class TokenUpkeep:
    """Looks after one secret. `grace` is how long a token that was replaced goes on.

    The metric `TokenAgeHours`, by the secret's id, goes to the log; without a current token there is none, and
    the alarm on a missing measurement rings.
    """

    client: SecretsManagerClient
    access: AccessApi
    secret_id: str
    grace: timedelta
    log: JsonLog
    clock: Clock

    def run(self) -> None:
        """Measure, and end the token before the current one if it is time. May be called at any time, and again.

        Raises:
            RegistryError: the old token could not be revoked; the next run tries again.
            CloudError: the secret could not be read or changed.
        """
        current = self._held(CURRENT)
        if current is None:
            self.log.event("no-token", secret=self.secret_id)
            return
        now = self.clock()
        self._show(now, since=current.since)
        previous = self._held(PREVIOUS)
        if previous is not None and now - self._replaced_at(current) >= self.grace:
            self._retire(previous, current=current)

    def _retire(self, previous: _Held, *, current: _Held) -> None:
        if previous.token != current.token:
            try:
                self.access.revoke(token=previous.token)
            except RegistryError as error:
                self.log.error("not-revoked", rule=error.rule, message=str(error))
                raise
        try:
            # Without its label the version is nobody's; its token would be revoked again and again otherwise.
            self.client.update_secret_version_stage(
                SecretId=self.secret_id, VersionStage=PREVIOUS, RemoveFromVersionId=previous.version
            )
        except ClientError as error:
            raise cloud_error("UpdateSecretVersionStage", error) from error
        self.log.event("revoked", secret=self.secret_id, why="its time of grace is over", version=previous.version)

    def _replaced_at(self, current: _Held) -> datetime:
        """When the current token took over: a version may have waited, made but not yet current, for a repeated step."""
        try:
            rotated = self.client.describe_secret(SecretId=self.secret_id).get("LastRotatedDate")
        except ClientError as error:
            raise cloud_error("DescribeSecret", error) from error
        return current.since if rotated is None else max(current.since, rotated.astimezone(UTC))

    def _held(self, stage: str) -> _Held | None:
        try:
            found = self.client.get_secret_value(SecretId=self.secret_id, VersionStage=stage)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return None
            raise cloud_error("GetSecretValue", error) from error
        text = found.get("SecretString", "")
        if not text:
            return None
        token = SecretsManagerToken.parse(text, secret_id=self.secret_id)
        return _Held(version=found["VersionId"], token=token, since=found["CreatedDate"].astimezone(UTC))

    def _show(self, now: datetime, *, since: datetime) -> None:
        self.log.measured(
            "token-age",
            embedded(
                Measurement(TOKEN_AGE_HOURS, (now - since) // HOUR),
                dimensions={"Secret": self.secret_id},
                by=[["Secret"]],
                at=now,
            ),
            current_since=timestamp(since),
        )
