"""Read the section `governance`: another account that holds the environment's keys and a copy of its ledger."""

from __future__ import annotations

import re
from collections.abc import Iterator

from weighbridge.settings.schema import GovernanceSettings, KeySettings, TrustSettings
from weighbridge.settings.section import Section

KMS = "awskms:"
ALIAS_ARN = re.compile(r"awskms:arn:aws[a-z-]*:kms:([a-z0-9-]+):([0-9]{12}):(alias/[A-Za-z0-9/_-]+)")
REGION = r"[a-z]{2}(-[a-z]+)+-[1-9]"
ROLE = r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]+"
ROLE_FORM = "a role's ARN, without '*'"
# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
EXTERNAL_ID = r"[\w+=,.@:/-]{16,1224}"


def read_governance(
    top: Section, *, account: str, region: str, trust: TrustSettings | None, registers: bool
) -> GovernanceSettings | None:
    """Return the section, or None where the environment's own account holds everything.

    Args:
        account: the environment's.
        region: the environment's.
        trust: the keys that the other account holds.
        registers: whether the environment takes registrations, so that the registrar's and the inspector's key are its own.

    Raises:
        SettingsError: also where a key lies elsewhere than in that account, or nobody may sign with it.
    """
    section = top.optional_section("governance")
    if section is None:
        return None
    section.allow(
        "account", "region", "owners", "promoters", "security", "breakglass", "builders", "readers", "external_id"
    )
    if trust is None:
        section.refuse("account", "there are no keys to hold", "give trust.keys, or remove governance")
    holder = section.text("account", pattern=r"[0-9]{12}", form="an AWS account id of twelve digits")
    if holder == account:
        section.refuse("account", "is this environment's own account", "give another, or remove governance")
    if trust.approvals is not None and trust.approvals.create_key:
        top.refuse("trust.approvals.create_key", "the governance account creates the key", "remove create_key")
    if not (trust.keys.sealer or "").startswith(KMS):
        top.refuse("trust.keys.sealer", "there is no ledger to copy", "give the sealer's key, awskms:ALIAS_ARN")
    _check_keys(top, trust.keys, account=holder, region=region, registers=registers)
    found = GovernanceSettings(
        account=holder,
        region=section.text("region", pattern=REGION, form="an AWS region such as eu-central-1", default=region),
        owners=section.texts("owners", pattern=ROLE, form=ROLE_FORM, minimum=1),
        promoters=section.texts("promoters", pattern=ROLE, form=ROLE_FORM, minimum=1),
        security=section.texts("security", pattern=ROLE, form=ROLE_FORM, minimum=1),
        breakglass=section.texts("breakglass", pattern=ROLE, form=ROLE_FORM),
        builders=section.texts("builders", pattern=ROLE, form=ROLE_FORM),
        readers=section.texts("readers", pattern=ROLE, form=ROLE_FORM),
        external_id=section.optional_text(
            "external_id", pattern=EXTERNAL_ID, form="at least 16 letters, digits and _+=,.@:/-"
        ),
    )
    if len(found.breakglass) != len(trust.keys.breakglass):
        section.refuse(
            "breakglass", f"holds {len(found.breakglass)} roles", "give one for each of trust.keys.breakglass"
        )
    if registers and trust.keys.image_builder is not None and not found.builders:
        section.refuse("builders", "nobody could sign with trust.keys.image_builder", "give the builders' roles")
    if found.readers and found.external_id is None:
        section.refuse("external_id", "is missing", "give the readers a text of their own that they have to name")
    return found


def own_keys(keys: KeySettings, *, registers: bool) -> dict[str, str]:
    """Return the signer URIs of the keys that belong to the environment itself, by their name in `trust.keys`."""
    return dict(_own_keys(keys, registers=registers))


def _own_keys(keys: KeySettings, *, registers: bool) -> Iterator[tuple[str, str]]:
    yield "targets", keys.targets
    yield from ((f"promoters[{number}]", uri) for number, uri in enumerate(keys.promoters))
    yield "revocations", keys.revocations
    yield "snapshot", keys.snapshot
    yield "timestamp", keys.timestamp
    yield from ((f"breakglass[{number}]", uri) for number, uri in enumerate(keys.breakglass))
    stating = {"sealer": keys.sealer, "approver": keys.approver}
    if registers:
        stating |= {"registrar": keys.registrar, "inspector": keys.inspector, "image_builder": keys.image_builder}
        stating["exceptions"] = keys.exceptions
    yield from ((name, uri) for name, uri in stating.items() if uri is not None)


def _check_keys(top: Section, keys: KeySettings, *, account: str, region: str, registers: bool) -> None:
    for name, uri in own_keys(keys, registers=registers).items():
        found = ALIAS_ARN.fullmatch(uri)
        if uri.startswith(KMS) and (found is None or found.groups()[:2] != (region, account)):
            top.refuse(
                f"trust.keys.{name}",
                f"{uri!r} is no alias in the governance account and this region",
                f"give awskms:arn:aws:kms:{region}:{account}:alias/NAME",
            )
