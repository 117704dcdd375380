"""Permission targets: those that the environment needs, and others that give away what nobody may have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from weighbridge.canonical import JsonObject
from weighbridge.setup.desired import TIMESTAMP, Desired, Target
from weighbridge.setup.items import Item, State
from weighbridge.setup.platform import Platform

# Artifactory names the cache of a remote repository so; a permission target may come back with either name.
_CACHE = "-cache"
_KIND = "permission"
_ANY = {"ANY": ("local", "remote"), "ANY LOCAL": ("local",), "ANY REMOTE": ("remote",)}


def plan_target(platform: Platform, target: Target, *, missing: set[str]) -> Item:
    """Return the item of one permission target. `missing` are users and groups that there are not."""
    absent = sorted(missing.intersection((*target.who.users, *target.who.groups)))
    if absent:
        remedy = "create them first, or name others in registry.setup.identities"
        return Item(_KIND, target.name, State.DRIFT, f"cannot be given to {', '.join(absent)}", remedy)
    body = body_of(target)
    found = platform.target(target.name)
    if found is None:
        return Item(
            _KIND, target.name, State.CREATE, f"there is no such permission target: {describe(target)}",
            "apply creates it", mend=lambda: platform.create_target(body),
        )  # fmt: skip
    differences = compare(found, body)
    if not differences:
        return Item(_KIND, target.name, State.OK, describe(target))
    return Item(
        _KIND, target.name, State.CHANGE, "; ".join(differences), "apply sets it back",
        mend=lambda: platform.replace_target(body),
    )  # fmt: skip


def body_of(target: Target) -> JsonObject:
    """Return the target in the shape of Artifactory's permission targets V2."""
    actions = sorted(target.actions)
    return {
        "name": target.name,
        "repo": {
            "include-patterns": [target.pattern],
            "exclude-patterns": [],
            "repositories": list(target.repositories),
            "actions": {
                "users": dict.fromkeys(target.who.users, actions),
                "groups": dict.fromkeys(target.who.groups, actions),
            },
        },
    }


def describe(target: Target) -> str:
    """Return the target in words."""
    who = ", ".join((*target.who.users, *(f"group {name}" for name in target.who.groups)))
    return f"{who} may {', '.join(sorted(target.actions))} {target.pattern} of {', '.join(target.repositories)}"


def compare(found: JsonObject, wanted: JsonObject) -> list[str]:
    """Return every difference between two permission targets, in words; empty when they mean the same."""
    there, here = _scope(found), _scope(wanted)
    differences = []
    for word in ("repositories", "include-patterns", "exclude-patterns"):
        held, needed = _texts(there.get(word)), _texts(here.get(word))
        if held != needed:
            differences.append(f"{word} are {_listed(held)}, not {_listed(needed)}")
    for kind in ("users", "groups"):
        held_by, needed_by = _actions(there, kind), _actions(here, kind)
        for name in sorted({*held_by, *needed_by}):
            held, needed = held_by.get(name, set()), needed_by.get(name, set())
            if held - needed:
                differences.append(f"{name} may also {_listed(held - needed)}")
            if needed - held:
                differences.append(f"{name} may not {_listed(needed - held)}")
    differences += [f"also speaks of {word}" for word in ("build", "releaseBundle") if found.get(word)]
    return differences


def excesses(platform: Platform, desired: Desired) -> Iterator[Item]:
    """Yield an item for each other permission target that lets somebody overwrite, delete or manage in our repositories."""
    own = {target.name for target in desired.targets}
    rclass = {found.key: found.rclass for found in desired.repositories if found.rclass == "local"}
    for name in platform.target_names():
        target = None if name in own else platform.target(name)
        if target is None or _only_timestamp(target):
            continue
        named = _texts(_scope(target).get("repositories"))
        classes = {found for word, found in _ANY.items() if word in named}
        hit = sorted(key for key in rclass if key in named or any(rclass[key] in found for found in classes))
        for kind in ("users", "groups"):
            for who, actions in sorted(_actions(_scope(target), kind).items()):
                given = actions.intersection(("delete", "manage"))
                if hit and given:
                    message = f"lets {who} {_listed(given)} in {', '.join(hit)}"
                    remedy = (
                        f"take that from {who} there, or take the repositories out of it: nobody overwrites or deletes"
                    )
                    yield Item(_KIND, name, State.DRIFT, message, remedy)


def _only_timestamp(target: JsonObject) -> bool:
    patterns = _texts(_scope(target).get("include-patterns"))
    return bool(patterns) and all(fnmatchcase(pattern, TIMESTAMP) for pattern in patterns)


def _scope(target: JsonObject) -> Mapping[str, object]:
    found = target.get("repo")
    return found if isinstance(found, Mapping) else {}


def _actions(scope: Mapping[str, object], kind: str) -> dict[str, set[str]]:
    actions = scope.get("actions")
    found = actions.get(kind) if isinstance(actions, Mapping) else None
    return {str(name): _texts(value) for name, value in found.items()} if isinstance(found, Mapping) else {}


def _texts(value: object) -> set[str]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        return set()
    return {str(entry).removesuffix(_CACHE) for entry in value if entry != ""}


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "none"
