"""What is signed: every promotion of a channel, each release's chain verified anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from weighbridge.audit.findings import Finding
from weighbridge.errors import RefusedError, RegistryNotFoundError, WeighbridgeError
from weighbridge.layout import weights_folder
from weighbridge.lineage import ChannelRecords, models_of
from weighbridge.names import Digest
from weighbridge.release import RELEASE_LIMIT, Release, parse_release
from weighbridge.trust import ChannelState, Promotion
from weighbridge.trust.statements import BUNDLE_LIMIT, envelopes_of, verify_envelope
from weighbridge.verification import fetch_record


@dataclass
class Signed:
    """What a channel says, as far as it verifies: states by model, releases by digest (promoted or registered), and the statement
    bundles that promotions name; `waived` are the gates that two people waived, by promotion. Of models in `unread` and of weights
    folders in `undecided` nothing is known that verifies, so that nothing there can be told from an intruder's."""

    states: dict[str, ChannelState] = field(default_factory=dict)
    releases: dict[Digest, Release] = field(default_factory=dict)
    bundles: dict[Digest, set[Digest]] = field(default_factory=dict)
    waived: dict[Digest, frozenset[str]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)
    undecided: set[str] = field(default_factory=set)

    @property
    def promotions(self) -> tuple[Promotion, ...]:
        """Every promotion, by model, oldest first."""
        return tuple(item for name, state in sorted(self.states.items()) for item in state.promotions(name))

    @property
    def revoked(self) -> Mapping[Digest, str]:
        """The channel's list of revocations, with reasons."""
        return {digest: item.reason for state in self.states.values() for digest, item in state.revocations.items()}


def read_signed(channel: ChannelRecords) -> Signed:
    """Verify a channel and each release that it ever promoted. What does not verify is a finding and stops nothing."""
    found = Signed()
    name = channel.layout.channel
    try:
        models = models_of(channel)
    except WeighbridgeError as error:
        _note(found, error, rule="audit.channel", subject=name)
        return found
    for model in models:
        try:
            found.states[model] = channel.reader.refresh(model)
        except WeighbridgeError as error:
            found.unread.add(model)
            _note(found, error, rule="audit.channel", subject=f"{name}/{model}")
            continue
        for promotion in found.states[model].promotions(model):
            _chain(found, channel, found.states[model], promotion)
    return found


def read_registered(channel: ChannelRecords, signed: Signed, *, claims: Mapping[tuple[str, str], Digest]) -> None:
    """Add to `signed` the releases that are registered and not promoted, if the registrar signed them.

    Args:
        claims: release digests by (model, version), as the repository's version files say.
    """
    for (model, version), digest in claims.items():
        if digest in signed.releases or model in signed.unread:
            continue
        try:
            signed.releases[digest] = _registered(channel, signed, model=model, version=version, digest=digest)
        except (RefusedError, RegistryNotFoundError) as error:
            signed.findings.append(
                Finding("audit.registration-unsigned", f"{channel.layout.channel}/{model}:{version}", str(error))
            )
        except WeighbridgeError as error:
            signed.failures.append(f"{channel.layout.channel}/{model}:{version}: {error}")


def _registered(channel: ChannelRecords, signed: Signed, *, model: str, version: str, digest: Digest) -> Release:
    layout, repository = channel.layout, channel.layout.records_repository
    data = channel.client.read(
        repository=repository, path=layout.release_path(name=model, release=digest), limit=RELEASE_LIMIT
    )
    release = parse_release(data, expected=digest)
    state = signed.states.get(model)
    if state is None or (release.name, release.version) != (model, version):
        raise RefusedError(f"{model}:{version}: is not a release of a model of this channel")
    bundle = channel.client.read(
        repository=repository, path=layout.statements_path(name=model, release=digest), limit=BUNDLE_LIMIT
    )
    signed_by = {
        key
        for envelope in envelopes_of(bundle)
        for key in verify_envelope(
            envelope, subject=f"{model}:{version}", release=digest, policy=state.policy
        ).signed_by
    }
    if signed_by.isdisjoint(state.policy.roles.get("registrar", ())):
        raise RefusedError(f"{model}:{version}: no key of the registrar signed its statements")
    return release


def _chain(found: Signed, channel: ChannelRecords, state: ChannelState, promotion: Promotion) -> None:
    subject = f"{promotion.channel}/{promotion.name}:{promotion.version} ({promotion.sequence})"
    found.bundles.setdefault(promotion.release, set()).add(promotion.statements)
    try:
        record = fetch_record(client=channel.client, layout=channel.layout, state=state, promotion=promotion)
    except WeighbridgeError as error:
        found.undecided.add(weights_folder(name=promotion.name, version=promotion.version))
        _note(found, error, rule="audit.chain", subject=subject)
        return
    found.releases[promotion.release] = record.release
    found.waived[promotion.digest] = record.waived


def _note(found: Signed, error: WeighbridgeError, *, rule: str, subject: str) -> None:
    # A refusal is what the auditor looks for, a file that is gone too; the registry being away is not.
    if isinstance(error, RefusedError | RegistryNotFoundError):
        found.findings.append(Finding(rule, subject, f"{error.rule}: {error}"))
    else:
        found.failures.append(f"{subject}: {error}")
