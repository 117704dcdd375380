"""What an environment needs in Artifactory: repositories, permission targets, role bindings (docs/architecture.md)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from weighbridge.settings import EnvironmentSettings
from weighbridge.settings.roles import bindings_of, identity_of
from weighbridge.settings.setup import IdentitySettings

READ = frozenset({"read"})
FETCH = frozenset({"read", "write"})
WRITE_ONCE = frozenset({"read", "write", "annotate"})
# The one path that is ever overwritten; Artifactory's `delete` is also its permission to overwrite.
OVERWRITE = frozenset({"read", "write", "annotate", "delete"})
METADATA = "tuf/**"
INSPECTIONS = "*/releases/*/statements/inspector.*"
APPROVALS = "*/releases/*/statements/approver.*"
WAIVERS = "*/releases/*/statements/breakglass.*"
IMAGES = "runtime-images/**"
TIMESTAMP = "tuf/timestamp.json"
EVERYTHING = "**"
PREDEFINED_ENVIRONMENTS = frozenset({"DEV", "PROD"})
_REMOTE_URLS = {"pypi": "https://files.pythonhosted.org", "docker": "https://registry-1.docker.io/"}


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository; `url` is a remote's upstream, `environment` the name of an environment of the platform or None."""

    key: str
    rclass: str
    package_type: str
    environment: str | None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """A permission target: what users and groups may do in repositories below one path pattern."""

    name: str
    repositories: tuple[str, ...]
    pattern: str
    actions: frozenset[str]
    who: IdentitySettings


@dataclass(frozen=True, slots=True)
class Webhook:
    """A subscription: artifact events in `repositories` are sent to `url`, signed with the value of `secret_id`."""

    key: str
    url: str
    secret_id: str
    events: tuple[str, ...]
    repositories: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Desired:
    """All that one environment needs. `bindings` are user name to IAM role; `unbound` are roles that have no user."""

    environment: str | None
    repositories: tuple[Repository, ...]
    targets: tuple[Target, ...]
    bindings: dict[str, str]
    unbound: tuple[str, ...] = ()
    webhooks: tuple[Webhook, ...] = ()

    @property
    def users(self) -> tuple[str, ...]:
        """Every user that is named, sorted."""
        return tuple(sorted({user for target in self.targets for user in target.who.users}))

    @property
    def groups(self) -> tuple[str, ...]:
        """Every group that is named, sorted."""
        return tuple(sorted({group for target in self.targets for group in target.who.groups}))


def desired_state(*, settings: EnvironmentSettings, source: EnvironmentSettings | None) -> Desired:
    """Return what `settings` need; `source` is the environment that promotions come from, None for the first channel."""
    targets = tuple(_targets(settings, source))
    used = ["reader", "promoter", *(["registrar", "scientist"] if source is None else [])]
    used += ["keeper"] if _has_keeper(settings) else []
    used += ["approver"] if _has_approvals(settings) else []
    used += ["breakglass"] if _has_break_glass(settings) else []
    used += ["inspector"] if source is None and _has_inspector(settings) else []
    used += ["image_builder"] if source is None and _has_image_builder(settings) else []
    used += ["images"] if settings.registry.images is not None else []
    bindings: dict[str, str] = {}
    unbound: tuple[str, ...] = ()
    for name in used:
        bound, left = bindings_of(settings, name)
        bindings |= bound
        unbound += left
    return Desired(
        environment=settings.channel.name.upper(),
        repositories=tuple(_repositories(settings)),
        targets=targets,
        bindings=bindings,
        unbound=unbound,
        webhooks=tuple(_webhooks(settings)),
    )


def _webhooks(settings: EnvironmentSettings) -> Iterator[Webhook]:
    registry = settings.registry
    named = (registry.models_repository, registry.records_repository, registry.incoming_repository)
    for hook in registry.setup.webhooks:
        yield Webhook(
            key=f"weighbridge-{settings.channel.name}-{hook.name}",
            url=hook.url,
            secret_id=hook.secret_id,
            events=hook.events,
            repositories=tuple(key for key in named if key is not None),
        )


def _has_keeper(settings: EnvironmentSettings) -> bool:
    return settings.trust is not None and settings.trust.keeper is not None


def _has_approvals(settings: EnvironmentSettings) -> bool:
    return settings.trust is not None and settings.trust.approvals is not None


def _has_break_glass(settings: EnvironmentSettings) -> bool:
    return settings.trust is not None and bool(settings.trust.keys.breakglass)


def _has_image_builder(settings: EnvironmentSettings) -> bool:
    return settings.trust is not None and settings.trust.keys.image_builder is not None


def _has_inspector(settings: EnvironmentSettings) -> bool:
    return settings.trust is not None and settings.trust.inspector is not None


