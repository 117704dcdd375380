"""The SSM parameter that holds the release id of an environment and model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from weighbridge.errors import CloudError
from weighbridge.names import ReleaseId

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


@dataclass(frozen=True, slots=True)
class ParameterVersion:
    """One value of the parameter; `version` counts from 1."""

    version: int
    release_id: ReleaseId


class ReleaseParameter:
    """Reads and writes one parameter. Needs ssm:GetParameter, GetParameterHistory and PutParameter on it."""

    def __init__(self, *, client: SSMClient, name: str) -> None:
        self._client = client
        self.name = name

    def read(self, *, version: int | None = None) -> ParameterVersion:
        """Return the present value, or that of one version.

        Raises:
            CloudError: when SSM refuses, or the parameter does not exist.
            InputError: when it holds no release id.
        """
        name = self.name if version is None else f"{self.name}:{version}"
        try:
            found = self._client.get_parameter(Name=name)["Parameter"]
        except (BotoCoreError, ClientError) as error:
            raise CloudError(f"ssm:GetParameter on {name}: {error}") from error
        return ParameterVersion(
            version=found["Version"], release_id=ReleaseId.parse(found["Value"], field=f"SSM parameter {name}")
        )

    def earlier(self) -> tuple[str, ...]:
        """Return all values that SSM still knows (at most a hundred), newest first.

        Raises:
            CloudError: when SSM refuses.
        """
        values: list[tuple[int, str]] = []
        try:
            pages = self._client.get_paginator("get_parameter_history").paginate(Name=self.name)
            for page in pages:
                values += [(item.get("Version", 0), item.get("Value", "")) for item in page["Parameters"]]
        except (BotoCoreError, ClientError) as error:
            raise CloudError(f"ssm:GetParameterHistory on {self.name}: {error}") from error
        return tuple(value for _, value in sorted(values, reverse=True))

    def replace(self, *, expected: ParameterVersion, release_id: ReleaseId) -> bool:
        """Set the parameter to `release_id`, if it still is what `expected` says; return whether it now holds it.

        SSM has no conditional write, but numbers the versions without gaps: when the new version is not the next one
        after `expected`, somebody wrote in between, and what they wrote is put back.

        Raises:
            CloudError: when SSM refuses.
        """
        if self.read() != expected:
            return False
        written = self._put(release_id)
        if written == expected.version + 1:
            return True
        overwritten = self.read(version=written - 1).release_id
        if overwritten != release_id:
            self._put(overwritten)
        return False

    def _put(self, release_id: ReleaseId) -> int:
        try:
            return self._client.put_parameter(Name=self.name, Value=str(release_id), Type="String", Overwrite=True)[
                "Version"
            ]
        except (BotoCoreError, ClientError) as error:
            raise CloudError(f"ssm:PutParameter on {self.name}: {error}") from error
