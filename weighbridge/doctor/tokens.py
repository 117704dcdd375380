"""Has every identity its token: from a secret that is rotated, or for a role that the registry knows?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from botocore.exceptions import ClientError

from weighbridge.doctor.check import Check
from weighbridge.doctor.findings import Judgement, ok, problem, warning
from weighbridge.doctor.setup import Setup
from weighbridge.errors import RegistryAuthError
from weighbridge.registry import SecretsManagerToken
from weighbridge.registry.models import quote_key
from weighbridge.settings.roles import bindings_of, exchanged_roles
from weighbridge.settings.secrets import NamedSecret, named_secrets

# Access lies beside the registry, not below it.
_BOUND = "../access/api/v1/aws/iam_role"
_LATE = timedelta(days=2)


def secrets(setup: Setup) -> Iterator[Judgement]:
    """Read the token of every identity but the reader, whom `aws.secret` looks at, without showing it."""
    others = [found for found in named_secrets(setup.settings) if found.identity != "reader"]
    if not others:
        yield ok("no other identity has a secret")
    for found in others:
        yield _token(setup, found)


def _token(setup: Setup, found: NamedSecret) -> Judgement:
    what = f"the {found.identity}'s secret {found.secret_id!r}"
    try:
        SecretsManagerToken(client=setup.aws().secrets, secret_id=found.secret_id).token()
    except RegistryAuthError as error:
        if _is_missing(error.__cause__):
            remedy = f"deploy the stacks, then put the {found.identity}'s token into it"
            return warning(f"{what} is not there yet, or empty", remedy=remedy)
        return problem(str(error), remedy="put the token into the secret: the bare token, or JSON with token")
    return ok(f"{what} holds a token")


def _is_missing(cause: BaseException | None) -> bool:
    return isinstance(cause, ClientError) and cause.response["Error"]["Code"] == "ResourceNotFoundException"


def rotation(setup: Setup) -> Iterator[Judgement]:
    """See that the stacks' secrets are rotated, and were when they had to."""
    wanted = setup.settings.registry.rotation
    created = [found for found in named_secrets(setup.settings) if found.created]
    if wanted is None or not created:
        yield ok("the settings ask for no rotation")
        return
    for found in created:
        yield _rotated(setup, found, days=wanted.days)


def _rotated(setup: Setup, found: NamedSecret, *, days: int) -> Judgement:
    remedy = f"put the {found.identity}'s first token into it, and deploy the stack that creates it again"
    try:
        held = setup.aws().secrets.describe_secret(SecretId=found.secret_id)
    except ClientError as error:
        if not _is_missing(error):
            raise
        return warning(f"{found.secret_id!r} is not there yet; the stacks create it", remedy="deploy the stacks")
    if not held.get("RotationEnabled"):
        return warning(f"{found.secret_id!r} is not rotated", remedy=remedy)
    last = held.get("LastRotatedDate")
    if last is not None and setup.now - last > timedelta(days=days) + _LATE:
        remedy = "read the log of its rotation function, or put a new token in by hand"
        return problem(f"{found.secret_id!r} was last rotated {last:%Y-%m-%d}, not {days} days ago", remedy=remedy)
    return ok(f"{found.secret_id!r} is rotated every {days} days")


def roles(setup: Setup) -> Iterator[Judgement]:
    """Ask the registry for the role of every user that one is exchanged for."""
    identities = dict.fromkeys(role.identity for role in exchanged_roles(setup.settings))
    if not identities:
        yield ok("no role is exchanged: tokens lie in secrets")
        return
    probe = setup.registry.probe("administrator")
    remedy = "run `weighbridge setup --apply` as a platform administrator"
    for identity in identities:
        bound, left = bindings_of(setup.settings, identity)
        for user, arn in bound.items():
            answer = probe.send("GET", f"{_BOUND}/{quote_key(user)}")
            body = answer.json() if answer.status == 200 else None
            found = body.get("iam_role") if isinstance(body, dict) else None
            if found == arn:
                yield ok(f"{arn} is exchanged for a token of {user}")
            else:
                yield problem(f"{arn} is not bound to {user} ({answer.status}): it gets no token", remedy=remedy)
        for arn in left:
            yield problem(
                f"{arn} has no user to be bound to",
                remedy=f"name as many users as roles in registry.setup.identities.{identity}",
            )


ROLE_CHECKS = (Check("permissions.roles", "Is every role that is exchanged for a token bound to its user?", roles),)
TOKEN_CHECKS = (
    Check("aws.secrets", "Do the other identities' secrets hold tokens?", secrets),
    Check("aws.rotation", "Are the secrets rotated, if the settings say so?", rotation),
)
