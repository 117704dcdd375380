"""`weighbridge release show`: everything that is known of a promoted release."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from weighbridge.canonical import Json, JsonObject
from weighbridge.cli import options
from weighbridge.cli.output import print_result
from weighbridge.cli.setup import Setup, split_version
from weighbridge.cli.verified import verified_release
from weighbridge.errors import IntegrityError

if TYPE_CHECKING:
    from weighbridge.names import ReleaseReference
    from weighbridge.release import Lineage
    from weighbridge.verification import VerifiedRelease

app = typer.Typer(help="Look at releases.", no_args_is_help=True)


@app.callback()
def root() -> None:
    """Look at releases."""


@app.command()
def show(
    model: options.NameMaybeVersion,
    env: options.Environment = None,
    settings: options.SettingsFile = None,
    environments: options.Environments = options.DEFAULT_ENVIRONMENTS,
    release_id: options.ReleaseIdOption = None,
    as_json: options.AsJson = False,
) -> None:
    """Show a release that is promoted in an environment: files, lineage, statements and promotion, all verified.

    Takes NAME, NAME:VERSION or a whole reference (HOST/REPOSITORY/NAME:VERSION@sha256:...). Lineage that only the
    training job asserts is marked as claimed. Example:

    weighbridge release show minilm --env prod
    """
    reference = _reference(model)
    name, version = (reference.name, reference.version) if reference is not None else split_version(model)
    setup = Setup.open(env=env, file=settings, folder=environments)
    found = verified_release(setup, client=setup.client(), name=name, version=version, release_id=release_id)
    if reference is not None and found.digest != reference.digest:
        raise IntegrityError(f"{name}:{version} in {setup.layout.channel} is {found.digest}, not {reference.digest}")
    result = _to_json(found)
    print_result(result, as_json=as_json, lines=_lines(found))


def _reference(value: str) -> ReleaseReference | None:
    from weighbridge.names import ReleaseReference

    return ReleaseReference.parse(value, field="release") if "@" in value else None


def _to_json(found: VerifiedRelease) -> JsonObject:
    from weighbridge.trust.times import format_time

    release, lineage, promotion = found.release, found.release.lineage, found.promotion
    base = lineage.base_model
    components: list[Json] = [
        {"path": item.path, "size": item.size, "sha256": item.digest.hex, "role": item.role}
        for item in release.components
    ]
    return {
        "name": release.name,
        "version": release.version,
        "release": str(found.digest),
        "components": components,
        "weights_bytes": release.load_bytes,
        "runtime": {"image": release.runtime.image, "lock": str(release.runtime.lock)},
        "lineage": {
            "base_model": None if base is None else {"repository": base.repository, "revision": base.revision},
            "datasets": [{"name": item.name, "sha256": item.digest.hex} for item in lineage.datasets],
            "training_job": lineage.training_job,
            "source_commit": lineage.source_commit,
            "parameters": dict(lineage.parameters),
            "metrics": dict(lineage.metrics),
            "claimed": list(lineage.claimed),
        },
        "bom": None if release.bom is None else str(release.bom.digest),
        "statements": [
            {"predicate_type": item.predicate_type, "signed_by": list(item.signed_by)} for item in found.statements
        ],
        "promotion": {
            "channel": promotion.channel,
            "release_id": str(promotion.release_id),
            "sequence": promotion.sequence,
            "reason": promotion.reason,
            "source": promotion.source,
            "source_id": None if promotion.source_id is None else str(promotion.source_id),
            "promoted_at": format_time(promotion.promoted_at),
            "promoted_by": promotion.promoted_by,
        },
    }


def _lines(found: VerifiedRelease) -> dict[str, object]:
    from weighbridge.trust.times import format_time

    release, promotion = found.release, found.promotion
    return {
        "release": f"{release.name}:{release.version}",
        "digest": found.digest,
        "image": release.runtime.image,
        "lock file": release.runtime.lock,
        "files": [
            f"{item.role:<6}  {item.size:>13,}  {item.digest.hex[:16]}  {item.path}" for item in release.components
        ],
        "loaded": f"{release.load_bytes:,} bytes in {len(release.load_components)} files",
        **_lineage_lines(release.lineage),
        "bill of materials": None if release.bom is None else f"{release.bom.path} {release.bom.digest}",
        "statements": [
            f"{item.predicate_type}, verified, signed by {', '.join(key[:16] for key in item.signed_by)}"
            for item in found.statements
        ],
        "promotion": f"number {promotion.sequence} in {promotion.channel} ({promotion.reason})",
        "release id": promotion.release_id,
        "promoted": f"{format_time(promotion.promoted_at)} by {promotion.promoted_by}",
        "came from": "registration" if promotion.source is None else f"{promotion.source}, {promotion.source_id}",
    }


def _lineage_lines(lineage: Lineage) -> dict[str, object]:
    base = lineage.base_model
    values: dict[str, object] = {
        "base_model": None if base is None else f"{base.repository} at {base.revision}",
        "datasets": [f"{item.name} {item.digest}" for item in lineage.datasets],
        "training_job": lineage.training_job,
        "source_commit": lineage.source_commit,
        "parameters": lineage.parameters,
        "metrics": lineage.metrics,
    }
    return {
        f"{name.replace('_', ' ')}{' (claimed)' if name in lineage.claimed else ''}": value
        for name, value in values.items()
    }
