"""Are the repositories of the right kind, and does nothing clean them up?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from weighbridge.doctor.check import Check
from weighbridge.doctor.findings import Judgement, ok, problem, unknown
from weighbridge.doctor.setup import Setup
from weighbridge.settings import RegistrySettings

POLICIES = {"cleanup": "api/cleanup/packages/policies", "archive": "api/archive/v2/packages/policies"}


def types(setup: Setup) -> Iterator[Judgement]:
    """Compare rclass and packageType of each repository (GET /api/repositories/KEY)."""
    probe = setup.registry.probe("administrator", "reader", "promoter", "registrar", "scientist")
    for key, kind, package_type in expected_types(setup.settings.registry):
        answer = probe.send("GET", f"api/repositories/{key}")
        if answer.status in (401, 403):
            remedy = "export WEIGHBRIDGE_TOKEN_ADMINISTRATOR, or look at the repository yourself"
            yield unknown(f"{key}: its configuration may not be read ({answer.status})", remedy=remedy)
            continue
        body = answer.json() if answer.status == 200 else None
        if not isinstance(body, dict):
            remedy = f"create it ({kind}, {package_type}) or correct the name in the settings"
            yield problem(f"{key}: there is no such repository ({answer.status})", remedy=remedy)
            continue
        found = f"{body.get('rclass', '')} {body.get('packageType', '')}".lower()
        if found == f"{kind} {package_type}":
            yield ok(f"{key} is {found}")
        else:
            remedy = "a type cannot be changed: create another repository and name that one in the settings"
            yield problem(f"{key} is {found}, not {kind} {package_type}", remedy=remedy)


def expected_types(registry: RegistrySettings) -> Iterator[tuple[str, str, str]]:
    """Yield key, class and package type of each repository that the settings name."""
    yield registry.models_repository, "local", "machinelearning"
    yield registry.records_repository, "local", "generic"
    if registry.incoming_repository is not None:
        yield registry.incoming_repository, "local", "machinelearning"
    if registry.hub_repository is not None:
        yield registry.hub_repository, "remote", "huggingfaceml"


def cleanup(setup: Setup) -> Iterator[Judgement]:
    """Read the cleanup and archive policies; one that is enabled and covers the channel deletes promoted releases."""
    probe = setup.registry.probe("administrator")
    held = (setup.settings.registry.models_repository, setup.settings.registry.records_repository)
    for what, path in POLICIES.items():
        answer = probe.send("GET", path)
        if answer.status in (404, 405):
            yield ok(f"this Artifactory has no {what} policies")
            continue
        body = answer.json() if answer.status == 200 else None
        policies = body.get("policies") if isinstance(body, dict) else body
        if not isinstance(policies, list):
            remedy = "use the token of a platform administrator"
            yield unknown(f"the {what} policies may not be read ({answer.status})", remedy=remedy)
            continue
        yield from _judge_policies(what, policies, held)


def _judge_policies(what: str, policies: list[object], held: tuple[str, ...]) -> Iterator[Judgement]:
    clean = True
    for policy in policies:
        if not isinstance(policy, dict) or not policy.get("enabled"):
            continue
        for repository in held:
            if covers(policy.get("searchCriteria"), repository):
                clean = False
                remedy = f"exclude {repository} from it (excludedRepos): what is promoted must stay startable"
                yield problem(f"{what} policy {policy.get('key')!r} deletes from {repository}", remedy=remedy)
    if clean:
        yield ok(f"no enabled {what} policy covers {' or '.join(held)}")


def covers(criteria: object, repository: str) -> bool:
    """Return whether a policy's searchCriteria select `repository`; criteria that cannot be read do."""
    if not isinstance(criteria, Mapping):
        return True
    included, excluded = criteria.get("repos"), criteria.get("excludedRepos")
    if not isinstance(included, list) or not included:
        return not _matches(excluded, repository)
    return _matches(included, repository) and not _matches(excluded, repository)


def _matches(patterns: object, repository: str) -> bool:
    found = patterns if isinstance(patterns, list) else []
    return any(fnmatchcase(repository, str(pattern).replace("**", "*")) for pattern in found)


REPOSITORY_CHECKS = (
    Check("repositories.types", "Is every repository of the class and package type that the settings need?", types),
    Check("repositories.cleanup", "Does no cleanup or archive policy delete promoted releases?", cleanup),
)
