"""Point an environment at a promotion: the SSM parameter that CloudFormation reads on every deployment.

It only moves forward: going back is a new promotion with reason `rollback`, which has a higher number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from weighbridge.errors import CloudError, ConflictError, NothingPromotedError
from weighbridge.names import ReleaseId

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class ParameterChange:
    """What became of the parameter: its value before (None: it did not exist) and after."""

    name: str
    before: ReleaseId | None
    after: ReleaseId

    @property
    def changed(self) -> bool:
        """Whether the value is another one now."""
        return self.before != self.after


def parameter_name(*, environment: str, model: str) -> str:
    """Return the parameter's name."""
    return f"/weighbridge/{environment}/{model}/release-id"


def move_forward(*, client: SSMClient, name: str, release_id: ReleaseId) -> ParameterChange:
    """Set the parameter to `release_id`, creating it when absent; a later promotion that stands there is kept.

    Needs ssm:GetParameter and ssm:PutParameter on it.

    Raises:
        ConflictError: when it holds another promotion under the same number, or others keep writing it.
        CloudError: when SSM refuses or does not answer.
        InputError: when it holds no release id.
    """
    first = before = _read(client, name)
    for _ in range(_ATTEMPTS):
        if before is not None and before.sequence == release_id.sequence and before != release_id:
            raise ConflictError(
                f"SSM parameter {name}: holds {before}, the channel says {release_id}: it was set from another channel: "
                "correct or delete it"
            )
        if before is not None and before.sequence >= release_id.sequence:
            return ParameterChange(name=name, before=first, after=before)
        _put(client, name, release_id, overwrite=before is not None)
        before = _read(client, name)
    raise ConflictError(f"SSM parameter {name}: somebody else keeps setting it: read it and retry")


def read_parameter(*, client: SSMClient, name: str) -> ReleaseId:
    """Return the release id that an environment is pointed at.

    Raises:
        NothingPromotedError: when the parameter does not exist.
        CloudError, InputError: as `move_forward`.
    """
    found = _read(client, name)
    if found is None:
        raise NothingPromotedError(
            f"SSM parameter {name}: does not exist: promote a release with `weighbridge promote`"
        )
    return found


def _read(client: SSMClient, name: str) -> ReleaseId | None:
    try:
        value = client.get_parameter(Name=name)["Parameter"].get("Value", "")
    except client.exceptions.ParameterNotFound:
        return None
    except (BotoCoreError, ClientError) as error:
        raise CloudError(f"ssm:GetParameter on {name}: {error}") from error
    return ReleaseId.parse(value, field=f"SSM parameter {name}")


def _put(client: SSMClient, name: str, release_id: ReleaseId, *, overwrite: bool) -> None:
    try:
        client.put_parameter(Name=name, Value=str(release_id), Type="String", Overwrite=overwrite)
    except client.exceptions.ParameterAlreadyExists:
        # Somebody created it meanwhile: the caller reads it again.
        return
    except (BotoCoreError, ClientError) as error:
        raise CloudError(f"ssm:PutParameter on {name}: {error}") from error
