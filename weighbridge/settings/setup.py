"""Read the section `registry.setup`: what `weighbridge setup` cannot know from the rest of the settings."""

from __future__ import annotations

from dataclasses import dataclass, field

from weighbridge.settings.section import Section

# Of the domain `artifact`.
EVENTS = ("deployed", "copied", "moved", "deleted", "cached")
IDENTITIES = (
    *("reader", "scientist", "registrar", "inspector", "promoter", "keeper"),
    *("approver", "breakglass", "image_builder"),
)
_REPOSITORY = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
_PRINCIPAL = r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}"
# What Artifactory accepts as `iam_role`: no path, the commercial partition only.
_ROLE = r"arn:aws:iam::[0-9]{12}:role/[\w+=,.@:-]+"


@dataclass(frozen=True, slots=True)
class IdentitySettings:
    """Who an identity is in Artifactory. `iam_role` is exchanged for a token of the first of `users`."""

    users: tuple[str, ...]
    groups: tuple[str, ...] = ()
    iam_role: str | None = None


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """Whom Artifactory tells of what happens in the channel's repositories: POST to `url`, signed with the text of the
    Secrets Manager secret `secret_id`."""

    name: str
    url: str
    secret_id: str
    events: tuple[str, ...] = ("deployed", "copied")


@dataclass(frozen=True, slots=True)
class SetupSettings:
    """What `weighbridge setup` makes beside the channel's own repositories, and for whom.

    `identities` holds those that the settings name; for the others see `weighbridge.settings.roles.identity_of`.
    """

    hub_url: str = "https://huggingface.co"
    pypi_repository: str | None = None
    docker_repository: str | None = None
    identities: dict[str, IdentitySettings] = field(default_factory=dict)
    webhooks: tuple[WebhookSettings, ...] = ()


def read_setup(section: Section | None) -> SetupSettings:
    """Return the section, with defaults where it is absent.

    Raises:
        SettingsError: naming the key, the problem and the fix.
    """
    if section is None:
        return SetupSettings()
    section.allow("hub_url", "pypi_repository", "docker_repository", "identities", "webhooks")
    form = "a repository key of letters, digits, '.', '_', '-'"
    found = section.optional_section("identities") or Section(section.file, f"{section.path}.identities", {})
    found.allow(*IDENTITIES)
    return SetupSettings(
        hub_url=section.text(
            "hub_url", pattern=r"https?://[^\s?#@]+", form="the hub's URL", default="https://huggingface.co"
        ),
        pypi_repository=section.optional_text("pypi_repository", pattern=_REPOSITORY, form=form),
        docker_repository=section.optional_text("docker_repository", pattern=_REPOSITORY, form=form),
        identities={name: _identity(found.section(name)) for name in IDENTITIES if found.has(name)},
        webhooks=_webhooks(section),
    )


def _webhooks(section: Section) -> tuple[WebhookSettings, ...]:
    found: dict[str, WebhookSettings] = {}
    for hook in section.sections("webhooks"):
        hook.allow("name", "url", "secret_id", "events")
        name = hook.text(
            "name", pattern=r"[a-z][a-z0-9]*(-[a-z0-9]+)*", form="a name of lower-case letters, digits, '-'"
        )
        if name in found:
            hook.refuse("name", f"{name!r} is written twice", "name each webhook once")
        form = f"one of {', '.join(EVENTS)}"
        events = hook.texts("events", pattern="|".join(EVENTS), form=form)
        found[name] = WebhookSettings(
            name=name,
            url=hook.text("url", pattern=r"https://[^\s?#@/]+(/[^\s#@]*)?", form="an https URL without a user"),
            secret_id=hook.text("secret_id", pattern=r"[A-Za-z0-9/_+=.@:-]{1,2048}", form="a secret's name or ARN"),
            **({"events": events} if events else {}),
        )
    return tuple(found.values())


def _identity(section: Section) -> IdentitySettings:
    section.allow("users", "groups", "iam_role")
    identity = IdentitySettings(
        users=section.texts("users", pattern=_PRINCIPAL, form="a user's name in Artifactory"),
        groups=section.texts("groups", pattern=_PRINCIPAL, form="a group's name in Artifactory"),
        iam_role=section.optional_text(
            "iam_role", pattern=_ROLE, form="a role's ARN without a path, arn:aws:iam::ACCOUNT:role/NAME"
        ),
    )
    if not identity.users and not identity.groups:
        section.refuse("", "names nobody", "give users or groups, or remove it")
    if identity.iam_role is not None and not identity.users:
        section.refuse("iam_role", "is exchanged for a user's token, and users is empty", "name the user")
    return identity
