"""Read the section `guard`: the hook that admits models, and the reconciler that compares what runs."""

from __future__ import annotations

from typing import Literal, cast

from weighbridge.names import Digest
from weighbridge.settings.schema import GuardSettings, QueueSettings, ReconcilerSettings
from weighbridge.settings.section import Section

MODES = ("off", "warn", "fail")
REPOSITORY = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
STACK = r"[a-zA-Z*?][-a-zA-Z0-9*?]{0,127}"
ENDPOINT = r"[a-zA-Z0-9*?](-*[a-zA-Z0-9*?]){0,62}"
# A revoked release may run this long before somebody is told.
MOST_MINUTES = 15
MOST_STACKS = 50


def read_guard(section: Section | None, *, promote_from: str | None) -> GuardSettings:
    """Return the section; absent means a hook that warns, and a reconciler.

    Args:
        promote_from: the channel before, None for the first.

    Raises:
        SettingsError: naming the key.
    """
    if section is None:
        return GuardSettings()
    section.allow("admission", "except_stacks", "reconciler")
    stacks = section.texts("except_stacks", pattern=STACK, form="a stack's name, '*' and '?' allowed")
    if len(stacks) > MOST_STACKS:
        section.refuse("except_stacks", f"holds {len(stacks)} names", f"give at most {MOST_STACKS}, use '*'")
    return GuardSettings(
        admission=cast(Literal["off", "warn", "fail"], section.choice("admission", among=MODES) or "warn"),
        except_stacks=stacks,
        reconciler=_reconciler(section.optional_section("reconciler"), promote_from=promote_from),
    )


def _reconciler(section: Section | None, *, promote_from: str | None) -> ReconcilerSettings:
    if section is None:
        return ReconcilerSettings()
    section.allow("enabled", "minutes", "security_hub", "behind_days", "except_endpoints", "queue")
    if section.has("queue") and promote_from is None:
        section.refuse("queue", "there is no channel before this one", "remove it, or name one in channel.promote_from")
    return ReconcilerSettings(
        enabled=section.flag("enabled", default=True),
        minutes=section.integer("minutes", minimum=1, maximum=MOST_MINUTES, default=MOST_MINUTES),
        security_hub=section.flag("security_hub", default=False),
        behind_days=section.integer("behind_days", minimum=1, maximum=3650, default=14),
        except_endpoints=section.texts(
            "except_endpoints", pattern=ENDPOINT, form="an endpoint's name, '*' and '?' allowed"
        ),
        queue=_queue(section.optional_section("queue")),
    )


def _queue(section: Section | None) -> QueueSettings | None:
    if section is None:
        return None
    section.allow("records_repository", "root_digest")
    return QueueSettings(
        records_repository=section.text("records_repository", pattern=REPOSITORY, form="a repository key"),
        root_digest=Digest.parse(
            section.text("root_digest", pattern=r"sha256:[0-9a-f]{64}", form="the digest of that channel's root")
        ),
    )
