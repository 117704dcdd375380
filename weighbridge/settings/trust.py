"""Read the section `trust`: who signs the channel, the keeper that signs it anew, and the inspector."""

from __future__ import annotations

from weighbridge.settings.identity import own_secret
from weighbridge.settings.policy import read_policy
from weighbridge.settings.schema import (
    ApprovalsSettings,
    InspectorSettings,
    KeeperSettings,
    KeySettings,
    RegistrySettings,
    TrustSettings,
)
from weighbridge.settings.section import Section

SIGNER = r"(file:|awskms:).+"
SIGNER_FORM = "a signer URI such as awskms:alias/NAME or file:PATH"
LEDGER = r"(dynamodb:[A-Za-z0-9_.-]{3,255}|sqlite:.+)"
SEALS = r"(s3:[a-z0-9][a-z0-9.-]{2,62}|folder:.+)"
KMS = "awskms:"
APPROVER = r"arn:aws[a-z-]*:iam::\d{12}:(user|role)/[\w+=,.@-]+"
# An alarm rings when a day passes without a measurement, so two runs have to fit into one.
MOST_HOURS = 12
# The most that Lambda gives a function, of memory and of /tmp.
LAMBDA_MIB = 10_240
_SINGLE = ("targets", "registrar", "revocations", "snapshot", "timestamp")


def read_trust(top: Section, *, environment: str, registry: RegistrySettings) -> TrustSettings | None:
    """Return the section, or None when the environment's keys are not known.

    Raises:
        SettingsError: also where the keeper would hold another's key or secret.
    """
    section = top.optional_section("trust")
    if section is None:
        return None
    section.allow("keys", "ledger", "events", "seals", "keeper", "inspector", "policy", "approvals")
    keys = section.section("keys")
    keys.allow(
        "root",
        "promoters",
        "inspector",
        "sealer",
        "former_sealers",
        "approver",
        "image_builder",
        "breakglass",
        "exceptions",
        *_SINGLE,
    )
    found = KeySettings(
        root=keys.texts("root", pattern=SIGNER, form=SIGNER_FORM, minimum=1),
        promoters=keys.texts("promoters", pattern=SIGNER, form=SIGNER_FORM, minimum=1),
        **{name: keys.text(name, pattern=SIGNER, form=SIGNER_FORM) for name in _SINGLE},
        inspector=keys.optional_text("inspector", pattern=SIGNER, form=SIGNER_FORM),
        sealer=keys.optional_text("sealer", pattern=SIGNER, form=SIGNER_FORM),
        former_sealers=keys.texts(
            "former_sealers", pattern=rf"public:.+|{SIGNER}", form=f"{SIGNER_FORM}, or public:PATH"
        ),
        approver=keys.optional_text("approver", pattern=SIGNER, form=SIGNER_FORM),
        image_builder=keys.optional_text("image_builder", pattern=SIGNER, form=SIGNER_FORM),
        breakglass=keys.texts("breakglass", pattern=SIGNER, form=SIGNER_FORM),
        exceptions=keys.optional_text("exceptions", pattern=SIGNER, form=SIGNER_FORM),
    )
    _check_stating_keys(keys, found)
    return TrustSettings(
        keys=found,
        ledger=section.optional_text("ledger", pattern=LEDGER, form="dynamodb:TABLE or sqlite:PATH"),
        events=section.optional_text("events", pattern=LEDGER, form="dynamodb:TABLE or sqlite:PATH"),
        seals=section.optional_text("seals", pattern=SEALS, form="s3:BUCKET or folder:PATH"),
        keeper=_keeper(section, keys=found, environment=environment, registry=registry),
        inspector=_inspector(section, keys=found, environment=environment, registry=registry),
        policy=read_policy(section, approver=found.approver is not None),
        approvals=_approvals(section, keys=found, environment=environment, registry=registry),
    )


def _check_stating_keys(section: Section, keys: KeySettings) -> None:
    held = {getattr(keys, name): name for name in reversed(_SINGLE)}
    held |= {uri: f"{name}[{i}]" for name in ("root", "promoters") for i, uri in enumerate(getattr(keys, name))}
    own = ("sealer", "inspector", "approver", "image_builder", "exceptions")
    stating = [(name, getattr(keys, name)) for name in own]
    stating += [(f"breakglass[{i}]", uri) for i, uri in enumerate(keys.breakglass)]
    for name, uri in stating:
        if uri is not None and held.setdefault(uri, name) != name:
            section.refuse(name, f"is trust.keys.{held[uri]} too", "nobody's key can do two jobs")
    if keys.former_sealers and keys.sealer in (None, *keys.former_sealers):
        section.refuse("former_sealers", "leave no sealer that is another key", "give trust.keys.sealer the new one")
    if (keys.sealer or "").startswith(KMS) and not all(uri.startswith(KMS) for uri in keys.former_sealers):
        section.refuse("former_sealers", "the auditor's function reads public halves in KMS alone", "give awskms:KEY")
    if len(keys.breakglass) == 1:
        section.refuse(
            "breakglass", "holds one key", "breaking the glass takes two people: give at least two keys, or none"
        )


def _approvals(
    section: Section, *, keys: KeySettings, environment: str, registry: RegistrySettings
) -> ApprovalsSettings | None:
    approvals = section.optional_section("approvals")
    if approvals is None:
        return None
    if keys.approver is None or not keys.approver.startswith(KMS):
        section.refuse("approvals", "a function can sign with a key in KMS alone", "give keys.approver as awskms:")
    approvals.allow("secret", "create_key", "approvers")
    alias = keys.approver.removeprefix(KMS)
    create = approvals.flag("create_key", default=False)
    if create and not alias.startswith("alias/"):
        approvals.refuse("create_key", f"{keys.approver} is no alias", "give keys.approver as awskms:alias/NAME")
    secret = own_secret(approvals, identity="approver", environment=environment, credentials=registry.credentials)
    return ApprovalsSettings(
        secret=secret,
        create_key=create,
        approvers=approvals.texts(
            "approvers", pattern=APPROVER, form="the ARN of an IAM user or role, without a path", minimum=1
        ),
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
    secret = own_secret(keeper, identity="keeper", environment=environment, credentials=registry.credentials)
    return KeeperSettings(secret=secret, hours=keeper.integer("hours", minimum=1, maximum=MOST_HOURS, default=12))


def _inspector(
    section: Section, *, keys: KeySettings, environment: str, registry: RegistrySettings
) -> InspectorSettings | None:
    inspector = section.optional_section("inspector")
    if keys.inspector is None:
        if inspector is not None:
            section.refuse("inspector", "there is no key to sign inspections with", "give keys.inspector")
        return None
    inspector = inspector or Section(file=section.file, path=f"{section.path}.inspector", values={})
    inspector.allow("secret", "scanner", "memory_mib", "storage_mib")
    secret = own_secret(inspector, identity="inspector", environment=environment, credentials=registry.credentials)
    return InspectorSettings(
        secret=secret,
        scanner=inspector.choice("scanner", among=("hayward", "none")) or "hayward",
        memory_mib=inspector.integer("memory_mib", minimum=2048, maximum=LAMBDA_MIB, default=3008),
        storage_mib=inspector.integer("storage_mib", minimum=512, maximum=LAMBDA_MIB, default=3072),
    )


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
