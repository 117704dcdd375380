"""Read the section `trust`: who signs the channel, the keeper that signs it anew, and the inspector."""

from __future__ import annotations

from weighbridge.settings.identity import optional_secret
from weighbridge.settings.schema import InspectorSettings, KeeperSettings, KeySettings, RegistrySettings, TrustSettings
from weighbridge.settings.section import Section

SIGNER = r"(file:|awskms:).+"
SIGNER_FORM = "a signer URI such as awskms:alias/NAME or file:PATH"
LEDGER = r"(dynamodb:[A-Za-z0-9_.-]{3,255}|sqlite:.+)"
KMS = "awskms:"
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
    section.allow("keys", "ledger", "keeper", "inspector")
    keys = section.section("keys")
    keys.allow("root", "promoters", "inspector", *_SINGLE)
    found = KeySettings(
        root=keys.texts("root", pattern=SIGNER, form=SIGNER_FORM, minimum=1),
        promoters=keys.texts("promoters", pattern=SIGNER, form=SIGNER_FORM, minimum=1),
        **{name: keys.text(name, pattern=SIGNER, form=SIGNER_FORM) for name in _SINGLE},
        inspector=keys.optional_text("inspector", pattern=SIGNER, form=SIGNER_FORM),
    )
    return TrustSettings(
        keys=found,
        ledger=section.optional_text("ledger", pattern=LEDGER, form="dynamodb:TABLE or sqlite:PATH"),
        keeper=_keeper(section, keys=found, environment=environment, registry=registry),
        inspector=_inspector(section, keys=found, environment=environment, registry=registry),
    )


def _keeper(
    section: Section, *, keys: KeySettings, environment: str, registry: RegistrySettings
) -> KeeperSettings | None:
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
    secret = optional_secret(
        keeper,
        "secret",
        default=f"weighbridge/{environment}/artifactory-keeper",
        credentials=registry.credentials,
    )
    if secret is not None and secret == registry.reader_secret:
        keeper.refuse(
            "secret", f"{secret!r} is registry.credentials.secret_id too", "give each identity a secret of its own"
        )
    return KeeperSettings(secret=secret, hours=keeper.integer("hours", minimum=1, maximum=MOST_HOURS, default=12))


def _inspector(
    section: Section, *, keys: KeySettings, environment: str, registry: RegistrySettings
) -> InspectorSettings | None:
    inspector = section.optional_section("inspector")
    if keys.inspector is None:
        if inspector is not None:
            section.refuse("inspector", "there is no key to sign inspections with", "give keys.inspector")
        return None
    others = {"root": keys.root, "promoters": keys.promoters} | {name: (getattr(keys, name),) for name in _SINGLE}
    for name, uris in others.items():
        if keys.inspector in uris:
            section.refuse("keys.inspector", f"is trust.keys.{name} too", "nobody's key can do two jobs")
    inspector = inspector or Section(file=section.file, path=f"{section.path}.inspector", values={})
    inspector.allow("secret")
    secret = optional_secret(
        inspector,
        "secret",
        default=f"weighbridge/{environment}/artifactory-inspector",
        credentials=registry.credentials,
    )
    if secret is not None and secret == registry.reader_secret:
        inspector.refuse(
            "secret", f"{secret!r} is registry.credentials.secret_id too", "give each identity a secret of its own"
        )
    return InspectorSettings(secret=secret)


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
