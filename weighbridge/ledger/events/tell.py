"""From what happened to an event. The same thing gives the same event, whoever tells it and how often."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from weighbridge import canonical
from weighbridge.ledger.events.event import Event, Kind
from weighbridge.names import Digest
from weighbridge.promotion import BrokenGlass
from weighbridge.release import Release
from weighbridge.resolution import Acceptance, Mark, Scope
from weighbridge.trust import Promotion


def registered(*, release: Release, channel: str, environment: str, actor: str, at: datetime) -> Event:
    """Tell that `release` was registered in the first channel."""
    lineage = release.lineage
    details = {"image": release.runtime.image, "training_job": lineage.training_job or "unknown"}
    if lineage.base_model is not None:
        details["base_model"] = f"{lineage.base_model.repository}@{lineage.base_model.revision}"
    return Event(
        id=f"registered:{channel}/{release.name}:{release.digest.hex}",
        kind="registered",
        at=at,
        actor=actor,
        environment=environment,
        channel=channel,
        model=release.name,
        version=release.version,
        release=release.digest,
        details=details,
    )


def inspected(
    *, release: Release, verdict: str, statement: str, channel: str, environment: str, actor: str, at: datetime
) -> Event:
    """Tell that the inspector stated its verdict on `release`; `statement` is the path of the signed statement."""
    return Event(
        id=f"inspected:{channel}/{release.name}:{statement.rpartition('/')[2]}",
        kind="inspected",
        at=at,
        actor=actor,
        environment=environment,
        channel=channel,
        model=release.name,
        version=release.version,
        release=release.digest,
        details={"verdict": verdict, "statement": statement},
    )


def promoted(*, promotion: Promotion, environment: str) -> Event:
    """Tell of a promotion that is published."""
    return Event(
        id=promotion_event_id(promotion),
        kind="rolled-back" if promotion.reason == "rollback" else "promoted",
        at=promotion.promoted_at,
        actor=promotion.promoted_by,
        environment=environment,
        channel=promotion.channel,
        model=promotion.name,
        version=promotion.version,
        release=promotion.release,
        release_id=promotion.release_id,
        details={"source": promotion.source or "registration", "statements": str(promotion.statements)},
    )


def glass_used(*, glass: BrokenGlass, environment: str) -> Event:
    """Tell of a promotion that is about to be published under waivers."""
    used = f"{glass.release.hex[:16]}:{glass.statements.hex[:16]}:{int(glass.at.timestamp())}"
    return Event(
        id=f"break-glass:{glass.channel}/{glass.name}:{used}",
        kind="break-glass",
        at=glass.at,
        actor=glass.promoted_by,
        environment=environment,
        channel=glass.channel,
        model=glass.name,
        version=glass.version,
        release=glass.release,
        details={"waives": ", ".join(glass.waived), "statements": str(glass.statements), "used": "promotion"},
    )


def promotion_event_id(promotion: Promotion) -> str:
    """Return the id of the event that tells of a promotion."""
    return f"promoted:{promotion.channel}/{promotion.name}:{promotion.release_id}"


def revoked(*, release: Digest, channel: str, environment: str, reason: str, actor: str, at: datetime) -> Event:
    """Tell that security revoked a release in a channel."""
    return Event(
        id=f"revoked:{channel}:{release.hex}",
        kind="revoked",
        at=at,
        actor=actor,
        environment=environment,
        channel=channel,
        release=release,
        details={"reason": reason[:1024]},
    )


def accepted(*, acceptance: Acceptance, environment: str) -> Event:
    """Tell that an environment's resolver accepted a release for a deployment."""
    return Event(
        id=f"accepted:{environment}/{acceptance.scope.channel}/{acceptance.scope.model}:{acceptance.release_id}",
        kind="accepted",
        at=acceptance.accepted_at,
        actor=f"resolver:{environment}",
        environment=environment,
        channel=acceptance.scope.channel,
        model=acceptance.scope.model,
        version=acceptance.version,
        release=acceptance.release,
        release_id=acceptance.release_id,
        details={"image": acceptance.image, "root": str(acceptance.root)},
    )


def marked(*, mark: Mark, scope: Scope, environment: str) -> Event:
    """Tell of a mark: `failed` as set-back by the watcher, `tried` of an id that was never accepted as refused."""
    kind: Kind = "set-back" if mark.kind == "failed" else "refused"
    return Event(
        id=f"{kind}:{environment}/{scope.channel}/{scope.model}:{mark.release_id}",
        kind=kind,
        at=mark.marked_at,
        actor=f"{'watcher' if mark.kind == 'failed' else 'resolver'}:{environment}",
        environment=environment,
        channel=scope.channel,
        model=scope.model,
        release_id=mark.release_id,
        details={"reason": mark.reason[:1024]},
    )


def channel_changed(
    *, kind: Kind, channel: str, environment: str, subject: str, actor: str, at: datetime, details: Mapping[str, str]
) -> Event:
    """Tell of a change to a channel itself: `founded`, `model-added`, `policy-set`, `key-rotated`, `renewed`.

    Args:
        subject: the model, role or file that it is about.
        details: what was changed to what; two changes within one second are told apart by them.
    """
    said = Digest.of(canonical.dump(dict(details))).hex[:16]
    return Event(
        id=f"{kind}:{channel}/{subject}:{at:%Y%m%dT%H%M%SZ}:{said}",
        kind=kind,
        at=at,
        actor=actor,
        environment=environment,
        channel=channel,
        model=subject if kind == "model-added" else None,
        details={"subject": subject, **details},
    )
