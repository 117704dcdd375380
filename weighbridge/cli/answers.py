"""How lineage, impact and places read: as JSON, and as lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weighbridge.canonical import Json, JsonObject

if TYPE_CHECKING:
    from weighbridge.lineage import Impact, LineageGraph, Place, Places, Touched
    from weighbridge.names import Digest


def impact_lines(found: Impact, graph: LineageGraph, places: Places) -> dict[str, object]:
    """Return what people see of an impact."""
    lines: dict[str, object] = {
        "suspect": found.suspect,
        "touched": [f"{item.release.name}:{item.release.version}  {item.digest}  {item.why}" for item in found.touched],
    }
    lines["channels"] = [_promoted_line(item, graph) for item in found.touched if item.promotions]
    lines["endpoints"] = [place_line(place) for item in found.touched for place in places.of_release(item.digest)]
    return lines


def place_line(item: Place) -> str:
    """Return one line for a place."""
    state = "runs" if item.running else "ran"
    approved = f", approved by {', '.join(item.approved_by)}" if item.approved_by else ""
    revoked = f", REVOKED: {item.revoked}" if item.revoked is not None else ""
    return (
        f"{item.environment}  {item.endpoint}  {state} {item.model}:{item.version} ({item.release_id.sequence}) since "
        f"{item.accepted_at:%Y-%m-%dT%H:%M:%SZ}, promoted by {item.promoted_by or 'unknown'}{approved}{revoked}"
    )


def _promoted_line(item: Touched, graph: LineageGraph) -> str:
    heads = graph.heads()
    parts = [
        f"{each.channel} {each.sequence}{' (head)' if heads.get((each.channel, each.name)) == each else ''}"
        for each in item.promotions
    ]
    return f"{item.release.name}:{item.release.version}  {', '.join(parts)}"


def touched_fields(found: Impact, graph: LineageGraph, places: Places) -> list[Json]:
    """Return the touched releases as JSON."""
    return [
        {
            **_head_fields(graph, item.digest),
            "why": item.why,
            "via": [str(each) for each in item.via],
            "endpoints": [place_fields(place) for place in places.of_release(item.digest)],
        }
        for item in found.touched
    ]


def _head_fields(graph: LineageGraph, digest: Digest) -> JsonObject:
    release, heads = graph.releases[digest], graph.heads()
    promotions: list[Json] = [
        {
            "channel": each.channel,
            "release_id": str(each.release_id),
            "reason": each.reason,
            "promoted_by": each.promoted_by,
            "head": heads.get((each.channel, each.name)) == each,
        }
        for each in graph.promotions_of(digest)
    ]
    return {"name": release.name, "version": release.version, "release": str(digest), "promotions": promotions}


def release_fields(graph: LineageGraph, places: Places, digest: Digest) -> JsonObject:
    """Return everything about a release as JSON."""
    known = graph.releases[digest].lineage
    parents, children = _kin(graph, digest)
    base = known.base_model
    return {
        **_head_fields(graph, digest),
        "base_model": None if base is None else f"{base.repository}@{base.revision}",
        "datasets": [{"name": item.name, "sha256": item.digest.hex} for item in known.datasets],
        "training_job": known.training_job,
        "source_commit": known.source_commit,
        "claimed": list(known.claimed),
        "made_from": parents,
        "made_into": children,
        "endpoints": [place_fields(place) for place in places.of_release(digest)],
    }


def _kin(graph: LineageGraph, digest: Digest) -> tuple[list[Json], list[Json]]:
    def kin(other: Digest, why: str) -> JsonObject:
        release = graph.releases[other]
        return {"name": release.name, "version": release.version, "release": str(other), "why": why}

    found = graph.derivations()
    parents: list[Json] = [kin(item.parent, item.why) for item in found if item.child == digest]
    children: list[Json] = [kin(item.child, item.why) for item in found if item.parent == digest]
    return parents, children


def release_lines(graph: LineageGraph, places: Places, digests: tuple[Digest, ...]) -> dict[str, object]:
    """Return what people see of releases."""
    lines: dict[str, object] = {}
    for digest in digests:
        release = graph.releases[digest]
        known = release.lineage
        found = graph.derivations()
        mark = {name: " (claimed)" if name in known.claimed else "" for name in ("base_model", "datasets")}
        base = known.base_model
        lines |= {
            "release": f"{release.name}:{release.version}  {digest}",
            f"base model{mark['base_model']}": None if base is None else f"{base.repository} at {base.revision}",
            f"datasets{mark['datasets']}": [f"{item.name} {item.digest}" for item in known.datasets],
            "training job": known.training_job,
            "source commit": known.source_commit,
            "made from": [_kin_line(graph, item.parent, item.why) for item in found if item.child == digest],
            "made into": [_kin_line(graph, item.child, item.why) for item in found if item.parent == digest],
            "promoted": [
                f"{item.channel} {item.sequence} ({item.reason}) by {item.promoted_by}"
                for item in graph.promotions_of(digest)
            ],
            "endpoints": [place_line(place) for place in places.of_release(digest)],
        }
    return lines


def _kin_line(graph: LineageGraph, digest: Digest, why: str) -> str:
    return f"{graph.releases[digest].name}:{graph.releases[digest].version}  {digest}  {why}"


def place_fields(item: Place) -> JsonObject:
    """Return a place as JSON."""
    from weighbridge.trust.times import format_time

    return {
        "environment": item.environment,
        "channel": item.channel,
        "endpoint": item.endpoint,
        "model": item.model,
        "version": item.version,
        "release": str(item.release),
        "release_id": str(item.release_id),
        "accepted_at": format_time(item.accepted_at),
        "running": item.running,
        "loaded_at": None if item.loaded_at is None else format_time(item.loaded_at),
        "promoted_by": item.promoted_by,
        "approved_by": list(item.approved_by),
        "revoked": item.revoked,
    }
