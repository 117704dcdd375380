"""`weighbridge lineage`, `impact`, `where`: what came from what, what it touched, and what runs where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from weighbridge.canonical import Json
from weighbridge.cli import options
from weighbridge.cli.answers import (
    impact_lines,
    place_fields,
    place_line,
    release_fields,
    release_lines,
    touched_fields,
)
from weighbridge.cli.estate import Estate, look
from weighbridge.cli.output import print_result, print_warnings
from weighbridge.cli.setup import name_and_version, split_version
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from weighbridge.lineage import Impact, LineageGraph, Suspect
    from weighbridge.names import Digest

WHOLE, INCOMPLETE = 0, 2

DatasetOption = Annotated[
    str | None,
    typer.Option("--dataset", metavar="DIGEST", help="A dataset: its SHA-256, or the name it was logged with."),
]
BaseModelOption = Annotated[
    str | None, typer.Option("--base-model", metavar="MODEL", help="A hub model: ORG/NAME, or ORG/NAME@REVISION.")
]


def lineage(
    model: options.NameVersion,
    environments: options.Environments = options.DEFAULT_ENVIRONMENTS,
    as_json: options.AsJson = False,
) -> None:
    """Show where a release came from and what was made from it, over every channel of the folder's environments.

    Runs as a reader of all channels and ledgers. Exit status: 0 whole, 2 something could not be looked at. Example:

    weighbridge lineage minilm:1.0.0
    """
    name, version = name_and_version(model)
    graph, places, failures = look(Estate.open(folder=environments))
    digests = graph.named(name=name, version=version)
    if not digests:
        raise InputError(f"{name}:{version}: no channel and no ledger names it{_may_be(failures)}")
    found: list[Json] = [release_fields(graph, places, digest) for digest in digests]
    print_result(
        {"releases": found, "failures": list(failures)}, as_json=as_json, lines=release_lines(graph, places, digests)
    )
    _end(failures)


def impact(
    dataset: DatasetOption = None,
    base_model: BaseModelOption = None,
    release: Annotated[
        str | None, typer.Option("--release", metavar="RELEASE", help="sha256:... of a release, or NAME:VERSION.")
    ] = None,
    environments: options.Environments = options.DEFAULT_ENVIRONMENTS,
    as_json: options.AsJson = False,
) -> None:
    """Show what a dataset, a base model or a release touched: releases, channels, environments and endpoints.

    Transitive: a release that was made from a touched one is touched (docs/answers.md says when one was). Runs as a reader of
    all channels and ledgers. Exit status: 0 whole, 2 something could not be looked at, and there may be more. Examples:

    weighbridge impact --dataset sha256:...

    weighbridge impact --base-model org/name
    """
    graph, places, failures = look(Estate.open(folder=environments))
    found = find_impact(graph, dataset=dataset, base_model=base_model, release=release)
    print_result(
        {"suspect": str(found.suspect), "touched": touched_fields(found, graph, places), "failures": list(failures)},
        as_json=as_json,
        lines=impact_lines(found, graph, places),
    )
    _end(failures)


def where(
    model: options.NameMaybeVersion,
    environments: options.Environments = options.DEFAULT_ENVIRONMENTS,
    as_json: options.AsJson = False,
) -> None:
    """Show in which environments and endpoints a model was accepted, what runs there now, and who promoted and approved it.

    Read from the ledgers; `weighbridge reconcile` compares with what SageMaker says. Exit status: 0 whole, 2 a ledger could not
    be read. Example:

    weighbridge where minilm
    """
    from weighbridge.lineage import places_of

    name, version = split_version(model)
    failures: list[str] = []
    found = places_of(Estate.open(folder=environments).entries(failures)).of_model(name, version)
    places: list[Json] = [place_fields(item) for item in found]
    print_result(
        {"model": name, "places": places, "failures": list(failures)},
        as_json=as_json,
        lines={"model": name, "places": [place_line(item) for item in found]},
    )
    _end(tuple(failures))


def find_impact(graph: LineageGraph, *, dataset: str | None, base_model: str | None, release: str | None) -> Impact:
    """Return what the one suspect that is given touched.

    Raises:
        InputError: when none or several are given, or the release is not known.
    """
    from weighbridge.lineage import Suspect
    from weighbridge.lineage import impact as impact_of

    digest = None if release is None else release_digest(graph, release)
    suspect: Suspect = Suspect(dataset=dataset, base_model=base_model, release=digest)
    return impact_of(graph, suspect)


def release_digest(graph: LineageGraph, value: str) -> Digest:
    """Return the digest of `sha256:...` or NAME:VERSION.

    Raises:
        InputError: when NAME:VERSION is no release, or more than one.
    """
    from weighbridge.names import Digest

    if value.startswith("sha256:"):
        return Digest.parse(value, field="release")
    name, version = name_and_version(value)
    found = graph.named(name=name, version=version)
    if len(found) != 1:
        raise InputError(f"release: {value} is {len(found)} releases{_may_be(graph.failures)}: give its sha256:...")
    return found[0]


def _may_be(failures: tuple[str, ...]) -> str:
    return f" (and {len(failures)} things could not be looked at: {failures[0]})" if failures else ""


def _end(failures: tuple[str, ...]) -> None:
    print_warnings(tuple(f"could not look at {line}" for line in failures))
    raise typer.Exit(INCOMPLETE if failures else WHOLE)
