"""The channel's policy: which statements, by whose keys, a release needs here, and where its base may come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from securesystemslib.exceptions import FormatError
from securesystemslib.signer import Key, SSlibKey

from weighbridge import canonical
from weighbridge.canonical import Json, JsonObject
from weighbridge.errors import InputError, TrustError
from weighbridge.names import check_name
from weighbridge.release import Release
from weighbridge.trust import fields
from weighbridge.trust.gates import Gates, parse_gates
from weighbridge.trust.keys import check_key_id

SCHEMA = "weighbridge.policy/v1"
SCHEMA_WITH_GATES = "weighbridge.policy/v2"
POLICY_PATH = "policy.json"
POLICY_LIMIT = 1024 * 1024

_KEYS = frozenset({"schema", "channel", "keys", "roles", "required_statements", "licences", "base_owners"})
_KEYS_WITH_GATES = _KEYS | {"gates"}


@dataclass(frozen=True, slots=True)
class Policy:
    """A channel's policy; it stands signed in the TUF role `targets`.

    `keys` maps a key id to a public key, `roles` a role (`registrar`, `inspector`, ...) to its key ids, and
    `required_statements` a predicate type to the roles that may sign it: a release needs one statement of each type.
    Empty `licences` and `base_owners` restrict nothing. `gates` hold what else is asked of a promotion; without any, the
    document is of schema v1, which every reader knows.

    Raises:
        InputError: naming the field: an unknown key id or role, a key id that is not the key's own, a required type
            that nobody may sign, or one key in two roles (nobody's key can do two jobs).
    """

    channel: str
    keys: Mapping[str, Key]
    roles: Mapping[str, tuple[str, ...]]
    required_statements: Mapping[str, tuple[str, ...]]
    licences: tuple[str, ...] = ()
    base_owners: tuple[str, ...] = ()
    gates: Gates = field(default_factory=Gates)

    def __post_init__(self) -> None:
        check_name(self.channel, field="policy channel")
        for key_id, key in self.keys.items():
            check_key_id(key, expected=key_id, field="policy keys")
        held: dict[str, str] = {}
        for role, key_ids in self.roles.items():
            for key_id in key_ids:
                if key_id not in self.keys:
                    raise InputError(f"policy roles.{role}: key {key_id[:16]}... is not among keys")
                if held.setdefault(key_id, role) != role:
                    raise InputError(
                        f"policy roles: key {key_id[:16]}... stands in {held[key_id]!r} and {role!r}: "
                        "give each role a key of its own"
                    )
        for predicate, roles in self.required_statements.items():
            unknown = [role for role in roles if role not in self.roles]
            if unknown:
                raise InputError(f"policy required_statements.{predicate}: role {unknown[0]!r} is not among roles")
            if not any(self.roles[role] for role in roles):
                raise InputError(f"policy required_statements.{predicate}: no key may sign it: name a role with a key")

    def keys_for(self, predicate_type: str) -> Mapping[str, Key]:
        """Return the keys that may sign a required statement, by key id; empty when it is not required."""
        key_ids = [key_id for role in self.required_statements.get(predicate_type, ()) for key_id in self.roles[role]]
        return {key_id: self.keys[key_id] for key_id in key_ids}

    def to_bytes(self) -> bytes:
        """Return the RFC 8785 bytes."""
        document: dict[str, Json] = {
            "schema": SCHEMA,
            "channel": self.channel,
            "keys": {key_id: key.to_dict() for key_id, key in self.keys.items()},
            "roles": {role: list(key_ids) for role, key_ids in self.roles.items()},
            "required_statements": {kind: list(roles) for kind, roles in self.required_statements.items()},
            "licences": list(self.licences),
            "base_owners": list(self.base_owners),
        }
        if self.gates != Gates():
            document |= {"schema": SCHEMA_WITH_GATES, "gates": self.gates.to_json()}
        return canonical.dump(document)


def parse_policy(data: bytes) -> Policy:
    """Return the policy whose bytes are `data`.

    Raises:
        TrustError: rule `refused.json` or `refused.policy`, when they are not a canonical, well-formed policy.
    """
    document = canonical.parse_object(data, what=POLICY_PATH, limit=POLICY_LIMIT)
    try:
        policy = _from_json(document)
    except InputError as error:
        raise TrustError(f"{POLICY_PATH}: {error}", rule="refused.policy") from error
    if policy.to_bytes() != data:
        raise TrustError(f"{POLICY_PATH}: not RFC 8785 canonical JSON", rule="refused.policy")
    return policy


def check_release_against_policy(*, release: Release, policy: Policy, licences: Sequence[str] | None = None) -> None:
    """Check what a release says of itself against the policy.

    Args:
        licences: licences found in the release's bill of materials; None when it has none.

    Raises:
        TrustError: as `check_base_model` and `check_licences`.
    """
    check_base_model(release=release, policy=policy)
    check_licences(release=release, policy=policy, licences=licences)


def check_base_model(*, release: Release, policy: Policy) -> None:
    """Check where a release comes from.

    Raises:
        TrustError: rule `refused.base-owner` or `refused.base-model`.
    """
    what, base, models = f"{release.name}:{release.version}", release.lineage.base_model, policy.gates.base_models
    if base is None:
        if (policy.base_owners or models) and not policy.gates.no_base_model:
            raise TrustError(
                f"{what}: names no base model, and {policy.channel} restricts them: record the base model and register another "
                "version, or let the channel's owner allow releases without one (no_base_model)",
                rule="refused.base-model",
            )
        return
    if policy.base_owners and base.owner not in policy.base_owners:
        raise TrustError(
            f"{what}: base model {base.repository!r} has an owner that {policy.channel} does not allow: "
            f"{', '.join(policy.base_owners)} may be used",
            rule="refused.base-owner",
        )
    if models and not {base.repository, f"{base.repository}@{base.revision}"} & set(models):
        raise TrustError(
            f"{what}: base model {base.repository}@{base.revision} is not one that {policy.channel} allows: "
            f"{', '.join(models)} may be used",
            rule="refused.base-model",
        )


def check_licences(*, release: Release, policy: Policy, licences: Sequence[str] | None) -> None:
    """Check the licences that a release's bill of materials names; upper and lower case are one.

    Raises:
        TrustError: rule `refused.licence`.
    """
    what = f"{release.name}:{release.version}"
    if not policy.licences:
        return
    if not licences:
        raise TrustError(
            f"{what}: {policy.channel} restricts licences, and the bill of materials names none: state the licence in the "
            "model card and register another version",
            rule="refused.licence",
        )
    allowed = {licence.casefold() for licence in policy.licences}
    refused = [licence for licence in licences if licence.casefold() not in allowed]
    if refused:
        raise TrustError(
            f"{what}: licence {refused[0]!r} is not allowed in {policy.channel}: {', '.join(policy.licences)} are",
            rule="refused.licence",
        )


def _from_json(document: JsonObject) -> Policy:
    with_gates = document.get("schema") == SCHEMA_WITH_GATES
    if with_gates:
        fields.check_keys(document, keys=_KEYS_WITH_GATES, schema=SCHEMA_WITH_GATES)
    else:
        fields.check_keys(document, keys=_KEYS, schema=SCHEMA)
    keys, roles = fields.mapping(document, "keys"), fields.mapping(document, "roles")
    required = fields.mapping(document, "required_statements")
    return Policy(
        channel=fields.text(document, "channel"),
        keys={key_id: _key(key_id, value) for key_id, value in keys.items()},
        roles={role: fields.texts(roles, role) for role in roles},
        required_statements={kind: fields.texts(required, kind) for kind in required},
        licences=fields.texts(document, "licences"),
        base_owners=fields.texts(document, "base_owners"),
        gates=parse_gates(fields.mapping(document, "gates")) if with_gates else Gates(),
    )


def _key(key_id: str, value: Json) -> Key:
    if not isinstance(value, dict):
        raise InputError(f"keys.{key_id}: must be a TUF key object")
    try:
        return SSlibKey.from_dict(key_id, dict(value))
    except (KeyError, TypeError, ValueError, FormatError) as error:
        raise InputError(f"keys.{key_id}: not a TUF key object: {error}") from error
