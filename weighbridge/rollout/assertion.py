"""Does an endpoint run the config that was deployed? SageMaker takes a failed update back in silence; this does not.

Order during a stack's rollback: CloudFormation takes the assertion back with an Update whose properties are the old
ones, and promises no order between that and the endpoint's own way back. So:

- the endpoint runs the old config already (SageMaker took the update back, or CloudFormation did): success;
- it is on its way there: waited for;
- it still runs the new config: the event looks exactly like a forward update that SageMaker took back in silence, which
  must fail. What tells them apart is the stack's status. While the stack rolls back nothing is refused: the endpoint's
  own way back is that resource's to report, and a second refusal would only leave UPDATE_ROLLBACK_FAILED behind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from botocore.exceptions import BotoCoreError, ClientError

from weighbridge.customresource import Event
from weighbridge.errors import CloudError, RefusedError
from weighbridge.names import Digest
from weighbridge.rollout.component import POLL_SECONDS, RULE, ExpectedComponent, assert_component
from weighbridge.rollout.stack import ROLLING_BACK, StackReader

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.type_defs import DescribeEndpointOutputTypeDef

# Source: SageMaker API reference, DescribeEndpoint, EndpointStatus.
PASSING = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack"})
# For CloudFormation to say, at its slowest (weighbridge.cloud.SHORT), whether the stack is being rolled back.
ASKING_SECONDS = 35.0


@dataclass(frozen=True, slots=True)
class Expectation:
    """What was deployed: the endpoint's name, the config that it must run, and the release behind that.

    `component` is there when the model is an inference component on the endpoint.
    """

    endpoint: str
    config: str
    release: Digest
    component: ExpectedComponent | None = None

    @classmethod
    def of(cls, event: Event) -> Self:
        """Read the resource's properties.

        Raises:
            InputError: naming the property.
        """
        return cls(
            endpoint=event.text("EndpointName"),
            config=event.text("EndpointConfigName"),
            release=Digest.parse(event.text("ReleaseDigest"), field="ResourceProperties.ReleaseDigest"),
            component=ExpectedComponent.of(event) if "ComponentName" in event.properties else None,
        )


def assert_endpoint(
    expected: Expectation,
    *,
    client: SageMakerClient,
    rolling_back: Callable[[], bool],
    seconds_left: Callable[[], float],
    sleep: Callable[[float], None],
) -> str:
    """Return the config that the endpoint runs, after it came to rest.

    Args:
        client: boto3's SageMaker client.
        rolling_back: whether the stack is being rolled back; asked only when the endpoint is not as expected.
        seconds_left: how long this may still wait.
        sleep: waits that many seconds.

    Raises:
        RefusedError: rule `refused.endpoint`, with SageMaker's reason and where to look.
        CloudError: when SageMaker refuses or does not answer.
    """
    found = _describe(client, expected.endpoint)
    while found["EndpointStatus"] in PASSING and seconds_left() > POLL_SECONDS + ASKING_SECONDS:
        sleep(POLL_SECONDS)
        found = _describe(client, expected.endpoint)
    config = found.get("EndpointConfigName", "")
    if (found["EndpointStatus"], config) != ("InService", expected.config):
        if rolling_back():
            return config
        raise RefusedError(_refusal(expected, found), rule=RULE)
    if expected.component is not None:
        assert_component(
            expected.component,
            release=expected.release,
            client=client,
            rolling_back=rolling_back,
            seconds_left=lambda: seconds_left() - ASKING_SECONDS,
            sleep=sleep,
        )
    return config


def in_rollback(stack: StackReader) -> bool:
    """Return whether the stack is being rolled back; False when CloudFormation cannot be asked."""
    try:
        return stack.status() == ROLLING_BACK
    except CloudError:
        return False


def _refusal(expected: Expectation, found: DescribeEndpointOutputTypeDef) -> str:
    reason = found.get("FailureReason") or "SageMaker gave no reason"
    name = found.get("EndpointName", expected.endpoint)
    return (
        f"endpoint {name} is {found['EndpointStatus']} on config {found.get('EndpointConfigName')!r}, not InService on "
        f"{expected.config!r} (release {expected.release}): {reason[:400]}: "
        f"see log group /aws/sagemaker/Endpoints/{name}"
    )


def _describe(client: SageMakerClient, name: str) -> DescribeEndpointOutputTypeDef:
    try:
        return client.describe_endpoint(EndpointName=name)
    except (BotoCoreError, ClientError) as error:
        raise CloudError(f"sagemaker:DescribeEndpoint on {name}: {error}") from error
