"""What a new channel is made of: signers, promoters' public keys, the first policy, the pinned root."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from securesystemslib.signer import Key

from weighbridge import canonical
from weighbridge.cli.keyfiles import public_key
from weighbridge.cli.setup import Setup
from weighbridge.errors import ConflictError, InputError, SettingsError, TrustError
from weighbridge.names import Digest
from weighbridge.trust import (
    APPROVAL_TYPE,
    IMAGE_TYPE,
    Approvals,
    ChannelReader,
    ChannelSigners,
    Gates,
    MetadataSource,
    OnlineSigners,
    Policy,
    RegistrySource,
    RoleKeys,
    parse_policy,
)
from weighbridge.trust.approval import BREAK_GLASS_ROLE
from weighbridge.trust.inspected import INSPECTION_TYPE
from weighbridge.trust.provenance import PREDICATE_TYPE

_ROOT_LIMIT = 512_000


def channel_signers(setup: Setup, *, root_threshold: int | None) -> ChannelSigners:
    """Return who signs the channel's first metadata; by default a majority of the root keys must sign a root."""
    keys = setup.keys
    return ChannelSigners(
        root=[setup.signer(uri) for uri in keys.root],
        targets=[setup.signer(keys.targets)],
        revocations=[setup.signer(keys.revocations)],
        online=OnlineSigners(snapshot=setup.signer(keys.snapshot), timestamp=setup.signer(keys.timestamp)),
        root_threshold=root_threshold or majority(keys.root),
    )


def majority(keys: Sequence[object]) -> int:
    """Return how many of `keys` are more than half of them."""
    return len(keys) // 2 + 1


def promoter_keys(setup: Setup, uris: Sequence[str] | None, *, threshold: int | None) -> RoleKeys:
    """Return the promoters' public keys and how many must sign, from options or settings."""
    wanted = tuple(uris or setup.keys.promoters)
    return RoleKeys(
        keys=tuple(public_key(setup, uri) for uri in wanted), threshold=threshold or setup.trust.policy.threshold
    )


def first_policy(setup: Setup, *, file: Path | None, base_owners: tuple[str, ...]) -> Policy:
    """Return the policy in `file`, else the one that the settings describe."""
    if file is not None:
        if base_owners:
            raise InputError("--policy: holds the base owners: give it alone", rule="input.usage")
        return read_policy(file)
    return settings_policy(setup, base_owners=base_owners)


def settings_policy(setup: Setup, *, base_owners: tuple[str, ...] = ()) -> Policy:
    """Return the policy of `trust.policy` and `trust.keys`: provenance signed by the registrar, whatever else the keys bring
    (inspections, approvals, statements about images), and the gates.

    Args:
        base_owners: beyond those of the settings.

    Raises:
        InputError: naming a field that makes no policy, or a key that cannot be read.
    """
    keys, asked = setup.keys, setup.trust.policy
    stating = {
        "registrar": (PREDICATE_TYPE, keys.registrar),
        "inspector": (INSPECTION_TYPE, keys.inspector),
        "approver": (APPROVAL_TYPE if asked.approvals is not None else None, keys.approver),
        "image_builder": (IMAGE_TYPE, keys.image_builder),
        "exceptions": (None, keys.exceptions),
    }
    held: dict[str, tuple[Key, ...]] = {
        role: (public_key(setup, uri),) for role, (_, uri) in stating.items() if uri is not None
    }
    if keys.breakglass:
        held[BREAK_GLASS_ROLE] = tuple(public_key(setup, uri) for uri in keys.breakglass)
    required = {kind: (role,) for role, (kind, _) in stating.items() if kind is not None and role in held}
    terms = asked.approvals
    return Policy(
        channel=setup.settings.channel.name,
        keys={key.keyid: key for items in held.values() for key in items},
        roles={role: tuple(key.keyid for key in items) for role, items in held.items()},
        required_statements={**required, **{kind: (role,) for kind, role in asked.required_statements.items()}},
        licences=asked.licences,
        base_owners=tuple(dict.fromkeys((*asked.base_owners, *base_owners))),
        gates=Gates(
            base_models=asked.base_models,
            formats=asked.formats,
            bom=asked.bom,
            no_base_model=asked.no_base_model,
            scanner=asked.scanner,
            soak_hours=asked.soak_hours,
            separation=asked.separation,
            approvals=None if terms is None else Approvals(count=terms.count, days=terms.days),
            principals={public_key(setup, item.key).keyid: item.name for item in asked.principals},
        ),
    )


def read_policy(file: Path) -> Policy:
    """Return the policy in a JSON file, in any layout.

    Raises:
        InputError: naming the file and the field.
    """
    try:
        return parse_policy(canonical.dump(canonical.parse_object(file.read_bytes(), what=str(file))))
    except TrustError as error:
        raise InputError(f"{file}: {error}", rule="input.policy") from error


def check_founded(setup: Setup, *, store: MetadataSource, root: Digest, models: Sequence[str]) -> None:
    """Read the channel as its readers will.

    Raises:
        ConflictError: when another channel was founded in the repository before.
        TrustError, NothingPromotedError: when a reader would refuse it, or does not find a model.
    """
    wanted = setup.settings.channel.name
    for name in models:
        with tempfile.TemporaryDirectory(prefix="weighbridge-channel-") as folder:
            found = ChannelReader(source=store, root=root, folder=Path(folder)).refresh(name).channel
        if found != wanted:
            raise ConflictError(
                f"{setup.settings.registry.records_repository}: holds the channel {found!r}, not {wanted!r}: give every "
                "channel a repository of its own"
            )


def first_root(setup: Setup) -> Digest:
    """Return the digest of root number 1 as the registry holds it, unverified."""
    source = RegistrySource(client=setup.client(), repository=setup.settings.registry.records_repository)
    return Digest.of(source.fetch("1.root.json", _ROOT_LIMIT))


def pin_root(setup: Setup, digest: Digest) -> None:
    """Replace the root digest in the settings file.

    Raises:
        SettingsError: when the file does not name the old digest exactly once.
    """
    text = setup.file.read_text(encoding="utf-8")
    changed, count = re.subn(re.escape(str(setup.settings.channel.root_digest)), str(digest), text)
    if count != 1:
        raise SettingsError(
            f"{setup.file}: channel.root_digest: the old digest stands {count} times in the file: write {digest} yourself"
        )
    setup.file.write_text(changed, encoding="utf-8")
