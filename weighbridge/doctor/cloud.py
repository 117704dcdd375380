"""Is this the right account, and are keys, secret and release ids as the stacks expect them?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from botocore.exceptions import ClientError

from weighbridge.doctor.channel import read_channel
from weighbridge.doctor.check import Check
from weighbridge.doctor.findings import Judgement, NotCheckedError, ok, problem, unknown, warning
from weighbridge.doctor.setup import Setup
from weighbridge.errors import InputError, RefusedError, RegistryAuthError
from weighbridge.names import ReleaseId
from weighbridge.promotion import parameter_name
from weighbridge.registry import SecretsManagerToken
from weighbridge.settings import IamSettings, KeySettings


def identity(setup: Setup) -> Iterator[Judgement]:
    """Ask STS who asks."""
    caller = setup.aws().sts.get_caller_identity()
    expected = setup.settings.account
    if caller["Account"] == expected:
        yield ok(f"{caller['Arn']} is of account {expected}")
    else:
        remedy = "use credentials of that account, or correct account in the settings"
        yield problem(f"{caller['Arn']} is of account {caller['Account']}, the settings say {expected}", remedy=remedy)


def keys(setup: Setup) -> Iterator[Judgement]:
    """Describe every signing key of trust.keys, and see that nobody's key has two jobs."""
    if setup.settings.trust is None:
        remedy = "write the signers of the channel's roles under trust.keys (docs/settings.md)"
        raise NotCheckedError("the settings name no signing keys", remedy=remedy)
    jobs, approvals = _jobs(setup.settings.trust.keys), setup.settings.trust.approvals
    for uri in dict.fromkeys(uri for _, uri in jobs):
        roles = sorted({role for role, held in jobs if held == uri})
        created = approvals is not None and approvals.create_key and roles == ["approver"]
        yield _judge_key(setup, uri, ", ".join(roles), created=created)
    # Snapshot and timestamp are one online job; root's several signers are one job too.
    held = {(role if role not in ("snapshot", "timestamp") else "online", uri) for role, uri in jobs}
    for uri, count in Counter(uri for _, uri in held).items():
        if count > 1:
            remedy = "make a key of its own for each role: nobody's key can do two jobs"
            yield problem(f"{uri} signs for {count} roles", remedy=remedy)


def _jobs(held: KeySettings) -> list[tuple[str, str]]:
    single = ("targets", "registrar", "revocations", "snapshot", "timestamp")
    found = [("root", uri) for uri in held.root] + [("promoter", uri) for uri in held.promoters]
    found += [("break-glass", uri) for uri in held.breakglass]
    optional = ("inspector", "approver", "image_builder", "exceptions", "sealer")
    return found + [(role, uri) for role in (*single, *optional) if (uri := getattr(held, role)) is not None]


def _judge_key(setup: Setup, uri: str, roles: str, *, created: bool) -> Judgement:
    scheme, _, key = uri.partition(":")
    if scheme != "awskms":
        return warning(f"{roles}: {uri} is a key file", remedy="key files are for trials: use an awskms: key")
    kms = setup.aws().kms
    try:
        found = kms.describe_key(KeyId=key)["KeyMetadata"]
    except kms.exceptions.NotFoundException:
        if created:
            remedy = "deploy the governance stack, then publish the channel's policy with its public half"
            return warning(f"{roles}: KMS key {key} is not there yet; the governance stack creates it", remedy=remedy)
        remedy = "create it: key spec ECC_NIST_P256, usage SIGN_VERIFY"
        return problem(f"{roles}: there is no KMS key {key}", remedy=remedy)
    if found.get("KeyState") != "Enabled":
        remedy = "enable it, or cancel its deletion"
        return problem(f"{roles}: KMS key {key} is {found.get('KeyState')}", remedy=remedy)
    kind = (found.get("KeySpec"), found.get("KeyUsage"))
    if kind != ("ECC_NIST_P256", "SIGN_VERIFY"):
        remedy = "a key's kind cannot be changed: create one with spec ECC_NIST_P256 and usage SIGN_VERIFY"
        return problem(f"{roles}: KMS key {key} is {kind[0]} for {kind[1]}", remedy=remedy)
    return ok(f"{roles}: KMS key {key} is enabled and signs with ECC_NIST_P256")


