"""`weighbridge register`: the registrar reads an upload back, binds it into a release and signs that."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from weighbridge.cli import options
from weighbridge.cli.lockfiles import read_lock
from weighbridge.cli.output import print_result, print_warnings, progress_bar
from weighbridge.cli.setup import Setup, name_and_version, who
from weighbridge.errors import InputError, SettingsError

if TYPE_CHECKING:
    from weighbridge.registration import JobEvidence
    from weighbridge.registry import ArtifactoryClient
    from weighbridge.release import BaseModel, Runtime


def register(
    model: options.NameVersion,
    env: options.Environment = None,
    settings: options.SettingsFile = None,
    environments: options.Environments = options.DEFAULT_ENVIRONMENTS,
    image: Annotated[
        str | None,
        typer.Option(
            "--image", metavar="IMAGE", help="Serving image, HOST/PATH@sha256:... . Default: training.runtime_image."
        ),
    ] = None,
    lock: Annotated[
        str | None,
        typer.Option(
            "--lock", metavar="FILE", help="The image's lock file, or its sha256:... . Default: training.runtime_lock."
        ),
    ] = None,
    training_job: Annotated[
        str | None,
        typer.Option(
            "--training-job", metavar="NAME", help="Take the lineage from this SageMaker training job (name or ARN)."
        ),
    ] = None,
    builder: Annotated[
        str | None, typer.Option("--builder", metavar="URI", help="Who registers, for the signed provenance.")
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Register an uploaded model as a release in the first channel.

    Runs as the registrar: its token may read `incoming` and write the first channel, its key signs the provenance. Every
    byte is read back; what only the upload claims is marked as claimed. A lock file that is given is kept, and the bill of
    materials lists the dependencies that it names. Safe to repeat. Example:

    weighbridge register minilm:1.0.0 --env dev --image HOST/serve@sha256:... --lock requirements.txt
    """
    name, version = name_and_version(model)
    setup = Setup.open(env=env, file=settings, folder=environments)
    if setup.settings.channel.promote_from is not None or setup.settings.registry.incoming_repository is None:
        raise InputError(
            f"{setup.file}: registry.incoming_repository: is missing: releases are registered in the first environment "
            "and promoted from there"
        )
    from weighbridge import registration
    from weighbridge.cli.events import tell
    from weighbridge.ledger.events import tell as told

    runtime = _runtime(setup, image=image, lock=lock)
    evidence = None if training_job is None else _evidence(setup, training_job)
    with progress_bar("reading back") as advance:
        client = setup.client()
        done = registration.register(
            client=client,
            name=name,
            version=version,
            incoming=setup.settings.registry.incoming_repository,
            layout=setup.layout,
            runtime=runtime,
            signer=setup.signer(setup.keys.registrar),
            builder=builder or f"urn:weighbridge:registrar:{who()}",
            evidence=evidence,
            lock=None if lock is None else read_lock(lock)[1],
            allowed=_allowed(setup, client, name=name),
            progress=advance,
        )
    release = done.release
    tell(
        setup,
        event=told.registered(
            release=release,
            channel=setup.settings.channel.name,
            environment=setup.settings.environment,
            actor=builder or f"urn:weighbridge:registrar:{who()}",
            at=datetime.now(UTC),
        ),
    )
    print_warnings(done.warnings)
    print_result(
        {
            "name": name,
            "version": version,
            "channel": setup.settings.channel.name,
            "release": str(done.digest),
            "reference": str(done.reference),
            "statements": str(done.statements),
            "files": len(release.components),
            "weights_bytes": release.load_bytes,
            "claimed": list(release.lineage.claimed),
        },
        as_json=as_json,
    )


def _allowed(
    setup: Setup, client: ArtifactoryClient, *, name: str
) -> Callable[[BaseModel | None], bytes | None] | None:
    repository = setup.settings.registry.bases_repository
    if repository is None:
        return None
    from weighbridge import bases

    policy = setup.reader(client=client).refresh(name).policy
    keys = [policy.keys[key_id] for key_id in policy.roles.get("inspector", ())]
    found = bases.BaseRepository(client=client, repository=repository)
    return lambda base: bases.admitted_card(bases=found, base=base, keys=keys)


def _evidence(setup: Setup, job: str) -> JobEvidence:
    from weighbridge.registration.described_job import DescribedJob

    found = DescribedJob.read(client=setup.aws().sagemaker(), name=job.rpartition("/")[2])
    if job.startswith("arn:") and job != found.arn:
        raise InputError(f"--training-job: {job} is not {found.arn}, the job of that name in this account and region")
    if found.status != "Completed":
        raise InputError(f"--training-job: {found.arn} is {found.status}: register what a completed job uploaded")
    return found.evidence()


def _runtime(setup: Setup, *, image: str | None, lock: str | None) -> Runtime:
    from weighbridge.release import Runtime

    training = setup.settings.training
    found_image = image or (training.runtime_image if training is not None else None)
    if found_image is None:
        raise SettingsError(f"{setup.file}: training.runtime_image: is missing: add it, or give --image")
    if lock is not None:
        return Runtime(image=found_image, lock=read_lock(lock)[0])
    if training is None:
        raise SettingsError(f"{setup.file}: training.runtime_lock: is missing: add it, or give --lock")
    return Runtime(image=found_image, lock=training.runtime_lock)
