"""Read `trust.policy`: what the channel asks of a promotion, and whose the promoters' keys are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from weighbridge.settings.section import Section

SIGNER = r"(file:|awskms:|public:).+"
NAME = r"[A-Za-z0-9][\w .+/-]{0,127}"
OWNER = r"[A-Za-z0-9][\w.-]{0,127}"
MODEL = r"[A-Za-z0-9][\w.-]*/[\w.-]+(@[0-9a-f]{40})?"
PREDICATE = r"(https?://|urn:)[!-~]{1,250}"
ROLES = ("registrar", "inspector", "approver", "image_builder")
YEAR_IN_HOURS = 8760


@dataclass(frozen=True, slots=True)
class ApprovalSettings:
    """How many distinct people must approve, each for at most `days` days."""

    count: int
    days: int


@dataclass(frozen=True, slots=True)
class PrincipalSettings:
    """`key` (a signer URI, or `public:PATH`) is a key of `name`: an ARN as STS gives it, or any other name."""

    key: str
    name: str


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """What `weighbridge channel` writes into the channel's policy; the defaults ask for nothing.

    `threshold` is how many distinct people must sign a promotion. `principals` say whose the keys are,
    `required_statements` are predicate types beyond those that the keys bring, with the role that signs.
    """

    base_owners: tuple[str, ...] = ()
    base_models: tuple[str, ...] = ()
    licences: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    bom: str | None = None
    no_base_model: bool = False
    scanner: str | None = None
    soak_hours: int = 0
    separation: bool = False
    approvals: ApprovalSettings | None = None
    threshold: int = 1
    principals: tuple[PrincipalSettings, ...] = ()
    required_statements: Mapping[str, str] = field(default_factory=dict)


def read_policy(trust: Section, *, approver: bool) -> PolicySettings:
    """Return `trust.policy`; without it, what asks for nothing.

    Args:
        approver: whether there is a key to sign approvals with.

    Raises:
        SettingsError: also for approvals that nobody can sign, and for people who cannot be told apart.
    """
    section = trust.optional_section("policy")
    if section is None:
        return PolicySettings()
    section.allow(
        "base_owners", "base_models", "licences", "formats", "soak_hours", "separation", "approvals", "threshold",
        "principals", "required_statements", "bom", "no_base_model", "scanner",
    )  # fmt: skip
    found = PolicySettings(
        base_owners=section.texts("base_owners", pattern=OWNER, form="an account of the hub"),
        base_models=section.texts("base_models", pattern=MODEL, form="ORG/NAME or ORG/NAME@REVISION (40 hex digits)"),
        licences=section.texts("licences", pattern=NAME, form="a licence as model cards name it, such as apache-2.0"),
        formats=section.texts("formats", pattern=r"[a-z0-9-]{1,64}", form="a format that `weighbridge inspect` names"),
        bom=section.choice("bom", among=("consistent", "verified")),
        no_base_model=section.flag("no_base_model", default=False),
        scanner=section.choice("scanner", among=("hayward", "modelaudit")),
        soak_hours=section.integer("soak_hours", minimum=0, maximum=YEAR_IN_HOURS, default=0),
        separation=section.flag("separation", default=False),
        approvals=_approvals(section),
        threshold=section.integer("threshold", minimum=1, maximum=16, default=1),
        principals=_principals(section),
        required_statements=_required(section),
    )
    if found.approvals is not None and not approver:
        section.refuse("approvals", "there is no key to sign approvals with", "give trust.keys.approver")
    if found.separation and not found.principals:
        section.refuse("separation", "nobody is known apart", "give principals: whose each promoter's key is")
    return found


def _approvals(section: Section) -> ApprovalSettings | None:
    approvals = section.optional_section("approvals")
    if approvals is None:
        return None
    approvals.allow("count", "days")
    return ApprovalSettings(
        count=approvals.integer("count", minimum=1, maximum=16, default=1),
        days=approvals.integer("days", minimum=1, maximum=365, default=7),
    )


def _principals(section: Section) -> tuple[PrincipalSettings, ...]:
    found: dict[str, str] = {}
    for entry in section.sections("principals"):
        entry.allow("key", "name")
        key = entry.text("key", pattern=SIGNER, form="a signer URI, or public:PATH of a public key")
        if key in found:
            entry.refuse("key", f"{key!r} is written twice", "a key is one person's: keep one")
        found[key] = entry.text("name", pattern=r"[!-~]{1,256}", form="an ARN or another name without spaces")
    return tuple(PrincipalSettings(key=key, name=name) for key, name in found.items())


def _required(section: Section) -> dict[str, str]:
    required = section.optional_section("required_statements")
    if required is None:
        return {}
    found: dict[str, str] = {}
    for kind in required.values:
        Section(section.file, required.path, {"type": kind}).text(
            "type", pattern=PREDICATE, form="a predicate type (a URI)"
        )
        role = required.choice(kind, among=ROLES)
        if role is None:
            required.refuse(kind, "names no role", f"give one of {', '.join(ROLES)}")
        found[kind] = role
    return found
