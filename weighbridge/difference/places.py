"""Where the two ids of a model come from: the endpoint that runs, the parameter that a deployment reads, or what somebody names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from weighbridge.admission.claim import Claim, read_claim
from weighbridge.checks.rule import mapping
from weighbridge.errors import InputError, NothingPromotedError
from weighbridge.names import ReleaseId
from weighbridge.promotion import parameter_name, read_parameter
from weighbridge.reconciliation.survey import Survey
from weighbridge.trust import ChannelState

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

FindId = Callable[[str, ChannelState], ReleaseId | None]


@dataclass(frozen=True, slots=True)
class Places:
    """Where the two ids of a model come from; each gets the model's name and the channel's verified state.

    `before` answers None when nothing runs; `after` None when no deployment can be made.
    """

    before: FindId
    after: FindId


def running_id(*, survey: Survey, endpoint: str, model: str) -> ReleaseId | None:
    """Return the release id that an endpoint's containers were started with; None when nothing serves there.

    Raises:
        CloudError: when SageMaker refuses or does not answer.
        InputError: rule `input.endpoint`: the endpoint does not say, or serves something else.
    """
    found = survey.endpoint(endpoint)
    if found is None:
        return None
    claims = [
        read_claim(mapping(container.get("Environment")), path=path)
        for workload in found.workloads
        for path, container in workload.containers()
    ]
    ids = {claim.release_id if isinstance(claim, Claim) and claim.model == model else None for claim in claims}
    only = ids.pop() if len(ids) == 1 else None
    if only is None or found.hides:
        raise InputError(
            f"endpoint {endpoint}: does not say which one promotion of {model} it serves: see `weighbridge reconcile`",
            rule="input.endpoint",
        )
    return only


def parameter_id(*, client: SSMClient, environment: str, model: str) -> ReleaseId | None:
    """Return the release id that the next deployment reads; None when the parameter does not exist.

    Raises:
        CloudError: when SSM refuses or does not answer.
        InputError: when it holds no release id.
    """
    try:
        return read_parameter(client=client, name=parameter_name(environment=environment, model=model))
    except NothingPromotedError:
        return None


def named_id(value: str, *, model: str, state: ChannelState, field: str) -> ReleaseId:
    """Return the release id that somebody wrote, or that of the promotion with that number.

    Raises:
        InputError: naming `field`, when it is neither, or no promotion has the number.
    """
    if not value.isdecimal():
        return ReleaseId.parse(value, field=field)
    for promotion in state.promotions(model):
        if str(promotion.sequence) == value:
            return promotion.release_id
    raise InputError(f"{field}: no promotion of {model} in {state.channel} has the number {value}")
