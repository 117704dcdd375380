"""Turn environments/*.yaml into frozen settings, strictly: whatever is not understood is refused."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from urllib.parse import urlsplit

from weighbridge.errors import InputError, SettingsError
from weighbridge.names import Digest, check_name
from weighbridge.settings.document import read_document
from weighbridge.settings.egress import read_egress
from weighbridge.settings.endpoint import read_endpoint
from weighbridge.settings.governance import read_governance
from weighbridge.settings.guard import read_guard
from weighbridge.settings.hosting import CacheSettings
from weighbridge.settings.identity import read_images, read_rotation
from weighbridge.settings.network import CreatedNetwork, ExistingNetwork, read_network
from weighbridge.settings.schema import (
    ChannelSettings,
    CredentialsSettings,
    EnvironmentSettings,
    IamSettings,
    ModelSettings,
    RegistrySettings,
)
from weighbridge.settings.section import Section
from weighbridge.settings.setup import read_setup
from weighbridge.settings.training import read_training
from weighbridge.settings.trust import read_trust

# What the stage of the governance account is called beside the environments.
GOVERNANCE = "governance"
ENVIRONMENT = r"[a-z][a-z0-9]*(-[a-z0-9]+)*"
CHANNEL = r"[a-z][a-z0-9]*(-[a-z0-9]+)*"
REGION = r"[a-z]{2}(-[a-z]+)+-[1-9]"
REPOSITORY = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
REPOSITORY_FORM = "a repository key of letters, digits, '.', '_', '-'"
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
RETENTION_DAYS = (
    1,
    3,
    5,
    7,
    14,
    30,
    60,
    90,
    120,
    150,
    180,
    365,
    400,
    545,
    731,
    1096,
    1827,
    2192,
    2557,
    2922,
    3288,
    3653,
)


def load_settings(path: Path) -> EnvironmentSettings:
    """Read one environment's file.

    Raises:
        SettingsError: one line, `FILE: KEY: PROBLEM: FIX`.
    """
    top = Section(file=str(path), path="", values=read_document(path))
    top.allow(
        "environment", "account", "region", "channel", "registry", "network", "image_repositories",
        "log_retention_days", "alarm_topic", "models", "trust", "training", "guard", "cache", "egress", "governance",
    )  # fmt: skip
    environment = top.text("environment", pattern=ENVIRONMENT, form="a name of lower-case letters, digits and '-'")
    if environment != path.stem or len(environment) > 20:
        top.refuse(
            "environment", f"{environment!r} is not the file's name", f"write {path.stem!r} (at most 20 letters)"
        )
    region = top.text("region", pattern=REGION, form="an AWS region such as eu-central-1")
    retention = top.integer("log_retention_days", minimum=1, maximum=3653, default=365)
    if retention not in RETENTION_DAYS:
        top.refuse("log_retention_days", f"{retention} is not kept by CloudWatch Logs", f"give one of {RETENTION_DAYS}")
    channel = _channel(top.section("channel"))
    registry = _registry(top.section("registry"), environment=environment, first=channel.promote_from is None)
    network = read_network(top.section("network"), region=region)
    _check_reachable(top, registry=registry, network=network)
    trust = read_trust(top, environment=environment, registry=registry)
    account = top.text("account", pattern=r"[0-9]{12}", form="an AWS account id of twelve digits")
    training = read_training(top, registry=registry, trust=trust)
    return EnvironmentSettings(
        environment=environment,
        account=account,
        region=region,
        channel=channel,
        registry=registry,
        network=network,
        egress=read_egress(top.optional_section("egress"), network=network),
        image_repositories=top.texts(
            "image_repositories",
            pattern=r"[0-9]{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/[a-z0-9][a-z0-9._/-]*",
            form="an ECR repository, ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME without a tag",
        ),
        log_retention_days=retention,
        alarm_topic=top.optional_text(
            "alarm_topic",
            pattern=rf"arn:aws[a-z-]*:sns:{re.escape(region)}:[0-9]{{12}}:[A-Za-z0-9_-]{{1,256}}",
            form=f"the ARN of an SNS topic in {region}",
        ),
        models=_models(top),
        trust=trust,
        training=training,
        guard=read_guard(top.optional_section("guard"), promote_from=channel.promote_from),
        cache=_cache(top.optional_section("cache")),
        governance=read_governance(top, account=account, region=region, trust=trust, registers=training is not None),
    )


def load_environments(folder: Path) -> tuple[EnvironmentSettings, ...]:
    """Read every `*.yaml` of the folder, sorted by name, and check that the environments fit together.

    Raises:
        SettingsError: one line, for the first file, or the first pair of files, that is wrong.
    """
    if not folder.is_dir():
        raise SettingsError(f"{folder}: is not a folder: name the folder that holds the environments' YAML files")
    for stray in sorted(folder.glob("*.yml")):
        raise SettingsError(f"{stray}: would be ignored: rename it to {stray.stem}.yaml")
    found = tuple(load_settings(path) for path in sorted(folder.glob("*.yaml")))
    if not found:
        raise SettingsError(f"{folder}: holds no environment: add one such as dev.yaml, see docs/settings.md")
    _check_together(folder, found)
    return found


def _check_together(folder: Path, environments: tuple[EnvironmentSettings, ...]) -> None:
    channels = {each.channel.name for each in environments}
    homes: dict[str, str] = {}
    for each in environments:
        file = folder / f"{each.environment}.yaml"
        if each.environment == GOVERNANCE and any(other.governance is not None for other in environments):
            raise SettingsError(f"{file}: environment: {GOVERNANCE!r} is the governance account's name: give another")
        if each.channel.promote_from is not None and each.channel.promote_from not in channels:
            raise SettingsError(
                f"{file}: channel.promote_from: no environment has the channel {each.channel.promote_from!r}: "
                f"give one of {', '.join(sorted(channels - {each.channel.name})) or 'null'}"
            )
        for key in ("models_repository", "records_repository"):
            repository = f"{each.registry.url}/{getattr(each.registry, key)}"
            owner = homes.setdefault(repository, each.channel.name)
            if owner != each.channel.name:
                raise SettingsError(
                    f"{file}: registry.{key}: {getattr(each.registry, key)!r} already belongs to the channel "
                    f"{owner!r}: give every channel repositories of its own"
                )


def _channel(section: Section) -> ChannelSettings:
    section.allow("name", "root_digest", "promote_from")
    name = section.text("name", pattern=CHANNEL, form="a name of lower-case letters, digits and '-'")
    digest = section.text(
        "root_digest", pattern=r"sha256:[0-9a-f]{64}", form="the digest sha256:<64 hex digits> of the channel's root"
    )
    source = section.optional_text("promote_from", pattern=CHANNEL, form="a channel's name")
    if source == name:
        section.refuse("promote_from", f"{source!r} is the channel itself", "give the channel before it, or null")
    return ChannelSettings(name=name, root_digest=Digest.parse(digest), promote_from=source)


def _registry(section: Section, *, environment: str, first: bool) -> RegistrySettings:
    section.allow(
        "url",
        "models_repository",
        "records_repository",
        "incoming_repository",
        "hub_repository",
        "bases_repository",
        "credentials",
        "setup",
        "rotation",
        "images",
    )
    models = section.text("models_repository", pattern=REPOSITORY, form=REPOSITORY_FORM)
    records = section.text("records_repository", pattern=REPOSITORY, form=REPOSITORY_FORM)
    incoming = section.optional_text("incoming_repository", pattern=REPOSITORY, form=REPOSITORY_FORM)
    if models == records:
        section.refuse("records_repository", f"{records!r} is the models' repository", "give records one of their own")
    credentials = _credentials(section.section("credentials"))
    if incoming is not None and not first:
        section.refuse("incoming_repository", "only a channel with promote_from: null takes registrations", "remove it")
    return RegistrySettings(
        url=_url(section),
        models_repository=models,
        records_repository=records,
        incoming_repository=incoming,
        hub_repository=section.optional_text("hub_repository", pattern=REPOSITORY, form=REPOSITORY_FORM),
        bases_repository=section.optional_text("bases_repository", pattern=REPOSITORY, form=REPOSITORY_FORM),
        credentials=credentials,
        setup=read_setup(section.optional_section("setup")),
        rotation=read_rotation(section.optional_section("rotation")),
        images=read_images(section.optional_section("images"), environment=environment, credentials=credentials),
    )


def _url(section: Section) -> str:
    form = "https://HOST/artifactory"
    value = section.text("url", pattern=r"https?://[^\s?#]+", form=form)
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        section.refuse("url", f"{value!r} is not a URL", f"give {form}")
    if host is None or parts.username is not None or not parts.path.endswith("/artifactory"):
        section.refuse(
            "url", f"{value!r} is not of the form {form}", "end it in /artifactory, without user or password"
        )
    if parts.scheme == "http" and not _is_loopback(host):
        section.refuse("url", f"{value!r} would send the token in the clear", "use https")
    return value


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _credentials(section: Section) -> CredentialsSettings | IamSettings:
    section.allow("secret_id", "create", "kms_key_arn", "iam")
    exchange = section.optional_section("iam")
    if exchange is not None:
        for other in ("secret_id", "create", "kms_key_arn"):
            if section.has(other):
                section.refuse(other, "there is no secret where iam is given", "keep one of the two")
        return _iam(exchange)
    create = section.flag("create", default=True)
    pattern = r"[A-Za-z0-9/_+=.@-]{1,512}" if create else r"[A-Za-z0-9/_+=.@:-]{1,2048}"
    form = "a secret's name" if create else "a secret's name or ARN"
    key = section.optional_text(
        "kms_key_arn", pattern=r"arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/.+", form="a key ARN"
    )
    if create and key is not None:
        section.refuse("kms_key_arn", "the created secret has a key of its own", "remove it, or set create: false")
    return CredentialsSettings(
        secret_id=section.text("secret_id", pattern=pattern, form=form), create=create, kms_key_arn=key
    )


def _iam(section: Section) -> IamSettings:
    section.allow("region", "expires_in")
    return IamSettings(
        region=section.optional_text("region", pattern=REGION, form="an AWS region such as eu-central-1"),
        expires_in=section.integer("expires_in", minimum=600, maximum=86_400, default=3600),
    )


def _check_reachable(top: Section, *, registry: RegistrySettings, network: CreatedNetwork | ExistingNetwork) -> None:
    local = _is_loopback(urlsplit(registry.url).hostname or "")
    if isinstance(network, CreatedNetwork) and network.registry_service is None and network.route is None and not local:
        top.refuse(
            "network.create.registry_service", f"is missing, so that nothing in the VPC could reach {registry.url}",
            "give the registry's PrivateLink service, or a route, or use network.existing with a VPC that has one",
        )  # fmt: skip


def _models(top: Section) -> tuple[ModelSettings, ...]:
    found: dict[str, ModelSettings] = {}
    for section in top.sections("models"):
        section.allow("name", "endpoint")
        name = section.text("name", pattern=r".+", form="a model name")
        try:
            check_name(name, field="name")
        except InputError as error:
            section.refuse("name", *str(error).removeprefix("name: ").split(": ", 1))
        if name.casefold() in found:
            section.refuse("name", f"{name!r} is written twice", "serve each model once")
        found[name.casefold()] = ModelSettings(name=name, endpoint=read_endpoint(section.section("endpoint")))
    return tuple(found.values())


def _cache(section: Section | None) -> CacheSettings | None:
    if section is None:
        return None
    section.allow("days")
    return CacheSettings(days=section.integer("days", minimum=2, maximum=3650, default=30))
