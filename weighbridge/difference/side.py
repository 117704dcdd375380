"""One side of a difference: everything that is verified of the release that an id names.

What runs may be revoked by now, and what comes next may be refused: both are shown as far as they can be read, with the
refusal beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from weighbridge.bom import BOM_LIMIT, licences, parse_bom
from weighbridge.canonical import Json, JsonObject
from weighbridge.errors import RefusedError
from weighbridge.layout import ChannelLayout
from weighbridge.names import ReleaseId
from weighbridge.release import Release
from weighbridge.trust import ChannelState, Promotion, Statement
from weighbridge.trust.inspected import INSPECTION_TYPE
from weighbridge.trust.stores import RegistryReader
from weighbridge.verification import fetch_record, refuse_revoked


@dataclass(frozen=True, slots=True)
class Side:
    """A release id and what it names. `promotion` and `release` are None where `refusal` says that they cannot be believed.

    `refusal` is why the resolver would refuse the id now, None when it would not. `bill` is the bill of
    materials, None without one; `inspection` is the predicate of the inspector's statement, None without one.
    """

    release_id: ReleaseId
    promotion: Promotion | None = None
    release: Release | None = None
    bill: JsonObject | None = None
    inspection: Mapping[str, Json] | None = None
    refusal: str | None = None

    @property
    def licences(self) -> tuple[str, ...] | None:
        """The licences of the model in the bill of materials, None without one."""
        return None if self.bill is None else licences(self.bill).get("model", ())

    @property
    def title(self) -> str:
        """The version and the promotion's number, for people."""
        version = self.promotion.version if self.promotion is not None else "unknown"
        return f"{version} ({self.release_id.sequence})"


def read_side(
    *, client: RegistryReader, layout: ChannelLayout, state: ChannelState, name: str, release_id: ReleaseId
) -> Side:
    """Return what `release_id` names: two requests, for its record and its bill of materials.

    Args:
        client: the registry, as an identity that may read the channel's records.
        layout: the channel's repositories.
        state: the channel's verified metadata for `name`.

    Raises:
        RegistryError: the registry refused, or could not answer.
    """
    promotion: Promotion | None = None
    try:
        promotion = state.promotion(name, release_id)
        found = fetch_record(client=client, layout=layout, state=state, promotion=promotion)
        bill = _bill(found.release, client=client, layout=layout)
    except RefusedError as error:
        return Side(release_id=release_id, promotion=promotion, refusal=str(error))
    return Side(
        release_id=release_id,
        promotion=promotion,
        release=found.release,
        bill=bill,
        inspection=_inspection(found.statements),
        refusal=_revoked(state, promotion),
    )


def _bill(release: Release, *, client: RegistryReader, layout: ChannelLayout) -> JsonObject | None:
    if release.bom is None:
        return None
    folder = layout.release_folder(name=release.name, release=release.digest)
    data = client.read(repository=layout.records_repository, path=f"{folder}/{release.bom.path}", limit=BOM_LIMIT)
    return parse_bom(data, release=release)


def _inspection(statements: tuple[Statement, ...]) -> Mapping[str, Json] | None:
    found = [each.predicate for each in statements if each.predicate_type == INSPECTION_TYPE]
    return max(found, key=lambda item: str(item.get("inspected_at", "")), default=None)


def _revoked(state: ChannelState, promotion: Promotion) -> str | None:
    try:
        refuse_revoked(state=state, promotion=promotion)
    except RefusedError as error:
        return str(error)
    return None
