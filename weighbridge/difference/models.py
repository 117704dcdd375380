"""The models of an environment: what runs, what the next deployment would bring, what waits behind that."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from weighbridge.difference.compare import Change, compare
from weighbridge.difference.places import Places
from weighbridge.difference.side import Side, read_side
from weighbridge.errors import NothingPromotedError, WeighbridgeError
from weighbridge.layout import ChannelLayout
from weighbridge.trust import ChannelState
from weighbridge.trust.stores import RegistryReader

ReadState = Callable[[str], ChannelState]


@dataclass(frozen=True, slots=True)
class ModelDifference:
    """One model. `notes` are lines for people: whatever else a reviewer should know before the deployment."""

    model: str
    before: Side | None
    after: Side | None
    changes: tuple[Change, ...]
    notes: tuple[str, ...] = ()

    @property
    def is_changed(self) -> bool:
        """Whether the deployment would give the endpoint another release id."""
        return self.after is not None and (self.before is None or self.before.release_id != self.after.release_id)

    @property
    def is_refused(self) -> bool:
        """Whether the deployment would be refused."""
        return self.is_changed and self.after is not None and self.after.refusal is not None


@dataclass(frozen=True, slots=True)
class DifferenceReport:
    """All models of an environment. `failures` are what could not be looked at, one line each."""

    environment: str
    models: tuple[ModelDifference, ...]
    failures: tuple[str, ...] = ()

    @property
    def changed(self) -> tuple[ModelDifference, ...]:
        """The models that would change."""
        return tuple(item for item in self.models if item.is_changed)


def differences(
    *,
    environment: str,
    models: Sequence[str],
    client: RegistryReader,
    layout: ChannelLayout,
    state: ReadState,
    places: Places,
) -> DifferenceReport:
    """Return what would change in an environment. What cannot be looked at is a failure beside the rest.

    Args:
        environment: its name.
        models: names of its models.
        client: the registry, as a reader of the channel.
        layout: the channel that the environment follows.
        state: reads the channel, verified.
        places: where the ids come from.
    """
    found: list[ModelDifference] = []
    failures: list[str] = []
    for model in models:
        try:
            found.append(_model(model, client=client, layout=layout, state=state(model), places=places))
        except WeighbridgeError as error:
            failures.append(f"{model}: {error}")
    return DifferenceReport(environment=environment, models=tuple(found), failures=tuple(failures))


def _model(
    model: str, *, client: RegistryReader, layout: ChannelLayout, state: ChannelState, places: Places
) -> ModelDifference:
    ids = (places.before(model, state), places.after(model, state))
    before, after = (
        None if each is None else read_side(client=client, layout=layout, state=state, name=model, release_id=each)
        for each in ids
    )
    if before is not None and after is not None and before.release_id == after.release_id:
        after = before
    return ModelDifference(
        model=model,
        before=before,
        after=after,
        changes=() if after is None else compare(before, after),
        notes=tuple(_notes(model, before, after, state)),
    )


def _notes(model: str, before: Side | None, after: Side | None, state: ChannelState) -> Iterator[str]:
    if before is not None and before.refusal is not None:
        yield f"what runs would be refused now: {before.refusal}"
    if after is None:
        yield "no deployment can be made: promote a release with `weighbridge promote`"
        return
    if after.refusal is not None and after is not before:
        yield f"the deployment would be refused: {after.refusal}"
    if before is not None and after.release_id.sequence < before.release_id.sequence:
        yield f"the deployment would go back from promotion {before.release_id.sequence} to {after.release_id.sequence}"
    if before is not None and before is not after and before.release is not None and before.release == after.release:
        yield "the same release under another promotion: containers start anew, nothing that they serve changes"
    try:
        head = state.head(model)
    except NothingPromotedError:
        return
    if head.sequence > after.release_id.sequence:
        yield f"promotion {head.sequence} ({head.version}) is the channel's head, and the deployment would not bring it"
