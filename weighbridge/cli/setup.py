"""From settings and environment variables to what a command works with. What needs the network is made when asked for."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from weighbridge.errors import InputError, SettingsError
from weighbridge.layout import ChannelLayout
from weighbridge.names import check_name
from weighbridge.settings import EnvironmentSettings, KeySettings, TrustSettings, load_environments, load_settings

if TYPE_CHECKING:
    from securesystemslib.signer import Signer

    from weighbridge.cli.aws import Aws
    from weighbridge.ledger import SequenceLedger
    from weighbridge.registry import ArtifactoryClient, TokenSource
    from weighbridge.trust import Channel, ChannelReader

URL_VARIABLE = "JF_URL"


def who() -> str:
    """Return the user's name, for records that say who did something."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def split_version(value: str) -> tuple[str, str | None]:
    """Return (name, version) of NAME[:VERSION].

    Raises:
        InputError: naming the part that is not a legal name.
    """
    name, colon, version = value.partition(":")
    check_name(name, field="model name")
    return name, check_name(version, field="version") if colon else None


def name_and_version(value: str) -> tuple[str, str]:
    """Return (name, version) of NAME:VERSION.

    Raises:
        InputError: when either is missing or not a legal name.
    """
    name, version = split_version(value)
    if version is None:
        raise InputError(f"{value!r} names no version: write NAME:VERSION, for example {name}:1.0.0")
    return name, version


def find_settings(*, env: str | None, file: Path | None, folder: Path) -> tuple[EnvironmentSettings, Path]:
    """Return the settings that `--settings` or `--env` names, and their file.

    Raises:
        InputError: when neither or both are given.
        SettingsError: when the file is missing or malformed.
    """
    if (env is None) == (file is None):
        raise InputError("settings: give one of --env NAME and --settings FILE", rule="input.usage")
    if file is None:
        check_name(env or "", field="--env")
        file = folder / f"{env}.yaml"
        if not folder.is_dir():
            raise SettingsError(
                f"{folder}: is not a folder here: name the folder of the environments' settings with --environments"
            )
        if not file.is_file():
            known = ", ".join(sorted(path.stem for path in folder.glob("*.yaml"))) or "none"
            raise SettingsError(f"{file}: there is no such file: give one of the environments in {folder}: {known}")
    return load_settings(file), file


@dataclass(frozen=True, slots=True)
class Setup:
    """One environment, as the identity whose token the process was given."""

    settings: EnvironmentSettings
    file: Path
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)

    @classmethod
    def open(cls, *, env: str | None, file: Path | None, folder: Path) -> Setup:
        """See `find_settings`."""
        settings, path = find_settings(env=env, file=file, folder=folder)
        return cls(settings=settings, file=path)

    @property
    def layout(self) -> ChannelLayout:
        """The channel's repositories."""
        return ChannelLayout(
            channel=self.settings.channel.name,
            models_repository=self.settings.registry.models_repository,
            records_repository=self.settings.registry.records_repository,
        )

    @property
    def keys(self) -> KeySettings:
        """The channel's signers.

        Raises:
            SettingsError: when the settings name none.
        """
        return self.trust.keys

    @property
    def trust(self) -> TrustSettings:
        """How the channel is signed.

        Raises:
            SettingsError: when the settings do not say.
        """
        if self.settings.trust is None:
            raise SettingsError(f"{self.file}: trust: is missing: name the channel's keys there (docs/settings.md)")
        return self.settings.trust

    def aws(self) -> Aws:
        """Clients of AWS in the environment's region."""
        from weighbridge.cli.aws import Aws

        return Aws(region=self.settings.region)

    def client(self) -> ArtifactoryClient:
        """The registry, as the identity of the token."""
        return open_client(url=self.settings.registry.url, environ=self.environ, region=self.settings.region)

    def signer(self, uri: str) -> Signer:
        """The signer that a URI names; a key of KMS is used in its own region."""
        from weighbridge.cli.aws import Aws
        from weighbridge.trust import load_signer

        if not uri.startswith("awskms:"):
            return load_signer(uri)
        return load_signer(uri, kms_client=Aws(region=region_of(uri) or self.settings.region).kms())

    def reader(self, *, client: ArtifactoryClient) -> ChannelReader:
        """The channel's reader; what it trusted last is kept for the next command."""
        from weighbridge.cli.kept import KeepingReader, kept_folder
        from weighbridge.trust import RegistrySource

        return KeepingReader(
            source=RegistrySource(client=client, repository=self.settings.registry.records_repository),
            root=self.settings.channel.root_digest,
            folder=kept_folder(channel=self.settings.channel, environ=self.environ),
        )

    def ledger(self, uri: str | None) -> SequenceLedger:
        """The sequence ledger that `uri`, else the settings, name.

        Raises:
            InputError: when neither does, or the URI is malformed.
        """
        from weighbridge.ledger import DynamoDbLedger, SqliteLedger

        value = uri or (self.settings.trust.ledger if self.settings.trust is not None else None)
        if value is None:
            raise SettingsError(
                f"{self.file}: trust.ledger: is missing: name where promotion numbers are claimed, sqlite:PATH or "
                "dynamodb:TABLE, or give --ledger"
            )
        kind, _, rest = value.partition(":")
        if kind == "sqlite" and rest:
            return SqliteLedger(path=Path(rest).expanduser())
        if kind == "dynamodb" and rest:
            return DynamoDbLedger(client=self.aws().dynamodb(), table=rest)
        raise InputError(f"ledger {value!r}: give sqlite:PATH or dynamodb:TABLE")

    def channel(self, *, client: ArtifactoryClient, ledger: str | None) -> Channel:
        """The channel's writing side, with its online keys."""
        from weighbridge.trust import Channel, OnlineSigners, RegistryStore

        return Channel(
            store=RegistryStore(client=client, repository=self.settings.registry.records_repository),
            channel=self.settings.channel.name,
            root=self.settings.channel.root_digest,
            ledger=self.ledger(ledger),
            online=OnlineSigners(snapshot=self.signer(self.keys.snapshot), timestamp=self.signer(self.keys.timestamp)),
        )


