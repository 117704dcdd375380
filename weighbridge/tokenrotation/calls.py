"""What the steps of a rotation and its upkeep share: the labels of a secret's versions, and how a failed call is told."""

from __future__ import annotations

from botocore.exceptions import ClientError

from weighbridge.errors import CloudError

CURRENT, PENDING, PREVIOUS = "AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"


def cloud_error(call: str, error: ClientError) -> CloudError:
    """Return the error of a call to Secrets Manager: its code, never the service's text, which may quote a value."""
    code = error.response["Error"]["Code"]
    return CloudError(f"{call}: {code}: check the rights of the rotation function on the secret and its key")
