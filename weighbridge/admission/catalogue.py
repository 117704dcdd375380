"""What SageMaker says of models and configs that exist, as properties that rules can read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from weighbridge.errors import CloudError

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient


class Catalogue(Protocol):
    """Looks models and configs up by name; None when there is none of that name."""

    def model(self, name: str) -> Mapping[str, object] | None:
        """Return DescribeModel's answer."""
        ...

    def config(self, name: str) -> Mapping[str, object] | None:
        """Return DescribeEndpointConfig's answer."""
        ...


class SageMakerCatalogue:
    """Needs sagemaker:DescribeModel and DescribeEndpointConfig. Each name is asked for once."""

    def __init__(self, *, client: SageMakerClient) -> None:
        self._client = client
        self._known: dict[tuple[str, str], Mapping[str, object] | None] = {}

    def model(self, name: str) -> Mapping[str, object] | None:
        """See `Catalogue.model`.

        Raises:
            CloudError: when SageMaker refuses or does not answer.
        """
        return self._look("DescribeModel", name, lambda: dict(self._client.describe_model(ModelName=name)))

    def config(self, name: str) -> Mapping[str, object] | None:
        """See `Catalogue.config`.

        Raises:
            CloudError: when SageMaker refuses or does not answer.
        """
        return self._look(
            "DescribeEndpointConfig",
            name,
            lambda: dict(self._client.describe_endpoint_config(EndpointConfigName=name)),
        )

    def _look(self, operation: str, name: str, ask: Callable[[], Mapping[str, object]]) -> Mapping[str, object] | None:
        key = (operation, name)
        if key not in self._known:
            try:
                self._known[key] = ask()
            except (BotoCoreError, ClientError) as error:
                if not missing(error):
                    raise CloudError(f"sagemaker:{operation} on {name}: {error}") from error
                self._known[key] = None
        return self._known[key]


def missing(error: Exception) -> bool:
    """Whether SageMaker says that there is no such thing: a ValidationException whose text says so."""
    return isinstance(error, ClientError) and "Could not find" in str(error)