def open_client(*, url: str, environ: Mapping[str, str], region: str | None = None) -> ArtifactoryClient:
    """Return a client of the registry at `url`, with the token that the environment variables name."""
    from weighbridge.registry import ArtifactoryClient

    bundle = environ.get("REQUESTS_CA_BUNDLE")
    return ArtifactoryClient(
        url=url, tokens=open_tokens(environ, url=url, region=region), verify=Path(bundle) if bundle else True
    )


def open_tokens(environ: Mapping[str, str], *, url: str, region: str | None = None) -> TokenSource:
    """Return where the token is: JF_ACCESS_TOKEN, else the secret that WEIGHBRIDGE_TOKEN_SECRET_ID names, else, with
    WEIGHBRIDGE_TOKEN_IAM=1, what the registry at `url` gives for the AWS identity.

    Raises:
        InputError: when none is set, or the token cannot be one.
    """
    from weighbridge.registry import EnvironmentToken, open_origin, read_origin
    from weighbridge.registry.origins import IAM, SECRET

    token = environ.get("JF_ACCESS_TOKEN")
    if token:
        if not token.isascii() or not token.isprintable() or " " in token:
            raise InputError(
                "JF_ACCESS_TOKEN: holds white space or characters that no token has: export the bare token",
                rule="input.token",
            )
        return EnvironmentToken()
    if not environ.get(SECRET) and IAM not in environ:
        raise InputError(
            f"JF_ACCESS_TOKEN: not set: export a registry token of the identity that this command runs as, or name a "
            f"secret that holds one in {SECRET}",
            rule="input.token",
        )
    from weighbridge.cli.aws import Aws

    return open_origin(read_origin(environ), url=url, session=Aws(region=region).session())


def source_of(setup: Setup, *, folder: Path) -> Setup | None:
    """Return the environment whose channel promotions into `setup`'s channel come from; None for the first channel.

    Raises:
        SettingsError: when no environment in `folder` has that channel, or it lies in another registry.
    """
    wanted = setup.settings.channel.promote_from
    if wanted is None:
        return None
    for found in load_environments(folder):
        if found.channel.name == wanted:
            file = folder / f"{found.environment}.yaml"
            if found.registry.url.rstrip("/") != setup.settings.registry.url.rstrip("/"):
                raise SettingsError(
                    f"{file}: registry.url: {found.registry.url} is not the registry of {setup.file}: promoting copies "
                    "inside one registry"
                )
            return Setup(settings=found, file=file, environ=setup.environ)
    raise SettingsError(f"{folder}: no environment has the channel {wanted!r}, which {setup.file} promotes from")


def registry_url(value: str | None, *, environ: Mapping[str, str]) -> str:
    """Return the registry's URL from an option or JF_URL, ending in `/artifactory`.

    Raises:
        InputError: when neither is given, or it is no URL.
    """
    found = value or environ.get(URL_VARIABLE)
    if not found:
        raise InputError(f"{URL_VARIABLE}: not set: export your registry's address, or give --env or --url")
    plain = found.rstrip("/")
    try:
        urlsplit(plain)
    except ValueError as error:
        raise InputError(f"registry url: {found!r} is not of the form https://HOST/artifactory: {error}") from error
    return plain if plain.endswith("/artifactory") else f"{plain}/artifactory"


def region_of(uri: str) -> str | None:
    """Return the region of a signer URI with an ARN (`awskms:arn:PARTITION:kms:REGION:...`); None for all others."""
    parts = uri.split(":")
    return parts[4] if parts[:2] == ["awskms", "arn"] and len(parts) > 5 else None