def _repositories(settings: EnvironmentSettings) -> Iterator[Repository]:
    registry, environment = settings.registry, settings.channel.name.upper()
    yield Repository(registry.models_repository, "local", "machinelearning", environment)
    yield Repository(registry.records_repository, "local", "generic", environment)
    if registry.incoming_repository is not None:
        yield Repository(registry.incoming_repository, "local", "machinelearning", environment)
    if registry.bases_repository is not None:
        yield Repository(registry.bases_repository, "local", "generic", environment)
    # Remotes serve every channel, so none of them claims one for its own environment.
    if registry.hub_repository is not None:
        yield Repository(registry.hub_repository, "remote", "huggingfaceml", None, url=registry.setup.hub_url)
    for package_type, key in (("pypi", registry.setup.pypi_repository), ("docker", registry.setup.docker_repository)):
        if key is not None:
            yield Repository(key, "remote", package_type, None, url=_REMOTE_URLS[package_type])
    # A release names its image once and for all channels.
    if registry.images is not None and registry.images.repository != registry.setup.docker_repository:
        yield Repository(registry.images.repository, "local", "docker", None)


def _targets(settings: EnvironmentSettings, source: EnvironmentSettings | None) -> Iterator[Target]:
    registry, prefix = settings.registry, f"weighbridge-{settings.channel.name}"
    channel = (registry.models_repository, registry.records_repository)
    records = (registry.records_repository,)
    yield Target(f"{prefix}-reader", channel, EVERYTHING, READ, identity_of(settings, "reader"))
    queue = settings.guard.reconciler.queue
    if queue is not None:
        before = (queue.records_repository,)
        yield Target(f"{prefix}-reader-queue", before, METADATA, READ, identity_of(settings, "reader"))
    if registry.images is not None:
        images = (registry.images.repository,)
        yield Target(f"{prefix}-images", images, EVERYTHING, READ, identity_of(settings, "images"))
    promoter = identity_of(settings, "promoter")
    yield Target(f"{prefix}-promoter", channel, EVERYTHING, WRITE_ONCE, promoter)
    yield Target(f"{prefix}-promoter-timestamp", records, TIMESTAMP, OVERWRITE, promoter)
    if _has_keeper(settings):
        keeper = identity_of(settings, "keeper")
        yield Target(f"{prefix}-keeper", records, EVERYTHING, READ, keeper)
        yield Target(f"{prefix}-keeper-metadata", records, METADATA, FETCH, keeper)
        yield Target(f"{prefix}-keeper-timestamp", records, TIMESTAMP, OVERWRITE, keeper)
    if _has_approvals(settings):
        yield Target(f"{prefix}-approver-statements", records, APPROVALS, FETCH, identity_of(settings, "approver"))
    holders = identity_of(settings, "breakglass") if _has_break_glass(settings) else None
    if holders is not None:
        yield Target(f"{prefix}-breakglass", channel, EVERYTHING, READ, holders)
        yield Target(f"{prefix}-breakglass-statements", records, WAIVERS, FETCH, holders)
    if source is not None:
        origin = (source.registry.models_repository, source.registry.records_repository)
        yield Target(f"{prefix}-promoter-source", origin, EVERYTHING, READ, promoter)
        if holders is not None:
            yield Target(f"{prefix}-breakglass-source", origin, EVERYTHING, READ, holders)
        return
    if _has_image_builder(settings):
        yield Target(f"{prefix}-image-builder", records, IMAGES, FETCH, identity_of(settings, "image_builder"))
    if _has_inspector(settings):
        inspector = identity_of(settings, "inspector")
        yield Target(f"{prefix}-inspector", channel, EVERYTHING, READ, inspector)
        yield Target(f"{prefix}-inspector-statements", records, INSPECTIONS, FETCH, inspector)
        if registry.bases_repository is not None:
            sources = tuple(key for key in (registry.bases_repository, registry.hub_repository) if key is not None)
            yield Target(f"{prefix}-inspector-bases", sources, EVERYTHING, FETCH, inspector)
    registrar = identity_of(settings, "registrar")
    yield Target(f"{prefix}-registrar", channel, EVERYTHING, WRITE_ONCE, registrar)
    yield Target(f"{prefix}-registrar-timestamp", records, TIMESTAMP, OVERWRITE, registrar)
    if registry.incoming_repository is not None:
        incoming = (registry.incoming_repository,)
        yield Target(f"{prefix}-registrar-incoming", incoming, EVERYTHING, READ, registrar)
    if registry.bases_repository is not None:
        bases = (registry.bases_repository,)
        yield Target(f"{prefix}-registrar-bases", bases, EVERYTHING, READ, registrar)
        yield Target(f"{prefix}-scientist-bases", bases, EVERYTHING, READ, identity_of(settings, "scientist"))
    named = (registry.incoming_repository, registry.hub_repository, registry.setup.pypi_repository)
    inbound = tuple(key for key in named if key is not None)
    if inbound:
        yield Target(f"{prefix}-scientist", inbound, EVERYTHING, FETCH, identity_of(settings, "scientist"))
