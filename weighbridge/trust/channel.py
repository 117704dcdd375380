"""A channel's owners: publish promotions, models, policy and revocations, and keep them fresh.

Every publish writes in this order: target file, role metadata, snapshot (all write-once), timestamp last. Readers see
all of it or nothing. Every call is safe to repeat: after a crash it completes what was begun.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from securesystemslib.signer import Signer
from tuf.api.metadata import Metadata, Root, Targets
from tuf.api.serialization.json import JSONSerializer

from weighbridge.errors import ConflictError, InputError, TrustError
from weighbridge.ledger import SequenceLedger
from weighbridge.names import Digest, check_name
from weighbridge.trust.delegations import delegate, delegated_roles
from weighbridge.trust.distinct import check_duties, check_people
from weighbridge.trust.journal import Journal
from weighbridge.trust.moments import CLOCK_SKEW, latest_of
from weighbridge.trust.partial import Parts, SignedPromotion
from weighbridge.trust.policy import POLICY_PATH, Policy
from weighbridge.trust.promotion import Promotion, PromotionRequest, parse_promotion
from weighbridge.trust.publisher import Publisher
from weighbridge.trust.repository import View, read_or_none, read_roots, read_targets
from weighbridge.trust.roles import (
    RESERVED,
    REVOCATIONS,
    REVOCATIONS_PATTERN,
    Expiries,
    OnlineSigners,
    RoleKeys,
    check_model_name,
    promotions_pattern,
)
from weighbridge.trust.rotation import rotate_root
from weighbridge.trust.signing import cosign, sign, verify
from weighbridge.trust.stores import MetadataStore
from weighbridge.trust.targets import (
    make_target,
    read_policy,
    read_promotions,
    read_revocations,
    revocation_bytes,
    revocation_path,
    target_file_path,
)


@dataclass(frozen=True, slots=True)
class _Role:
    """A targets role as it stands: `data` only when it is newer than the published snapshot."""

    signed: Targets
    free_version: int
    data: bytes | None


class Channel:
    """One channel's TUF repository, for those who may write it.

    Args:
        store: where its metadata lies.
        channel: its name.
        root: pinned digest of the first trusted root: owners verify what they build upon, like readers.
        ledger: claims of promotion numbers (scope `CHANNEL/NAME`) and of metadata versions (scope `CHANNEL#ROLE`).
        online: the keys of snapshot and timestamp.

    Every method may raise TrustError (what lies in the store does not verify), ConflictError (somebody else published
    at the same time: repeat the call), RegistryError and CloudError.
    """

    def __init__(
        self,
        *,
        store: MetadataStore,
        channel: str,
        root: Digest,
        ledger: SequenceLedger,
        online: OnlineSigners,
        expiries: Expiries | None = None,
    ) -> None:
        self._store = store
        self._channel = check_name(channel, field="channel")
        self._root = root
        self._ledger = ledger
        self._online = online
        self._expiries = expiries or Expiries()
        self._journal = Journal(store=store, ledger=ledger, channel=channel)
        self._publisher = Publisher(store=store, journal=self._journal, online=online, expiries=self._expiries)

    def publish_promotion(
        self, *, request: PromotionRequest, signers: Sequence[Signer], now: datetime, supersede: bool = False
    ) -> Promotion:
        """Make a release the head of its model and return the signed record.

        A request that the head already fulfils changes nothing and returns the head.

        Args:
            signers: enough of the model's promoters for its threshold.
            supersede: leave out numbers that others claimed and never published, instead of refusing.

        Raises:
            InputError: when the model is not known here, or the signers are not enough of its promoters.
            ConflictError: when somebody else holds the next number.
        """
        check_model_name(request.name)
        view = self._open(now)
        owner = self._published_targets(view)
        self._check_channel(owner)
        role = self._open_role(view, request.name, delegator=owner)
        wanted, key_ids = owner.get_delegated_role(request.name).threshold, {item.public_key.keyid for item in signers}
        if len(key_ids) >= wanted:
            check_people(key_ids, name=request.name, threshold=wanted, policy=read_policy(owner))
        records = read_promotions(role.signed, channel=self._channel, name=request.name)
        head = records[max(records)] if records else None
        if head is not None and request.asks_for(head):
            self._publish(view, role, request.name, now=now)
            return head
        moment = self._moment(view, owner, records, now=now)
        promotion = self._claim(request, after=head, now=moment, supersede=supersede)
        changed = copy.deepcopy(role.signed)
        changed.targets[promotion.target_path] = make_target(path=promotion.target_path, data=promotion.to_bytes())
        self._publish_change(view, role, changed, request.name, delegator=owner, signers=signers, now=now)
        return promotion

    def sign_promotion(
        self, *, request: PromotionRequest, signers: Sequence[Signer], now: datetime, supersede: bool = False
    ) -> SignedPromotion:
        """Make a release the head of its model, or add one's signature where the model needs more people than one.

        What the first signed lies in the store until others complete it; they sign the same record, in which the first
        stands as who promoted. Arguments and errors: as `publish_promotion`.

        Raises:
            InputError: also rule `input.signed`, when one of the signers has signed already.
            TrustError: also rule `refused.one-person`, when a signer's person has, with another key.
        """
        check_model_name(request.name)
        view = self._open(now)
        owner = self._published_targets(view)
        self._check_channel(owner)
        role = self._open_role(view, request.name, delegator=owner)
        wanted = owner.get_delegated_role(request.name).threshold
        if wanted <= len({signer.public_key.keyid for signer in signers}):
            promotion = self.publish_promotion(request=request, signers=signers, now=now, supersede=supersede)
            return SignedPromotion(promotion=promotion, signed=wanted, wanted=wanted)
        records = read_promotions(role.signed, channel=self._channel, name=request.name)
        head = records[max(records)] if records else None
        if head is not None and replace(request, promoted_by=head.promoted_by).asks_for(head):
            self._publish(view, role, request.name, now=now)
            return SignedPromotion(promotion=head, signed=wanted, wanted=wanted)
        moment = self._moment(view, owner, records, now=now)
        promotion = self._claim(request, after=head, now=moment, supersede=supersede, whoever=True)
        changed = copy.deepcopy(role.signed)
        changed.targets[promotion.target_path] = make_target(path=promotion.target_path, data=promotion.to_bytes())
        changed.version, changed.expires = role.free_version, now + self._expiries.of(request.name)
        parts = Parts(store=self._store, promotion=promotion, version=changed.version)
        metadata = parts.collect(wanted=changed, delegator=owner) or Metadata(changed)
        gates = read_policy(owner).gates
        before = gates.people(tuple(metadata.signatures))
        cosign(metadata, role=request.name, signers=signers, delegator=owner)
        people = gates.people(tuple(metadata.signatures))
        if people == before:
            raise TrustError(
                f"{request.name}: {', '.join(sorted(before))} signed this already, with another key: another person "
                "completes it",
                rule="refused.one-person",
            )
        if len(people) < wanted:
            parts.add(metadata)
            return SignedPromotion(promotion=promotion, signed=len(people), wanted=wanted)
        verify(metadata, role=request.name, delegator=owner)
        data = metadata.to_bytes(JSONSerializer(compact=True))
        self._journal.commit(role=request.name, version=metadata.signed.version, data=data)
        done = _Role(signed=metadata.signed, free_version=metadata.signed.version + 1, data=data)
        self._publish(view, done, request.name, now=now)
        return SignedPromotion(promotion=promotion, signed=len(people), wanted=wanted)

    def add_model(self, *, name: str, promoters: RoleKeys, signers: Sequence[Signer], now: datetime) -> None:
        """Delegate `promotions/NAME/*` to a new role of the model's promoters; `signers` hold the targets keys.

        Raises:
            ConflictError: when the model is there with other keys or another threshold.
            TrustError: rule `refused.separation`, when every reader would refuse these promoters.
        """
        check_model_name(name)

        def edit(targets: Targets) -> bool:
            _check_duties(name, promoters, policy=read_policy(targets))
            return delegate(targets, role=name, keys=promoters, pattern=promotions_pattern(name))

        self._edit(Targets.type, edit, signers=signers, now=now)

    def set_promoters(self, *, name: str, promoters: RoleKeys, signers: Sequence[Signer], now: datetime) -> None:
        """Replace a model's promoters; `signers` hold the targets keys.

        The model's published metadata must stay valid: to replace the last key, add the new one, let it `renew` the
        model's role, then take the old one away.

        Raises:
            InputError: when the model is not known, or its metadata is not signed by enough of `promoters`.
            TrustError: rule `refused.separation`, when every reader would refuse these promoters.
        """
        if name in RESERVED:
            raise InputError(f"{self._channel}: {name!r} is no model")
        self._set_keys(name, keys=promoters, pattern=promotions_pattern(name), signers=signers, now=now)

    def set_security(self, *, keys: RoleKeys, signers: Sequence[Signer], now: datetime) -> None:
        """Replace the keys that revoke; `signers` hold the targets keys. The list must stay valid, as for `set_promoters`.

        Raises:
            InputError: when the list is not signed by enough of `keys`.
        """
        self._set_keys(REVOCATIONS, keys=keys, pattern=REVOCATIONS_PATTERN, signers=signers, now=now)

    def _set_keys(self, role: str, *, keys: RoleKeys, pattern: str, signers: Sequence[Signer], now: datetime) -> None:
        view = self._open(now)

        def edit(targets: Targets) -> bool:
            if role not in delegated_roles(targets):
                raise InputError(f"{self._channel}: model {role!r} is not known here: add it first")
            if role != REVOCATIONS:
                _check_duties(role, keys, policy=read_policy(targets))
            changed = delegate(targets, role=role, keys=keys, pattern=pattern, replace=True)
            try:
                read_targets(self._store, role=role, snapshot=view.snapshot, delegator=targets)
            except TrustError as error:
                raise InputError(
                    f"role {role!r}: its metadata is not signed by enough of the new keys: let them renew it while the old "
                    f"ones are still named: {error}"
                ) from error
            return changed

        self._edit(Targets.type, edit, signers=signers, now=now)

    def set_policy(self, *, policy: Policy, signers: Sequence[Signer], now: datetime) -> None:
        """Replace the channel's policy; `signers` hold the targets keys.

        Raises:
            InputError: when the policy is another channel's.
            TrustError: rule `refused.separation`, when every reader would refuse a model's promoters under it.
        """
        if policy.channel != self._channel:
            raise InputError(f"policy: is for channel {policy.channel!r}, this is {self._channel!r}")
        records = {POLICY_PATH: policy.to_bytes()}

        def edit(targets: Targets) -> bool:
            for name in sorted(set(delegated_roles(targets)) - {REVOCATIONS}):
                role = targets.get_delegated_role(name)
                check_duties(name=name, key_ids=role.keyids, threshold=role.threshold, policy=policy)
            return self._put(targets, records)

        self._edit(Targets.type, edit, signers=signers, now=now)

    def revoke(self, *, releases: Sequence[Digest], reason: str, signers: Sequence[Signer], now: datetime) -> None:
        """Add releases to the channel's complete list of revocations; `signers` hold the revocations keys."""

        def edit(targets: Targets) -> bool:
            known = read_revocations(targets)
            records = {
                revocation_path(release): revocation_bytes(release=release, reason=reason, revoked_at=now)
                for release in releases
                if release not in known
            }
            return self._put(targets, records)

        self._edit(REVOCATIONS, edit, signers=signers, now=now)

    def renew(self, *, role: str, signers: Sequence[Signer], now: datetime) -> None:
        """Sign a role's metadata (`targets`, `revocations` or a model's name) anew, with a new expiry."""
        self._edit(role, lambda _: True, signers=signers, now=now)

    def refresh_timestamp(self, *, now: datetime) -> None:
        """Sign snapshot and timestamp anew, with new expiries. To be called on a schedule."""
        self._publisher.publish_snapshot(self._open(now), roles={}, now=now)

    def rotate_root(
        self, *, keys: RoleKeys, signers: Sequence[Signer], now: datetime, targets: RoleKeys | None = None
    ) -> int:
        """Publish the next root, with a new expiry, and return its version. Clients follow it from the one they pin.

        This channel's `online` signers become the ones that sign snapshot and timestamp from now on.

        Args:
            keys: who signs roots from now on.
            signers: enough of the old and of the new root keys.
            targets: who is the channel's owner from now on; its published metadata must stay valid, as for `set_promoters`.

        Raises:
            InputError: when the owner's metadata is not signed by enough of `targets`.
            TrustError: rule `refused.root`, when the signers do not reach both thresholds.
        """
        return rotate_root(
            store=self._store,
            publisher=self._publisher,
            roots=read_roots(self._store, pin=self._root),
            keys=keys,
            online=self._online,
            signers=signers,
            expiries=self._expiries,
            now=now,
            targets=targets,
        )

    def _edit(
        self, role_name: str, edit: Callable[[Targets], bool], *, signers: Sequence[Signer], now: datetime
    ) -> None:
        view = self._open(now)
        delegator = view.root if role_name == Targets.type else self._published_targets(view)
        role = self._open_role(view, role_name, delegator=delegator)
        changed = copy.deepcopy(role.signed)
        if edit(changed):
            self._publish_change(view, role, changed, role_name, delegator=delegator, signers=signers, now=now)
        else:
            self._publish(view, role, role_name, now=now)

    def _open(self, now: datetime) -> View:
        return self._publisher.open(root=read_roots(self._store, pin=self._root)[-1], now=now)

    def _published_targets(self, view: View) -> Targets:
        found = read_targets(self._store, role=Targets.type, snapshot=view.snapshot, delegator=view.root)
        if found is None:
            raise TrustError("the snapshot does not name the role 'targets'", rule="refused.metadata")
        return found

    def _check_channel(self, targets: Targets) -> None:
        found = read_policy(targets).channel
        if found != self._channel:
            raise InputError(f"channel: these are the records of {found!r}, not of {self._channel!r}")

    def _open_role(self, view: View, name: str, *, delegator: Root | Targets) -> _Role:
        if name not in (delegator.roles if isinstance(delegator, Root) else delegated_roles(delegator)):
            raise InputError(
                f"{self._channel}: role {name!r} is not known here: the owner adds a model with "
                "`weighbridge channel add-model`"
            )
        published = read_targets(self._store, role=name, snapshot=view.snapshot, delegator=delegator)
        claimed, free = self._journal.newest(
            role=name,
            published=published.version if published is not None else 0,
            kind=Targets,
            check=lambda found: verify(found, role=name, delegator=delegator),
        )
        if claimed is not None:
            return _Role(signed=claimed.metadata.signed, free_version=free, data=claimed.data)
        return _Role(signed=published or Targets(), free_version=free, data=None)

    def _moment(self, view: View, owner: Targets, records: Mapping[int, Promotion], *, now: datetime) -> datetime:
        """Return the time of the next promotion: now, or a little later, where the clock of who promoted last runs ahead."""
        latest = latest_of(records, revoked=())
        if latest is None or latest.promoted_at <= now:
            return now
        listed = read_targets(self._store, role=REVOCATIONS, snapshot=view.snapshot, delegator=owner)
        latest = latest_of(records, revoked=read_revocations(listed) if listed is not None else ())
        if latest is not None and latest.promoted_at > now + CLOCK_SKEW:
            raise TrustError(
                f"{self._channel}: promotion {latest.sequence} of {latest.name}:{latest.version} says that it was made at "
                f"{latest.promoted_at:%Y-%m-%dT%H:%M:%SZ}, later than now: check the clock here; if it is right, revoke that "
                "release",
                rule="refused.time",
            )
        return now if latest is None else max(now, latest.promoted_at)

    def _claim(
        self,
        request: PromotionRequest,
        *,
        after: Promotion | None,
        now: datetime,
        supersede: bool,
        whoever: bool = False,
    ) -> Promotion:
        scope = f"{self._channel}/{request.name}"
        sequence = after.sequence + 1 if after is not None else 1
        while (digest := self._ledger.claimed(scope=scope, sequence=sequence)) is not None:
            claimed = self._claimed_promotion(request.name, sequence, digest)
            asked = request if claimed is None or not whoever else replace(request, promoted_by=claimed.promoted_by)
            if claimed is not None and asked.asks_for(claimed):
                return claimed
            if not supersede:
                what = f"{claimed.version} by {claimed.promoted_by}" if claimed is not None else str(digest)
                raise ConflictError(
                    f"{scope}: number {sequence} is claimed for {what} and not published yet: wait for it, repeat "
                    "that promotion to complete it, or leave it out with --supersede"
                )
            sequence += 1
        promotion = request.promotion(channel=self._channel, sequence=sequence, promoted_at=now)
        self._put(Targets(), {promotion.target_path: promotion.to_bytes()})
        self._ledger.claim(scope=scope, sequence=sequence, digest=promotion.digest)
        return promotion

    def _claimed_promotion(self, name: str, sequence: int, digest: Digest) -> Promotion | None:
        data = read_or_none(self._store, f"targets/promotions/{name}/{digest.hex}.{sequence}.json")
        try:
            return None if data is None else parse_promotion(data, expected=digest)
        except TrustError:
            return None

    def _put(self, targets: Targets, records: Mapping[str, bytes]) -> bool:
        changed = False
        for path, data in records.items():
            target = make_target(path=path, data=data)
            if targets.targets.get(path) != target:
                self._store.write_once(target_file_path(target), data)
                targets.targets[path] = target
                changed = True
        return changed

    def _publish_change(
        self,
        view: View,
        role: _Role,
        changed: Targets,
        name: str,
        *,
        delegator: Root | Targets,
        signers: Sequence[Signer],
        now: datetime,
    ) -> None:
        changed.version = role.free_version
        changed.expires = now + self._expiries.of(name)
        data = sign(Metadata(changed), role=name, signers=signers, delegator=delegator)
        self._journal.commit(role=name, version=changed.version, data=data)
        self._publish(view, _Role(signed=changed, free_version=changed.version + 1, data=data), name, now=now)

    def _publish(self, view: View, role: _Role, name: str, *, now: datetime) -> None:
        if role.data is not None:
            self._publisher.publish(view, role=name, version=role.signed.version, data=role.data, now=now)


def _check_duties(name: str, promoters: RoleKeys, *, policy: Policy) -> None:
    key_ids = [key.keyid for key in promoters.keys]
    check_duties(name=name, key_ids=key_ids, threshold=promoters.threshold, policy=policy)
