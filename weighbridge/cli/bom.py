"""`weighbridge bom`: show a release's bill of materials, score it, compare two."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from weighbridge.canonical import Json, JsonObject
from weighbridge.cli import options
from weighbridge.cli.output import print_result
from weighbridge.cli.setup import Setup, split_version
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from weighbridge.bom import Score
    from weighbridge.bom.checklist import Field
    from weighbridge.bom.compare import Change
    from weighbridge.cli.billed import KnownRelease

app = typer.Typer(help="Look at bills of materials.", no_args_is_help=True)

Subject = Annotated[
    str, typer.Argument(metavar="NAME[:VERSION]|FILE", help="A release, or a file of a bill: a path with / or .json.")
]


@app.callback()
def root() -> None:
    """Look at bills of materials."""


@app.command()
def show(
    model: options.NameMaybeVersion,
    env: options.Environment = None,
    settings: options.SettingsFile = None,
    environments: options.Environments = options.DEFAULT_ENVIRONMENTS,
    as_json: options.AsJson = False,
) -> None:
    """Show the bill of materials of a release that is promoted in an environment, or registered in the first.

    The bill is the one that the verified release names, byte for byte; with --json it is printed as it stands. Example:

    weighbridge bom show minilm:1.0.0 --env prod
    """
    found = _known(model, env=env, settings=settings, environments=environments)
    if as_json:
        print(found.bom.decode("utf-8"))  # noqa: T201
        return
    from weighbridge.bom import parse_bom
    from weighbridge.bom.facts import bom_facts, licences

    document = parse_bom(found.bom, release=found.evidence.release)
    lines: dict[str, object] = {"bill of materials": f"{document.get('serialNumber')}, as {found.place} holds it"}
    lines |= {part: _short(value) for part, value in bom_facts(document).items()}
    lines |= {f"licence of {part}": names for part, names in licences(document).items()}
    lines["not known"] = _unknown(document)
    print_result({}, as_json=False, lines=lines)


@app.command()
def score(
    subject: Subject,
    env: options.Environment = None,
    settings: options.SettingsFile = None,
    environments: options.Environments = options.DEFAULT_ENVIRONMENTS,
    deployed: Annotated[
        bool,
        typer.Option("--deployed", help="Compare with the release that the environment's parameter points to, too."),
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """Score a bill of materials by three numbers: presence, verified and consistency, and name what is missing.

    A release's bill is held against release, lock file, model card, config and signed statements; a file's is held against
    nothing, so that nothing of it is verified. Exit status 0 when every critical field is verified and everything tells the same;
    1 when not. Examples:

    weighbridge bom score minilm:1.0.0 --env dev

    weighbridge bom score ./bom.cdx.json
    """
    from weighbridge.bom import score_document, score_release

    file = _file(subject)
    if file is not None:
        if deployed:
            raise InputError("--deployed: a file is deployed nowhere: leave it out", rule="input.usage")
        found, what = score_document(_read(file)), str(file)
    else:
        known = _known(subject, env=env, settings=settings, environments=environments, deployed=deployed)
        found = score_release(bom=known.bom, evidence=known.evidence, texts=known.texts)
        what = f"{known.evidence.release.name}:{known.evidence.release.version} in {known.place}"
    print_result(_score_json(what, found), as_json=as_json, lines=_score_lines(what, found))
    if not found.passed:
        raise typer.Exit(1)


@app.command()
def diff(
    before: Annotated[str, typer.Argument(metavar="A", help="A release NAME[:VERSION], or a file of a bill.")],
    after: Annotated[str, typer.Argument(metavar="B", help="Another one.")],
    env: options.Environment = None,
    settings: options.SettingsFile = None,
    environments: options.Environments = options.DEFAULT_ENVIRONMENTS,
    as_json: options.AsJson = False,
) -> None:
    """Show what differs between two bills of materials: files, dependencies, datasets, licences, metrics and the rest.

    Exit status 0 when nothing differs, 1 when something does. Example:

    weighbridge bom diff minilm:1.0.0 minilm:2.0.0 --env dev
    """
    from weighbridge.bom import compare_boms, parse_bom

    def bill(subject: str) -> JsonObject:
        file = _file(subject)
        if file is not None:
            return _read(file)
        known = _known(subject, env=env, settings=settings, environments=environments)
        return parse_bom(known.bom, release=known.evidence.release)

    changes = compare_boms(bill(before), bill(after))
    told: list[Json] = [
        {"kind": item.kind, "part": item.part, "before": item.before, "after": item.after} for item in changes
    ]
    result: JsonObject = {"before": before, "after": after, "changes": told}
    lines: dict[str, object] = {f"{item.kind}: {item.part}": _change(item) for item in changes}
    print_result(result, as_json=as_json, lines=lines or {"changes": "none"})
    if changes:
        raise typer.Exit(1)


def _known(
    model: str, *, env: str | None, settings: Path | None, environments: Path, deployed: bool = False
) -> KnownRelease:
    from weighbridge.cli.billed import read_known

    name, version = split_version(model)
    setup = Setup.open(env=env, file=settings, folder=environments)
    client = setup.client()
    state = setup.reader(client=client).refresh(name)
    release_id = None
    if deployed:
        from weighbridge.promotion import parameter_name, read_parameter

        parameter = parameter_name(environment=setup.settings.environment, model=name)
        release_id = read_parameter(client=setup.aws().ssm(), name=parameter)
    return read_known(client=client, layout=setup.layout, state=state, version=version, deployed=release_id)


def _file(subject: str) -> Path | None:
    return Path(subject) if "/" in subject or subject.endswith(".json") else None


def _read(file: Path) -> JsonObject:
    try:
        # Bills that others wrote may hold decimals, which ours never do.
        found = json.loads(file.read_bytes(), parse_float=str)
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror or error}", rule="input.path") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file}: is not JSON: {error}", rule="input.bom") from error
    if not isinstance(found, dict) or found.get("bomFormat") != "CycloneDX":
        raise InputError(f"{file}: is no CycloneDX document", rule="input.bom")
    return found


def _unknown(document: JsonObject) -> list[str]:
    from weighbridge.bom.checklist import select

    found = select(document, "metadata.properties[name=weighbridge:unknown].value")
    return [item for item in found if isinstance(item, str)]


def _score_json(what: str, found: Score) -> JsonObject:
    told = found.consistency
    disagreements: list[Json] = [
        {"part": item.part, "where": item.where, "bill": item.bill, "other": item.other}
        for item in (() if told is None else told.disagreements)
    ]
    return {
        "subject": what,
        "presence": found.presence,
        "verified": found.verified,
        "consistency": None if told is None else told.percent,
        "passed": found.passed,
        "missing": [_field(item) for item in found.missing],
        "unverified": [_field(item) for item in found.unverified],
        "disagreements": disagreements,
    }


def _field(item: Field) -> JsonObject:
    return {
        "id": item.id,
        "title": item.title,
        "weight": item.weight,
        "critical": item.critical,
        "sources": list(item.sources),
    }


def _score_lines(what: str, found: Score) -> dict[str, object]:
    told = found.consistency
    return {
        "bill of materials": what,
        "presence": f"{found.presence} %",
        "verified": f"{found.verified} %",
        "consistency": "nothing to compare with" if told is None else f"{told.percent} %",
        "disagree": [] if told is None else [str(item) for item in told.disagreements],
        "critical and not verified": [f"{item.title} ({item.id})" for item in found.critical],
        "missing": [f"{item.title} ({', '.join(item.sources)})" for item in found.missing],
        "not verified": [f"{item.title} ({', '.join(item.sources)})" for item in found.unverified],
    }


def _change(item: Change) -> str:
    if item.before is None:
        return f"new: {_short(item.after or '')}"
    if item.after is None:
        return f"gone: {_short(item.before)}"
    before, after = _short(item.before), _short(item.after)
    return f"{before} -> {after}" if before != after else f"{before}, other archives"


def _short(value: str) -> str:
    first, *rest = value.split(" sha256:")
    return first if not rest else f"{first} and {len(rest)} more"
