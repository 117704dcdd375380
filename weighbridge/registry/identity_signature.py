"""The proof of an AWS identity that a registry takes: the headers of a signed GetCallerIdentity that is never sent.

Whoever holds the headers can ask STS once, within minutes, who signed them; the secret key stays here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Protocol

from weighbridge.errors import InputError, RegistryAuthError

QUERY = "Action=GetCallerIdentity&Version=2011-06-15"
ROLE_ARN = re.compile(r"arn:aws:iam::\d{12}:role/[\w+=,.@:-]+")
SENT = ("Authorization", "X-Amz-Date", "X-Amz-Region-Set", "X-Amz-Security-Token")


class AwsCredentials(Protocol):
    """Frozen credentials of botocore (`Credentials.get_frozen_credentials()`). `token` is None for a user's own key."""

    @property
    def access_key(self) -> str | None: ...

    @property
    def secret_key(self) -> str | None: ...

    @property
    def token(self) -> str | None: ...


def check_role_arn(arn: str, *, field: str) -> str:
    """Return the ARN of a role that a registry can bind to a user.

    Raises:
        InputError: rule `input.role`; roles with a path, and partitions other than `aws`, cannot be bound.
    """
    if not ROLE_ARN.fullmatch(arn):
        raise InputError(
            f"{field}: {arn!r} cannot be exchanged for a registry token: give a role without a path, "
            "arn:aws:iam::ACCOUNT:role/NAME",
            rule="input.role",
        )
    return arn


def sign_identity(credentials: AwsCredentials, *, region: str | None) -> Mapping[str, str]:
    """Return the headers that prove who holds `credentials`, signed with SigV4a; the signed Host is not among them.

    Args:
        credentials: of the role.
        region: the only region whose STS may be asked; None for the global one.

    Raises:
        RegistryAuthError: when the signature cannot be made.
    """
    try:
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials
        from botocore.crt.auth import CrtSigV4AsymAuth
    except ImportError as error:
        raise RegistryAuthError("an AWS identity is signed with SigV4a: install the package awscrt") from error
    host = "sts.amazonaws.com" if region is None else f"sts.{region}.amazonaws.com"
    request = AWSRequest(method="GET", url=f"https://{host}/?{QUERY}")
    try:
        held = Credentials(credentials.access_key or "", credentials.secret_key or "", credentials.token)
        CrtSigV4AsymAuth(held, "sts", region or "*").add_auth(request)
    except Exception as error:
        # Its text may quote what was signed.
        raise RegistryAuthError(
            f"the AWS identity could not be signed ({type(error).__name__}): check this role's credentials"
        ) from None
    # A signed Host that is sent to the registry would be routed, and refused, there.
    return {name: request.headers[name] for name in SENT if name in request.headers}
