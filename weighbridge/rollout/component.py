"""Does an inference component serve what was deployed?

A failed update leaves a component InService on its old model, as it does with endpoints. And a component without a copy
has loaded nothing: a new release there was not shown to start, and what it replaced is gone. So a new model needs a copy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from botocore.exceptions import BotoCoreError, ClientError

from weighbridge.customresource import Event
from weighbridge.errors import CloudError, RefusedError
from weighbridge.names import Digest

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.type_defs import DescribeInferenceComponentOutputTypeDef

# Source: SageMaker API reference, DescribeInferenceComponent, InferenceComponentStatus.
PASSING = frozenset({"Creating", "Updating"})
POLL_SECONDS = 5.0
RULE = "refused.endpoint"


@dataclass(frozen=True, slots=True)
class ExpectedComponent:
    """The component's name, the SageMaker model that it must serve, and whether that is another one than before."""

    name: str
    model: str
    is_new: bool

    @classmethod
    def of(cls, event: Event) -> Self:
        """Read `ComponentName` and `ComponentModelName`.

        Raises:
            InputError: naming the property.
        """
        model = event.text("ComponentModelName")
        return cls(
            name=event.text("ComponentName"),
            model=model,
            is_new=event.old_properties.get("ComponentModelName") != model,
        )


def assert_component(
    expected: ExpectedComponent,
    *,
    release: Digest,
    client: SageMakerClient,
    rolling_back: Callable[[], bool],
    seconds_left: Callable[[], float],
    sleep: Callable[[float], None],
) -> None:
    """Return when the component serves the expected model, or the stack is being rolled back.

    Raises:
        RefusedError: rule `refused.endpoint`, with SageMaker's reason and where to look.
        CloudError: when SageMaker refuses or does not answer.
    """
    found = _describe(client, expected.name)
    while found.get("InferenceComponentStatus") in PASSING and seconds_left() > POLL_SECONDS:
        sleep(POLL_SECONDS)
        found = _describe(client, expected.name)
    problem = _problem(expected, found)
    if problem and not rolling_back():
        raise RefusedError(
            f"inference component {expected.name} {problem} (release {release}): "
            f"see log group /aws/sagemaker/InferenceComponents/{expected.name}",
            rule=RULE,
        )


def _problem(expected: ExpectedComponent, found: DescribeInferenceComponentOutputTypeDef) -> str:
    status = found.get("InferenceComponentStatus", "unknown")
    model = found.get("Specification", {}).get("ModelName", "")
    if (status, model) != ("InService", expected.model):
        reason = found.get("FailureReason") or "SageMaker gave no reason"
        return f"is {status} with model {model!r}, not InService with {expected.model!r}: {reason[:400]}"
    copies = found.get("RuntimeConfig", {}).get("CurrentCopyCount", 0)
    if expected.is_new and copies < 1:
        return f"has no copy, so that nothing shows that {expected.model!r} starts: wake it with a request, then deploy again"
    return ""


def _describe(client: SageMakerClient, name: str) -> DescribeInferenceComponentOutputTypeDef:
    try:
        return client.describe_inference_component(InferenceComponentName=name)
    except (BotoCoreError, ClientError) as error:
        raise CloudError(f"sagemaker:DescribeInferenceComponent on {name}: {error}") from error
