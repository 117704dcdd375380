"""Who may sign which targets, as the channel's owner says it."""

from __future__ import annotations

from tuf.api.metadata import DelegatedRole, Delegations, Targets

from weighbridge.errors import ConflictError
from weighbridge.trust.roles import RoleKeys


def delegated_roles(targets: Targets) -> dict[str, DelegatedRole]:
    """Return the delegated roles by name."""
    delegations = targets.delegations
    return {} if delegations is None else dict(delegations.roles or {})


def delegate(targets: Targets, *, role: str, keys: RoleKeys, pattern: str, replace: bool = False) -> bool:
    """Delegate `pattern` to `role` and return whether that changed anything.

    Raises:
        ConflictError: when the role is there with other keys or another threshold, unless `replace`.
    """
    wanted = DelegatedRole(
        name=role,
        keyids=[key.keyid for key in keys.keys],
        threshold=keys.threshold,
        terminating=True,
        paths=[pattern],
    )
    roles = delegated_roles(targets)
    if roles.get(role) == wanted:
        return False
    if role in roles and not replace:
        raise ConflictError(f"role {role!r} is delegated already, with other keys or another threshold")
    roles[role] = wanted
    known = targets.delegations.keys if targets.delegations is not None else {}
    known = {**known, **{key.keyid: key for key in keys.keys}}
    used = {key_id for delegated in roles.values() for key_id in delegated.keyids}
    targets.delegations = Delegations({key_id: key for key_id, key in known.items() if key_id in used}, roles)
    return True
