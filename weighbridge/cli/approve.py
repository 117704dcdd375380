"""`weighbridge approve` and `weighbridge break-glass`: what people state of a release before it is promoted into a channel."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from weighbridge.cli import options
from weighbridge.cli.output import print_result
from weighbridge.cli.setup import Setup, name_and_version, source_of
from weighbridge.errors import InputError, SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from weighbridge.names import Digest
    from weighbridge.trust import Waiver

Channel = Annotated[
    str | None,
    typer.Option("--channel", metavar="CHANNEL", help="The channel it is for: that of an environment in the folder."),
]
Why = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for the signed record.")]
MOST_HOURS = 72


def approve(
    model: options.NameVersion,
    reason: Why,
    channel: Channel = None,
    env: options.Environment = None,
    settings: options.SettingsFile = None,
    environments: options.Environments = options.DEFAULT_ENVIRONMENTS,
    days: Annotated[
        int | None,
        typer.Option("--days", min=1, max=365, help="How long it holds. Default: trust.policy.approvals.days."),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Approve a release for a channel, as who your AWS credentials say you are.

    The release is verified where it would be promoted from, and approved under its digest. The environment's function asks STS
    who you are and signs that; no key is needed here, but the right lambda:InvokeFunction on it, and ssm:GetParameter to find
    it. Example:

    weighbridge approve minilm:1.0.0 --channel prod --reason "evaluation 17 looks right"
    """
    from weighbridge.approvals import ApprovalOrder, find_function, prove_identity, request_approval

    setup = open_target(channel, option="--channel", env=env, settings=settings, folder=environments)
    name, version = name_and_version(model)
    terms = setup.trust.policy.approvals
    now = datetime.now(UTC).replace(microsecond=0)
    order = ApprovalOrder(
        channel=setup.settings.channel.name,
        name=name,
        version=version,
        release=_release(setup, name=name, version=version, folder=_folder(settings, environments)),
        reason=reason,
        approved_at=now,
        expires=now + timedelta(days=days or (7 if terms is None else terms.days)),
    )
    aws = setup.aws()
    function = find_function(client=aws.ssm(), environment=setup.settings.environment)
    proof = prove_identity(aws.frozen_credentials(), region=setup.settings.region, order=order.digest)
    answer = request_approval(client=aws.functions(), function=function, order=order, proof=proof)
    print_result(
        {
            "name": name,
            "version": version,
            "channel": order.channel,
            "release": str(order.release),
            "approver": answer["approver"],
            "expires": answer["expires"],
            "event": answer["event"],
            "statement": answer["statement"],
        },
        as_json=as_json,
    )


def break_glass(
    model: options.NameVersion,
    waive: Annotated[
        list[str],
        typer.Option("--waive", metavar="GATE", help="approvals, licences, separation or soak. May be repeated."),
    ],
    reason: Why,
    channel: Channel = None,
    env: options.Environment = None,
    settings: options.SettingsFile = None,
    environments: options.Environments = options.DEFAULT_ENVIRONMENTS,
    hours: Annotated[int, typer.Option("--hours", min=1, max=MOST_HOURS, help="How long a promotion may use it.")] = 4,
    key: options.Keys = None,
    as_json: options.AsJson = False,
) -> None:
    """Waive gates for one release and one channel, in an emergency. It takes two people, each with this command.

    Runs as a holder of one of trust.keys.breakglass, whose registry token may write `*/releases/*/statements/breakglass.*` of
    the channel's records. Signatures, revocations, digests, formats and inspections cannot be waived. Example:

    weighbridge break-glass minilm:1.0.1 --channel prod --waive soak --reason "incident 42" --key awskms:alias/ann
    """
    from weighbridge.trust import BREAK_GLASS_TYPE, Waiver, bundle, sign_statement
    from weighbridge.trust.approval import BREAK_GLASS_ROLE

    setup = open_target(channel, option="--channel", env=env, settings=settings, folder=environments)
    if not setup.keys.breakglass:
        raise SettingsError(f"{setup.file}: trust.keys.breakglass: is missing: nobody may break the glass here")
    uris = tuple(key or ())
    if len(uris) != 1:
        raise InputError("--key: give the one key that is yours: another person gives the other", rule="input.usage")
    name, version = name_and_version(model)
    release = _release(setup, name=name, version=version, folder=_folder(settings, environments))
    now = datetime.now(UTC).replace(microsecond=0)
    waiver = Waiver(
        channel=setup.settings.channel.name,
        waives=tuple(sorted(set(waive))),
        reason=reason,
        opened_at=now,
        expires=now + timedelta(hours=hours),
    )
    signer = setup.signer(uris[0])
    _tell(setup, waiver=waiver, name=name, version=version, release=release, key_id=signer.public_key.keyid)
    envelope = sign_statement(
        name=name,
        version=version,
        release=release,
        predicate_type=BREAK_GLASS_TYPE,
        predicate=waiver.predicate(),
        signers=[signer],
    )
    write_statement(setup, name=name, release=release, role=BREAK_GLASS_ROLE, data=bundle([envelope]))
    print_result(
        {
            "name": name,
            "version": version,
            "channel": waiver.channel,
            "release": str(release),
            "waives": list(waiver.waives),
            "expires": waiver.predicate()["expires"],
        },
        as_json=as_json,
    )


