"""Compare what there is with what the environment needs, and make or mend it: idempotent, and safe to cut off."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from weighbridge.canonical import JsonObject
from weighbridge.doctor.repositories import covers
from weighbridge.registry.credentials import SecretsClient
from weighbridge.setup.desired import PREDEFINED_ENVIRONMENTS, Desired, Repository
from weighbridge.setup.items import Item, Plan, State
from weighbridge.setup.platform import POLICIES, Platform
from weighbridge.setup.targets import excesses, plan_target
from weighbridge.setup.webhooks import plan_webhook


def make_plan(*, platform: Platform, desired: Desired, environment: str, secrets: SecretsClient | None = None) -> Plan:
    """Read everything, change nothing.

    The order is that of applying: environments, repositories, users (never created), permissions, role bindings, webhooks;
    last what only a person can put right.

    Args:
        platform: the platform, as an administrator.
        desired: what the environment needs.
        environment: its name.
        secrets: where the values of webhooks' secrets lie; they are read when one is made or mended.

    Raises:
        RegistryForbiddenError: without an administrator's token.
        RegistryError: when the platform cannot be asked.
    """
    items = [
        *_environments(platform, desired),
        *(_repository(platform, repository) for repository in desired.repositories),
    ]
    principals = tuple(_principals(platform, desired))
    missing = {item.name for item in principals if item.state is not State.OK}
    items += principals
    items += [plan_target(platform, target, missing=missing) for target in desired.targets]
    items += [
        _binding(platform, user, role, known=user not in missing) for user, role in sorted(desired.bindings.items())
    ]
    items += [
        Item("iam role", role, State.DRIFT, "no user is left to bind it to: a user has one role",
             "name as many users as roles in registry.setup.identities")
        for role in desired.unbound
    ]  # fmt: skip
    items += [plan_webhook(platform, webhook, secrets=secrets) for webhook in desired.webhooks]
    items += [*excesses(platform, desired), *_policies(platform, desired)]
    return Plan(environment=environment, items=tuple(items))


def apply_plan(plan: Plan, *, progress: Callable[[Item], None] = lambda _: None) -> int:
    """Do what the plan's `create` and `change` items promise, in order; return how many. Stops at the first error.

    What was done stays done: a new plan, made after an error, holds the rest alone.

    Raises:
        RegistryError: from the first item that could not be applied.
    """
    done = 0
    for item in plan.items:
        if item.mend is not None:
            item.mend()
            progress(item)
            done += 1
    return done


def _environments(platform: Platform, desired: Desired) -> Iterator[Item]:
    known = platform.environments()
    name = desired.environment
    if name is None:
        return
    if known is None:
        yield Item(
            "environment", name, State.DRIFT, "this platform tells of no environments",
            "upgrade Artifactory, or give the repositories their environment by hand",
        )  # fmt: skip
    elif name in known or name in PREDEFINED_ENVIRONMENTS:
        yield Item("environment", name, State.OK, "exists")
    else:
        yield Item(
            "environment", name, State.CREATE, "there is no such environment", "apply creates it",
            mend=lambda: platform.create_environment(name),
        )  # fmt: skip


def _repository(platform: Platform, wanted: Repository) -> Item:
    found = platform.repository(wanted.key)
    what = f"{wanted.rclass} {wanted.package_type}"
    if found is None:
        settings = _settings(wanted)
        return Item(
            "repository", wanted.key, State.CREATE, f"there is no such repository; {what} is needed",
            "apply creates it", mend=lambda: platform.create_repository(settings),
        )  # fmt: skip
    kind = f"{found.get('rclass', '')} {found.get('packageType', '')}".lower()
    if kind != what:
        remedy = "a type cannot be changed: name another repository in the settings, and setup creates that one"
        return Item("repository", wanted.key, State.DRIFT, f"is {kind}, not {what}", remedy)
    if wanted.url is not None and str(found.get("url", "")).rstrip("/") != wanted.url.rstrip("/"):
        remedy = "point it there by hand, or name in the settings what it should fetch from: others may rely on it"
        return Item("repository", wanted.key, State.DRIFT, f"fetches from {found.get('url')}, not {wanted.url}", remedy)
    environments = found.get("environments")
    if wanted.environment is not None and environments != [wanted.environment]:
        change: JsonObject = {**_settings(wanted)}
        return Item(
            "repository", wanted.key, State.CHANGE,
            f"belongs to {', '.join(map(str, environments)) if isinstance(environments, list) and environments else 'no environment'}"
            f", not to {wanted.environment}",
            "apply sets it", mend=lambda: platform.change_repository(change),
        )  # fmt: skip
    return Item("repository", wanted.key, State.OK, f"is {what}")


def _settings(wanted: Repository) -> JsonObject:
    found: JsonObject = {"key": wanted.key, "rclass": wanted.rclass, "packageType": wanted.package_type}
    if wanted.url is not None:
        found["url"] = wanted.url
    if wanted.environment is not None:
        found["environments"] = [wanted.environment]
    return found


def _principals(platform: Platform, desired: Desired) -> Iterator[Item]:
    for kind, names in (("users", desired.users), ("groups", desired.groups)):
        word = kind.removesuffix("s")
        for name in names:
            if platform.knows(kind, name):
                yield Item(word, name, State.OK, "exists")
                continue
            remedy = f"create it, or name another in registry.setup.identities: setup creates no {word}"
            yield Item(word, name, State.DRIFT, f"there is no such {word}", remedy)


def _binding(platform: Platform, user: str, role: str, *, known: bool) -> Item:
    if not known:
        return Item("iam role", user, State.DRIFT, f"{role} cannot be bound: there is no such user", "create the user")
    found = platform.bound_role(user)
    if found == role:
        return Item("iam role", user, State.OK, f"{role} is exchanged for its token")
    if found is None:
        state, message = State.CREATE, f"no role is exchanged for its token; {role} is needed"
    else:
        state, message = State.CHANGE, f"{found} is exchanged for its token, not {role}"
    return Item("iam role", user, state, message, "apply binds it", mend=lambda: platform.bind_role(user, role))


def _policies(platform: Platform, desired: Desired) -> Iterator[Item]:
    held = [found.key for found in desired.repositories if found.rclass == "local"]
    for what in POLICIES:
        for policy in platform.policies(what):
            hit = [key for key in held if policy.get("enabled") and covers(policy.get("searchCriteria"), key)]
            if hit:
                remedy = f"add {', '.join(hit)} to its excludedRepos: what is promoted must stay startable"
                name = str(policy.get("key"))
                yield Item(f"{what} policy", name, State.DRIFT, f"deletes from {', '.join(hit)}", remedy)
