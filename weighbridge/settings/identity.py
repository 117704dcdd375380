"""Read `registry.rotation` and `registry.images`: how secrets are kept fresh, and whether images come from the registry."""

from __future__ import annotations

from weighbridge.settings.schema import CredentialsSettings, IamSettings, ImageSettings, RotationSettings
from weighbridge.settings.section import Section

SECRET_NAME = r"[A-Za-z0-9/_+=.@-]{1,512}"  # noqa: S105 - a pattern
# A minted token lives two rotations and a day, and Artifactory's platform default ends tokens after a year.
MOST_DAYS = 150
_REPOSITORY = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
_USER = r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}"


def read_rotation(section: Section | None) -> RotationSettings | None:
    """Return the section, or None when whoever put the tokens into the secrets replaces them, too.

    Raises:
        SettingsError: also for a grace that is not over before the next rotation.
    """
    if section is None:
        return None
    section.allow("days", "grace_hours")
    days = section.integer("days", minimum=1, maximum=MOST_DAYS, default=30)
    grace = section.integer("grace_hours", minimum=1, maximum=24 * MOST_DAYS, default=min(24, 24 * days - 1))
    if grace >= 24 * days:
        section.refuse("grace_hours", f"{grace} hours last until the next rotation", f"give at most {24 * days - 1}")
    return RotationSettings(days=days, grace_hours=grace)


def read_images(
    section: Section | None, *, environment: str, credentials: CredentialsSettings | IamSettings
) -> ImageSettings | None:
    """Return the section, or None when images come from ECR.

    Raises:
        SettingsError: also where the secret would be the reader's.
    """
    if section is None:
        return None
    section.allow("repository", "username", "secret")
    secret = own_secret(section, identity="images", environment=environment, credentials=credentials)
    return ImageSettings(
        repository=section.text(
            "repository", pattern=_REPOSITORY, form="a repository key of letters, digits, '.', '_', '-'"
        ),
        username=section.text("username", pattern=_USER, form="a user's name in Artifactory"),
        secret=secret,
    )


def optional_secret(
    section: Section, key: str, *, default: str | None, credentials: CredentialsSettings | IamSettings
) -> str | None:
    """Return the name of an identity's secret: None when it is left out and roles are exchanged (`credentials.iam`).

    Raises:
        SettingsError: for what is no name, or where nothing is written and there is neither default nor exchange.
    """
    form = "a secret's name"
    if isinstance(credentials, IamSettings):
        return section.optional_text(key, pattern=SECRET_NAME, form=form)
    return section.text(key, pattern=SECRET_NAME, form=form, default=default)


def own_secret(
    section: Section, *, identity: str, environment: str, credentials: CredentialsSettings | IamSettings
) -> str | None:
    """Return the name of the secret of `identity`, `section.secret`, as `optional_secret` does.

    Raises:
        SettingsError: also where the secret would be the reader's.
    """
    secret = optional_secret(
        section, "secret", default=f"weighbridge/{environment}/artifactory-{identity}", credentials=credentials
    )
    if isinstance(credentials, CredentialsSettings) and secret == credentials.secret_id:
        section.refuse(
            "secret", f"{secret!r} is registry.credentials.secret_id too", "give each identity a secret of its own"
        )
    return secret
