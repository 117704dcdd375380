"""Errors in the shapes of AWS. The texts are those that the service gives, as far as public reports show them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self


class AwsError(Exception):
    """One refused call: `code` is the error's name on the wire, `status` the HTTP status, `fields` its further members."""

    def __init__(
        self, code: str, message: str, *, status: int = 400, fields: Mapping[str, str | int] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.fields = dict(fields or {})

    @classmethod
    def validation(cls, message: str) -> Self:
        """The control plane's answer to almost everything."""
        return cls("ValidationException", message)

    @classmethod
    def in_use(cls, message: str) -> Self:
        """A name that is taken."""
        return cls("ResourceInUse", message)

    @classmethod
    def not_found(cls, *, kind: str, arn: str) -> Self:
        """A resource that is not there: SageMaker answers with ValidationException, not with ResourceNotFound."""
        return cls.validation(f'Could not find {kind} "{arn}".')

    @classmethod
    def already_there(cls, *, kind: str, arn: str) -> Self:
        """A model, config or endpoint whose name is taken."""
        return cls.validation(f'Cannot create already existing {kind} "{arn}".')

    @classmethod
    def in_progress(cls, arn: str) -> Self:
        """An endpoint that is being changed."""
        return cls.validation(f'Cannot update in-progress endpoint "{arn}".')

    @classmethod
    def still_scaled(cls, *, variants: list[str]) -> Self:
        """Variants whose capacity Application Auto Scaling holds: their instance type stays."""
        return cls.validation(
            f'The variant(s) "{variants}" must be deregistered as scalable target with AWS Auto Scaling before they can be '
            "removed or have their instance type updated."
        )

    @classmethod
    def no_endpoint_to_invoke(cls, *, name: str, account: str) -> Self:
        """The runtime's answer for an endpoint that does not exist or does not serve."""
        return cls("ValidationError", f"Endpoint {name} of account {account} not found.")

    @classmethod
    def unavailable(cls) -> Self:
        """The runtime's answer while no container can take the request."""
        return cls("ServiceUnavailable", "The service is currently unavailable. Try again later.", status=503)


def model_error(*, original_status: int, body: bytes, log_group: str, region: str, account: str) -> AwsError:
    """A container's own refusal or failure: HTTP 424 with what the container said (`original_status` 0: nothing)."""
    side = "client" if 400 <= original_status < 500 else "server"
    said = body.decode("utf-8", "replace")
    console = (
        f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}#logEventViewer:group={log_group}"
    )
    return AwsError(
        "ModelError",
        f'Received {side} error ({original_status}) from primary with message "{said}". '
        f"See {console} in account {account} for more information.",
        status=424,
        fields={
            "ErrorCode": f"{side.upper()}_ERROR_FROM_MODEL",
            "LogStreamArn": f"arn:aws:logs:{region}:{account}:log-group:{log_group}",
            "OriginalMessage": said,
            "OriginalStatusCode": original_status,
        },
    )