def secret(setup: Setup) -> Iterator[Judgement]:
    """Read the reader's token from Secrets Manager, without showing it."""
    held = setup.settings.registry.credentials
    if isinstance(held, IamSettings):
        yield ok("there is no secret: the readers' roles are exchanged for tokens")
        return
    client = setup.aws().secrets
    try:
        SecretsManagerToken(client=client, secret_id=held.secret_id).token()
    except RegistryAuthError as error:
        if held.create and _is_missing(error.__cause__):
            remedy = "deploy the registry stack, then put the reader's token into it, before the first inference stack"
            yield warning(f"secret {held.secret_id!r} is not there yet; the registry stack creates it", remedy=remedy)
        else:
            yield problem(
                str(error), remedy="put the reader's token into the secret: the bare token, or JSON with token"
            )
        return
    yield ok(f"secret {held.secret_id!r} holds a token")


def _is_missing(cause: BaseException | None) -> bool:
    return isinstance(cause, ClientError) and cause.response["Error"]["Code"] == "ResourceNotFoundException"


def key_of_secret(setup: Setup) -> Iterator[Judgement]:
    """See that the customer's own key of the secret is enabled."""
    held = setup.settings.registry.credentials
    key = None if isinstance(held, IamSettings) else held.kms_key_arn
    if key is None:
        yield ok("the secret has no key of the customer's own")
        return
    state = setup.aws().kms.describe_key(KeyId=key)["KeyMetadata"].get("KeyState")
    if state == "Enabled":
        yield ok(f"{key} is enabled")
    else:
        yield problem(f"{key} is {state}: the secret cannot be read", remedy="enable the key, or cancel its deletion")


def parameters(setup: Setup) -> Iterator[Judgement]:
    """Read each model's release id from SSM."""
    ssm = setup.aws().ssm
    for model in setup.settings.models:
        name = parameter_name(environment=setup.settings.environment, model=model.name)
        try:
            value = ssm.get_parameter(Name=name)["Parameter"].get("Value", "")
            yield ok(f"{name} is {ReleaseId.parse(value)}")
        except ssm.exceptions.ParameterNotFound:
            remedy = "promote a release first (`weighbridge promote`): it sets the parameter that the stack reads"
            yield warning(
                f"{name} is not there: nothing of {model.name} was promoted to this environment", remedy=remedy
            )
        except InputError as error:
            remedy = "set it to the id of the promotion that shall run: `weighbridge resolve` prints it"
            yield problem(f"{name}: {error}", remedy=remedy)


def release_ids(setup: Setup) -> Iterator[Judgement]:
    """See that what the next deployment would resolve is promoted in the channel and not revoked."""
    ssm = setup.aws().ssm
    remedy = "promote a release (`weighbridge promote`), or back to one with --rollback-to"
    for model in setup.settings.models:
        name = parameter_name(environment=setup.settings.environment, model=model.name)
        try:
            found = ReleaseId.parse(ssm.get_parameter(Name=name)["Parameter"].get("Value", ""))
            state = read_channel(setup, model.name)
            promotion = state.promotion(model.name, found)
        except (ssm.exceptions.ParameterNotFound, InputError):
            yield unknown(f"{name} holds no release id", remedy="see what aws.parameters says")
            continue
        except RefusedError as error:
            yield problem(f"{model.name}: {error}", remedy=remedy)
            continue
        if state.is_revoked(promotion.release):
            yield problem(f"{model.name}: {promotion.version}, release id {found}, is revoked", remedy=remedy)
        else:
            yield ok(f"{model.name}: release id {found} is version {promotion.version}")


CLOUD_CHECKS = (
    Check("aws.identity", "Are the credentials of the environment's account?", identity, gate=True),
    Check("aws.keys", "Does every role have an enabled ECC_NIST_P256 key of its own?", keys),
    Check("aws.secret", "Does the secret hold the reader's token?", secret),
    Check("aws.secret-key", "Is the secret's own key enabled?", key_of_secret),
    Check("aws.parameters", "Is each model's release id there, and well-formed?", parameters),
    Check("aws.release-ids", "Is what each release id names promoted and not revoked?", release_ids),
)
