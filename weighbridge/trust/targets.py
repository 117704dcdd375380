"""TUF target files that carry their record inline, in `custom`, so that verified metadata alone tells everything.

The record's canonical bytes are the target's content: they must have the signed length and hash.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from typing import cast

from tuf.api.exceptions import LengthOrHashMismatchError
from tuf.api.metadata import TargetFile, Targets

from weighbridge import canonical
from weighbridge.canonical import Json
from weighbridge.errors import InputError, TrustError
from weighbridge.names import Digest
from weighbridge.trust import fields
from weighbridge.trust.policy import POLICY_PATH, Policy, parse_policy
from weighbridge.trust.promotion import Promotion, parse_promotion, parse_promotion_path
from weighbridge.trust.state import Revocation
from weighbridge.trust.times import format_time, parse_time

_REVOCATION_SCHEMA = "weighbridge.revocation/v1"
_REVOCATION_KEYS = frozenset({"schema", "release", "reason", "revoked_at"})
_REVOCATION_TARGET = re.compile(r"revocations/([0-9a-f]{64})")


def make_target(*, path: str, data: bytes) -> TargetFile:
    """Return the target entry for a record's canonical bytes."""
    custom = cast(Json, canonical.parse_object(data, what=path))
    return TargetFile(
        length=len(data),
        hashes={"sha256": hashlib.sha256(data).hexdigest()},
        path=path,
        unrecognized_fields={"custom": custom},
    )


def target_file_path(target: TargetFile) -> str:
    """Return where the target's bytes lie below `tuf/`: `targets/FOLDER/HASH.NAME`, as consistent snapshots have it."""
    folder, slash, name = target.path.rpartition("/")
    return f"targets/{folder}{slash}{target.hashes['sha256']}.{name}"


def target_bytes(target: TargetFile, *, rule: str) -> bytes:
    """Return the canonical bytes of the inline record.

    Raises:
        TrustError: with `rule`, when there is none or its bytes do not have the signed length and SHA-256.
    """
    if "sha256" not in target.hashes or not isinstance(target.custom, dict):
        raise TrustError(f"target {target.path}: no inline record, or no SHA-256 of it", rule=rule)
    try:
        data = canonical.dump(target.custom)
        target.verify_length_and_hashes(data)
    except (ValueError, LengthOrHashMismatchError) as error:
        raise TrustError(
            f"target {target.path}: the inline record is not the signed one: {error}", rule=rule
        ) from error
    return data


def read_policy(targets: Targets) -> Policy:
    """Return the policy in the verified `targets` metadata.

    Raises:
        TrustError: rule `refused.policy`, when there is none or it is malformed.
    """
    target = targets.targets.get(POLICY_PATH)
    if target is None:
        raise TrustError(f"the channel has no {POLICY_PATH}: set one with its owner's key", rule="refused.policy")
    return parse_policy(target_bytes(target, rule="refused.policy"))


def read_promotions(targets: Targets, *, channel: str, name: str) -> Mapping[int, Promotion]:
    """Return the promotions in a model's verified metadata, by sequence.

    Raises:
        TrustError: rule `refused.promotion`, for any target that is not a well-formed promotion of this model in
            this channel under its own sequence.
    """
    found: dict[int, Promotion] = {}
    for path, target in targets.targets.items():
        path_name, sequence = parse_promotion_path(path)
        promotion = parse_promotion(target_bytes(target, rule="refused.promotion"))
        said = (promotion.channel, promotion.name, promotion.sequence)
        if said != (channel, name, sequence) or path_name != name:
            raise TrustError(
                f"target {path}: the record is number {promotion.sequence} of {promotion.name!r} in "
                f"{promotion.channel!r}, not what stands at this path of {channel!r}",
                rule="refused.promotion",
            )
        found[sequence] = promotion
    return found


def revocation_path(release: Digest) -> str:
    """Return the TUF target path of a revocation."""
    return f"revocations/{release.hex}"


def revocation_bytes(*, release: Digest, reason: str, revoked_at: datetime) -> bytes:
    """Return a revocation's canonical bytes."""
    record: dict[str, Json] = {
        "schema": _REVOCATION_SCHEMA,
        "release": str(release),
        "reason": reason,
        "revoked_at": format_time(revoked_at),
    }
    fields.text(record, "reason")
    return canonical.dump(record)


def read_revocations(targets: Targets) -> Mapping[Digest, Revocation]:
    """Return the complete list of revocations in the verified metadata, by release digest.

    Raises:
        TrustError: rule `refused.revocation`, for any target that is not a well-formed revocation: a list that cannot
            be read in full must not pass for a shorter one.
    """
    found: dict[Digest, Revocation] = {}
    for path, target in targets.targets.items():
        match = _REVOCATION_TARGET.fullmatch(path)
        data = target_bytes(target, rule="refused.revocation")
        try:
            revocation = _parse_revocation(data)
        except InputError as error:
            raise TrustError(f"target {path}: {error}", rule="refused.revocation") from error
        if match is None or revocation.release.hex != match[1]:
            raise TrustError(f"target {path}: does not stand under its release's digest", rule="refused.revocation")
        found[revocation.release] = revocation
    return found


def _parse_revocation(data: bytes) -> Revocation:
    document = canonical.parse_object(data, what="revocation")
    fields.check_keys(document, keys=_REVOCATION_KEYS, schema=_REVOCATION_SCHEMA)
    return Revocation(
        release=Digest.parse(fields.text(document, "release"), field="release"),
        reason=fields.text(document, "reason"),
        revoked_at=parse_time(fields.text(document, "revoked_at"), field="revoked_at"),
    )