def open_target(channel: str | None, *, option: str, env: str | None, settings: Path | None, folder: Path) -> Setup:
    """Return the environment that `--env` or `--settings` names, else the one whose channel is `channel`.

    Raises:
        InputError: naming `option`, when none or several have it.
    """
    if env is not None or settings is not None:
        setup = Setup.open(env=env, file=settings, folder=folder)
        if channel is not None and channel != setup.settings.channel.name:
            raise InputError(
                f"{option}: {channel!r} is not the channel {setup.settings.channel.name!r} of {setup.file}"
            )
        return setup
    if channel is None:
        raise InputError(f"{option}: missing: name the channel", rule="input.usage")
    from weighbridge.settings import load_environments

    found = [item for item in load_environments(folder) if item.channel.name == channel]
    if not found:
        raise InputError(f"{option}: no environment in {folder} has the channel {channel!r}")
    if len(found) > 1:
        names = ", ".join(item.environment for item in found)
        raise InputError(f"{option}: environments {names} have the channel {channel!r}: name one with --env")
    return Setup(settings=found[0], file=folder / f"{found[0].environment}.yaml")


def write_statement(setup: Setup, *, name: str, release: Digest, role: str, data: bytes) -> None:
    """Write a role's bundle about a release where promoting looks for it."""
    from weighbridge.names import Digest

    path = setup.layout.later_statement_path(name=name, release=release, role=role, bundle=Digest.of(data))
    setup.client().deploy_bytes(repository=setup.layout.records_repository, path=path, data=data)


def _folder(settings: Path | None, environments: Path) -> Path:
    return settings.parent if settings is not None else environments


def _release(setup: Setup, *, name: str, version: str, folder: Path) -> Digest:
    """Return the digest of the release as it would be promoted: promoted in the channel before, or registered in the first."""
    from weighbridge.promotion.candidate import promoted_candidate, registered_candidate

    source = source_of(setup, folder=folder) or setup
    client = source.client()
    state = source.reader(client=client).refresh(name)
    find = registered_candidate if source is setup else promoted_candidate
    return find(client=client, layout=source.layout, state=state, version=version).release.digest


def _tell(setup: Setup, *, waiver: Waiver, name: str, version: str, release: Digest, key_id: str) -> None:
    from weighbridge.cli.events import tell_first
    from weighbridge.cli.setup import who
    from weighbridge.ledger.events import Event

    opened = f"{key_id[:16]}:{int(waiver.opened_at.timestamp())}"
    tell_first(
        setup,
        event=Event(
            id=f"break-glass:{waiver.channel}/{name}:{release.hex[:16]}:{opened}",
            kind="break-glass",
            at=waiver.opened_at,
            actor=who(),
            environment=setup.settings.environment,
            channel=waiver.channel,
            model=name,
            version=version,
            release=release,
            details={"reason": waiver.reason, "waives": ", ".join(waiver.waives), "key": key_id},
        ),
    )
