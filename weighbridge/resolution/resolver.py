"""Resolve a release id: from memory before every gate, else through every gate, then into memory.

Order of an id that is new here, and why a run that is killed anywhere may simply be repeated:

1. it is marked as tried (so that a rollout that is taken back is told from an id that was never asked for);
2. the last trusted metadata is loaded, the channel refreshed, and what was seen is kept: from here on a registry that
   goes back is noticed, even when the release is refused below;
3. the chain is verified, and the release compared with the instance;
4. it is accepted by one conditional write: of several runs at once the first stands, and all answer with it.

Requests to the registry: six for the channel (seven without kept metadata), one for the release: at most eight.
"""

from __future__ import annotations

from dataclasses import dataclass

from weighbridge.errors import WeighbridgeError
from weighbridge.layout import ChannelLayout
from weighbridge.logs import Clock, system_clock
from weighbridge.names import Digest, ReleaseReference
from weighbridge.registry import ArtifactoryClient
from weighbridge.resolution.acceptance import Acceptance, AcceptanceStore, History, Mark, MarkKind, Scope
from weighbridge.resolution.alarms import AlarmKind, Alarms
from weighbridge.resolution.fit import fit, fit_anyhow
from weighbridge.resolution.kept_metadata import TrustedMetadataStore
from weighbridge.resolution.remembered import refresh_remembered
from weighbridge.resolution.resolution import Resolution, ResolutionRequest
from weighbridge.trust import ChannelState
from weighbridge.verification import VerifiedRelease, verify_release


@dataclass(frozen=True, slots=True)
class Memory:
    """What an environment keeps between resolutions."""

    acceptances: AcceptanceStore
    metadata: TrustedMetadataStore


class Resolver:
    """Resolves ids of one channel.

    Args:
        client: the registry, as an identity that may read the channel's records.
        layout: the channel and its repositories.
        root: pinned digest of the channel's root.
        memory: acceptances and trusted metadata of this environment.
        alarms: where is told what an answer from memory does not refuse.
        clock: the time against which expiry is checked.
    """

    def __init__(
        self,
        *,
        client: ArtifactoryClient,
        layout: ChannelLayout,
        root: Digest,
        memory: Memory,
        alarms: Alarms,
        clock: Clock = system_clock,
    ) -> None:
        self._client = client
        self._layout = layout
        self._root = root
        self._memory = memory
        self._alarms = alarms
        self._clock = clock

    def resolve(self, request: ResolutionRequest) -> Resolution:
        """Return the release that `request` names.

        Raises:
            RefusedError: it must not be deployed; never for an id that was accepted before.
            RegistryError: the registry refused or could not answer; never for an id that was accepted before.
            CloudError: the memory could not be read or written.
            InputError: the instance type is not one of SageMaker's.
            ConflictError: others kept changing the kept metadata.
        """
        scope = Scope(channel=self._layout.channel, model=request.model)
        accepted = self._memory.acceptances.find(scope, request.release_id)
        if accepted is not None:
            self._ring_for(accepted)
            return self._answer(accepted, request, remembered=True)
        return self._resolve_new(scope, request)

    def _resolve_new(self, scope: Scope, request: ResolutionRequest) -> Resolution:
        store = self._memory.acceptances
        store.mark(scope, Mark(request.release_id, "tried", "asked for", self._clock()))
        history = store.history(scope)
        state = self._refresh(scope, history)
        self._mark_revoked(scope, history, state)
        verified = verify_release(
            client=self._client,
            layout=self._layout,
            state=state,
            name=request.model,
            release_id=request.release_id,
        )
        if request.instance_type is not None:
            fit(
                load_bytes=verified.release.load_bytes, instance_type=request.instance_type, cuda=request.cuda
            ).require()
        accepted = store.accept(self._acceptance(scope, verified))
        if verified.waived:
            waived = f"two people waived {', '.join(sorted(verified.waived))} for this promotion: docs/runbooks.md"
            self._alarms.ring("glass-broken", scope=scope, release_id=verified.release_id, message=waived)
        self._ring_for(accepted)
        return self._answer(accepted, request, remembered=False)

    def _refresh(self, scope: Scope, history: History) -> ChannelState:
        return refresh_remembered(
            client=self._client,
            layout=self._layout,
            root=self._root,
            metadata=self._memory.metadata,
            model=scope.model,
            floor=history.floor(self._root),
            now=self._clock(),
        )

    def _mark_revoked(self, scope: Scope, history: History, state: ChannelState) -> None:
        for item in history.acceptances:
            revocation = state.revocations.get(item.release)
            if revocation is not None and not history.has(item.release_id, "revoked"):
                mark = Mark(item.release_id, "revoked", revocation.reason, revocation.revoked_at)
                self._memory.acceptances.mark(scope, mark)

    def _acceptance(self, scope: Scope, verified: VerifiedRelease) -> Acceptance:
        release = verified.release
        return Acceptance(
            scope=scope,
            release_id=verified.release_id,
            version=release.version,
            release=verified.digest,
            image=release.runtime.image,
            load_bytes=release.load_bytes,
            promoted_at=verified.promotion.promoted_at,
            floor=verified.floor,
            root=self._root,
            accepted_at=self._clock(),
        )

    def _ring_for(self, accepted: Acceptance) -> None:
        """Ring for what is known against an accepted id; never in the way of the answer."""
        scope, release_id = accepted.scope, accepted.release_id
        try:
            history = self._memory.acceptances.history(scope)
        except WeighbridgeError as error:
            self._alarms.ring("memory-unavailable", scope=scope, release_id=release_id, message=str(error))
            return
        highest = history.highest()
        if release_id.sequence < highest:
            self._alarms.ring(
                "backwards",
                scope=scope,
                release_id=release_id,
                message=f"number {release_id.sequence} is deployed, {highest} was accepted before",
            )
        known: tuple[tuple[MarkKind, AlarmKind], ...] = (("failed", "failed-before"), ("revoked", "revoked"))
        for kind, alarm in known:
            mark = history.marks.get((release_id, kind))
            if mark is not None:
                self._alarms.ring(alarm, scope=scope, release_id=release_id, message=mark.reason)

    def _answer(self, accepted: Acceptance, request: ResolutionRequest, *, remembered: bool) -> Resolution:
        found = None
        if request.instance_type is not None:
            found = fit_anyhow(load_bytes=accepted.load_bytes, instance_type=request.instance_type, cuda=request.cuda)
            if found.problem:
                self._alarms.ring(
                    "does-not-fit", scope=accepted.scope, release_id=accepted.release_id, message=found.problem
                )
        reference = ReleaseReference(
            host=self._client.host,
            repository=self._layout.models_repository,
            name=request.model,
            version=accepted.version,
            digest=accepted.release,
        )
        return Resolution(acceptance=accepted, reference=reference, fit=found, remembered=remembered)
