"""What the reconciler's function reads from its environment, strictly. Names: the construct `Reconciler`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from weighbridge.admission.claim import Pins
from weighbridge.admission.environment import read_pins
from weighbridge.environment import channel_layout, digest, required, required_name, whole
from weighbridge.errors import InputError
from weighbridge.layout import ChannelLayout
from weighbridge.names import Digest, check_name
from weighbridge.reconciliation.security_hub import Product
from weighbridge.registry import TokenOrigin, read_origin

HUB = "WEIGHBRIDGE_SECURITY_HUB_PRODUCT"
MODELS = "WEIGHBRIDGE_MODELS"
SOURCE = "WEIGHBRIDGE_SOURCE_CHANNEL"


@dataclass(frozen=True, slots=True)
class SourceChannel:
    """The channel before, of which metadata alone is read, and its pinned root."""

    layout: ChannelLayout
    root: Digest


@dataclass(frozen=True, slots=True)
class ReconcilerEnvironment:
    """The environment, its channel and registry, where memory and the book lie. `hub` is None without Security Hub.

    `models` are those of the environment, `source` the channel that promotions come from, None where it is not read.
    """

    environment: str
    pins: Pins
    layout: ChannelLayout
    token: TokenOrigin
    acceptance_table: str
    metadata_bucket: str
    findings_table: str
    behind: timedelta
    except_endpoints: tuple[str, ...]
    hub: Product | None
    models: tuple[str, ...] = ()
    source: SourceChannel | None = None

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """Read the variables.

        Raises:
            InputError: naming the first variable that is missing or malformed.
        """
        days = whole(required(environ, "WEIGHBRIDGE_BEHIND_DAYS"), field="WEIGHBRIDGE_BEHIND_DAYS", most=3650)
        return cls(
            environment=required_name(environ, "WEIGHBRIDGE_ENVIRONMENT"),
            pins=read_pins(environ),
            layout=channel_layout(environ),
            token=read_origin(environ),
            acceptance_table=required(environ, "WEIGHBRIDGE_ACCEPTANCE_TABLE"),
            metadata_bucket=required(environ, "WEIGHBRIDGE_METADATA_BUCKET"),
            findings_table=required(environ, "WEIGHBRIDGE_FINDINGS_TABLE"),
            behind=timedelta(days=days),
            except_endpoints=tuple(name for name in environ.get("WEIGHBRIDGE_EXCEPT_ENDPOINTS", "").split(",") if name),
            hub=_product(environ.get(HUB)),
            models=tuple(check_name(name, field=MODELS) for name in environ.get(MODELS, "").split(",") if name),
            source=_source(environ),
        )


def _source(environ: Mapping[str, str]) -> SourceChannel | None:
    if not environ.get(SOURCE):
        return None
    records = required_name(environ, "WEIGHBRIDGE_SOURCE_RECORDS_REPOSITORY")
    # Nothing of its models is read.
    layout = ChannelLayout(
        channel=required_name(environ, SOURCE), models_repository=records, records_repository=records
    )
    return SourceChannel(layout=layout, root=digest(environ, "WEIGHBRIDGE_SOURCE_ROOT"))


def _product(arn: str | None) -> Product | None:
    if not arn:
        return None
    # arn:PARTITION:securityhub:REGION:ACCOUNT:product/ACCOUNT/default
    parts = arn.split(":")
    if len(parts) != 6 or parts[2] != "securityhub":
        raise InputError(f"{HUB}: {arn!r} is not the ARN of a product of Security Hub", rule="input.environment")
    return Product(partition=parts[1], region=parts[3], account=parts[4])
