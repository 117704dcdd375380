"""WB-M2: A tag can be moved to another image after it was approved."""

from __future__ import annotations

import re
from collections.abc import Iterator

from weighbridge.checks.rule import MODEL, Properties, Rule, containers, ending

_BY_DIGEST = re.compile(r".*@sha256:[0-9a-f]{64}")


def check(model: Properties) -> Iterator[str]:
    """Yield each image whose end is written in the template and is no digest."""
    for path, container in containers(model):
        text = ending(container.get("Image"))
        if text is not None and not _BY_DIGEST.fullmatch(text):
            yield f"{path}.Image"


RULE = Rule(
    id="WB-M2",
    kinds=(MODEL,),
    reason="A tag can be moved to another image after it was approved.",
    fix="Name the image by its digest, HOST/PATH@sha256:..., as PromotedModel.image_uri does.",
    check=check,
)
