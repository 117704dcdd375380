"""`weighbridge resolve`: verify what is promoted and print what a deployment would get."""

from __future__ import annotations

from typing import Annotated

import typer

from weighbridge.cli import options
from weighbridge.cli.output import print_result
from weighbridge.cli.setup import Setup, split_version
from weighbridge.cli.verified import verified_release
from weighbridge.errors import InputError


def resolve(
    model: options.NameMaybeVersion,
    env: options.Environment = None,
    settings: options.SettingsFile = None,
    environments: options.Environments = options.DEFAULT_ENVIRONMENTS,
    release_id: options.ReleaseIdOption = None,
    from_parameter: Annotated[
        bool, typer.Option("--from-parameter", help="Take the release id from the SSM parameter that deployments read.")
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """Verify the whole chain of what is promoted in an environment, and print its attributes.

    Runs as a reader. These are the attributes of the custom resource in the inference stack. Example:

    weighbridge resolve minilm --env prod
    """
    name, version = split_version(model)
    setup = Setup.open(env=env, file=settings, folder=environments)
    if from_parameter:
        if release_id is not None:
            raise InputError("--from-parameter: give it or --release-id, not both", rule="input.usage")
        from weighbridge.promotion import parameter_name, read_parameter

        parameter = parameter_name(environment=setup.settings.environment, model=name)
        release_id = str(read_parameter(client=setup.aws().ssm(), name=parameter))
    client = setup.client()
    found = verified_release(setup, client=client, name=name, version=version, release_id=release_id)
    from weighbridge.trust.times import format_time

    reference = found.release.reference(host=client.host, repository=setup.layout.models_repository)
    print_result(
        {
            "Version": found.release.version,
            "ReleaseDigest": str(found.digest),
            "ReleaseReference": str(reference),
            "ImageUri": found.release.runtime.image,
            "WeightsBytes": found.release.load_bytes,
            "PromotionSequence": found.promotion.sequence,
            "PromotedAt": format_time(found.promotion.promoted_at),
            "ReleaseId": str(found.release_id),
            "Channel": found.promotion.channel,
            "Floor": str(found.floor),
            "Requests": client.requests_made,
        },
        as_json=as_json,
    )
