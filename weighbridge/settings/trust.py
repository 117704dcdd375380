"""Read the section `trust`: who signs the channel, and the keeper that signs it anew."""

from __future__ import annotations

from weighbridge.settings.schema import KeeperSettings, KeySettings, RegistrySettings, TrustSettings
from weighbridge.settings.section import Section

SIGNER = r"(file:|awskms:).+"
SIGNER_FORM = "a signer URI such as awskms:alias/NAME or file:PATH"
LEDGER = r"(dynamodb:[A-Za-z0-9_.-]{3,255}|sqlite:.+)"
KMS = "awskms:"
_NAME = r"[A-Za-z0-9/_+=.@-]{1,512}"
# An alarm rings when a day passes without a measurement, so two runs have to fit into one.
MOST_HOURS = 12
_SINGLE = ("targets", "registrar", "revocations", "snapshot", "timestamp")


def read_trust(top: Section, *, environment: str, registry: RegistrySettings) -> TrustSettings | None:
    """Return the section, or None when the environment's keys are not known.

    Raises:
        SettingsError: also where the keeper would hold another's key or secret.
    """
    section = top.optional_section("trust")
    if section is None:
        return None
    section.allow("keys", "ledger", "keeper")
    keys = section.section("keys")
    keys.allow("root", "promoters", *_SINGLE)
    found = KeySettings(
        root=keys.texts("root", pattern=SIGNER, form=SIGNER_FORM, minimum=1),
        promoters=keys.texts("promoters", pattern=SIGNER, form=SIGNER_FORM, minimum=1),
        **{name: keys.text(name, pattern=SIGNER, form=SIGNER_FORM) for name in _SINGLE},
    )
    return TrustSettings(
        keys=found,
        ledger=section.optional_text("ledger", pattern=LEDGER, form="dynamodb:TABLE or sqlite:PATH"),
        keeper=_keeper(section, keys=found, environment=environment, reader=registry.reader_secret),
    )


def _keeper(section: Section, *, keys: KeySettings, environment: str, reader: str | None) -> KeeperSettings | None:
    keeper = section.optional_section("keeper")
    if not keys.snapshot.startswith(KMS) or not keys.timestamp.startswith(KMS):
        if keeper is not None:
            section.refuse(
                "keeper",
                "a function can sign with keys in KMS alone",
                "give keys.snapshot and keys.timestamp as awskms:",
            )
        return None
    _check_keys(section, keys)
    keeper = keeper or Section(file=section.file, path=f"{section.path}.keeper", values={})
    keeper.allow("secret", "hours")
    secret = keeper.text(
        "secret", pattern=_NAME, form="a secret's name", default=f"weighbridge/{environment}/artifactory-keeper"
    )
    if secret == reader:
        keeper.refuse(
            "secret", f"{secret!r} is registry.credentials.secret_id too", "give each identity a secret of its own"
        )
    return KeeperSettings(secret=secret, hours=keeper.integer("hours", minimum=1, maximum=MOST_HOURS, default=12))


def _check_keys(section: Section, keys: KeySettings) -> None:
    others = {keys.targets: "targets", keys.registrar: "registrar", keys.revocations: "revocations"}
    others |= {uri: f"{name}[{i}]" for name in ("root", "promoters") for i, uri in enumerate(getattr(keys, name))}
    for online in (keys.snapshot, keys.timestamp):
        if online in others:
            section.refuse(
                "keys",
                f"the online key is trust.keys.{others[online]} too",
                "give snapshot and timestamp a key of their own: the keeper may sign with it at any time",
            )
