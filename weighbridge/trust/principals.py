"""Who a caller of AWS is, so that one person under two names counts once.

Source: IAM User Guide, "IAM identifiers". The session name of an assumed role is chosen by whoever assumes it, so that all
sessions of a role are one principal; IAM Identity Center alone sets it to the user's name, in roles of its own.
"""

from __future__ import annotations

import re

_SESSION = re.compile(r"arn:(aws[a-z-]*):sts::(\d{12}):assumed-role/([\w+=,.@-]+)/([\w+=,.@-]+)", re.ASCII)
_IDENTITY_CENTER = "AWSReservedSSO_"


def principal_of(name: str) -> str:
    """Return the principal behind an ARN as STS gives it; a name that is no session's stands for itself."""
    match = _SESSION.fullmatch(name)
    if match is None:
        return name
    partition, account, role, session = match.groups()
    if role.startswith(_IDENTITY_CENTER):
        # One person may hold several permission sets, in several accounts.
        return f"identity-center:{session}"
    return f"arn:{partition}:iam::{account}:role/{role}"
