"""The keys in KMS whose every signature the ledger has to explain."""

from __future__ import annotations

import re

from weighbridge.settings.schema import EnvironmentSettings, KeySettings

KMS = "awskms:"
ROLES = ("root", "targets", "promoters", "registrar", "revocations", "approver", "breakglass")
_ARN = re.compile(r"arn:[^:]+:kms:([^:]*):([^:]*):.+")


def told_keys(keys: KeySettings) -> tuple[tuple[str, str], ...]:
    """Return role and signer URI of each key in KMS whose use is told to the ledger.

    The others sign on a schedule, or what lies beside a release: not all of it is told.
    """
    uris = {
        "root": keys.root,
        "targets": (keys.targets,),
        "promoters": keys.promoters,
        "registrar": (keys.registrar,),
        "revocations": (keys.revocations,),
        "approver": (keys.approver,),
        "breakglass": keys.breakglass,
    }
    return tuple((role, uri) for role in ROLES for uri in uris[role] if uri is not None and uri.startswith(KMS))


def watched_keys(settings: EnvironmentSettings) -> tuple[tuple[str, str], ...]:
    """Return those of `told_keys` whose signatures the auditor's function finds: CloudTrail's lookup shows one account and region.

    The registrar's key is the environment's own where training registers; else it signs for another environment's ledger.
    A key that signs snapshot, timestamp or seals as well is left out: it signs on a schedule, and nobody tells of that.
    """
    if settings.trust is None:
        return ()
    keys = settings.trust.keys
    scheduled = {keys.snapshot, keys.timestamp, keys.sealer}
    return tuple(
        (role, uri)
        for role, uri in told_keys(keys)
        if uri not in scheduled and _is_here(uri, settings) and (role != "registrar" or settings.training is not None)
    )


def _is_here(uri: str, settings: EnvironmentSettings) -> bool:
    arn = _ARN.fullmatch(uri.removeprefix(KMS))
    return arn is None or arn.groups() == (settings.region, settings.account)
