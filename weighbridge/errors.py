"""One exception tree. Every error is one clear line that names what is wrong and what to do.

    WeighbridgeError                 code = exit status of the CLI
    ├── InputError                   2  a field of the caller's input: names the field and the fix
    │   └── SettingsError            2  environments/*.yaml
    ├── RegistryError                3  Artifactory could not do what was asked
    │   ├── RegistryUnavailableError 3  no answer, 5xx or 429 after every retry
    │   ├── RegistryAuthError        3  401: no or wrong token
    │   ├── RegistryForbiddenError   3  403: permission or a blocking policy
    │   ├── RegistryNotFoundError    3  404
    │   └── RegistryConflictError    3  409, or a path that exists with other bytes
    ├── CloudError                   3  AWS (KMS, DynamoDB, ...) could not do what was asked
    ├── RefusedError                 4  verification said no: nothing may be deployed or loaded
    │   ├── IntegrityError           4  bytes do not match their digest or size
    │   ├── TrustError               4  signature, role, threshold, expiry, rollback
    │   ├── NothingPromotedError     4  the channel has no promotion of this model
    │   ├── RevokedError             4
    │   └── DoesNotFitError          4  the release does not fit the instance or the time
    └── ConflictError                5  somebody else won a race: read again and retry

A refusal carries a stable `rule` id (for tests, dashboards and runbooks); everything else is prose.
"""

from __future__ import annotations


class WeighbridgeError(Exception):
    """Base of all errors of weighbridge. `exit_code` is the CLI's exit status; `rule` is a stable id."""

    exit_code = 1
    rule = "weighbridge.error"

    def __init__(self, message: str, *, rule: str | None = None) -> None:
        super().__init__(" ".join(message.split()))
        if rule is not None:
            self.rule = rule


class InputError(WeighbridgeError):
    """A value that the caller gave is not acceptable."""

    exit_code = 2
    rule = "input"


class SettingsError(InputError):
    """A settings file is malformed; the message names file, field and fix."""

    rule = "settings"


class RegistryError(WeighbridgeError):
    """The registry refused or could not answer. `status` is the HTTP status, or None when there was no answer."""

    exit_code = 3
    rule = "registry"

    def __init__(self, message: str, *, status: int | None = None, rule: str | None = None) -> None:
        super().__init__(message, rule=rule)
        self.status = status


class RegistryUnavailableError(RegistryError):
    """No answer, a 5xx or a 429, after every retry."""

    rule = "registry.unavailable"


class RegistryAuthError(RegistryError):
    """401: the token is missing, wrong or expired."""

    rule = "registry.auth"


class RegistryForbiddenError(RegistryError):
    """403: a missing permission, or a download-blocking policy (the message holds the registry's own words)."""

    rule = "registry.forbidden"


class RegistryNotFoundError(RegistryError):
    """404: nothing lies at that path."""

    rule = "registry.not-found"


class RegistryConflictError(RegistryError):
    """409, or an immutable path that already holds other bytes."""

    rule = "registry.conflict"


class CloudError(WeighbridgeError):
    """An AWS service refused or could not answer; the message names the call."""

    exit_code = 3
    rule = "cloud"


class RefusedError(WeighbridgeError):
    """Verification said no. Nothing is deployed, nothing is loaded."""

    exit_code = 4
    rule = "refused"


class IntegrityError(RefusedError):
    """Bytes do not match the digest or the size that was signed."""

    rule = "refused.integrity"


class TrustError(RefusedError):
    """A signature, role, threshold, expiry or version of signed metadata is not acceptable."""

    rule = "refused.trust"


class NothingPromotedError(RefusedError):
    """The channel holds no promotion of this model."""

    rule = "refused.nothing-promoted"


class RevokedError(RefusedError):
    """The release is on the channel's revocation list."""

    rule = "refused.revoked"


class DoesNotFitError(RefusedError):
    """The release cannot arrive in time, or does not fit the instance; the message holds the arithmetic."""

    rule = "refused.does-not-fit"


class ConflictError(WeighbridgeError):
    """Somebody else changed the same thing first: read again and retry."""

    exit_code = 5
    rule = "conflict"
