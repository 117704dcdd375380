"""WB-M4: SageMaker would load these files without comparing them with any signed digest."""

from __future__ import annotations

from collections.abc import Iterator

from weighbridge.checks.rule import MODEL, Properties, Rule, containers

SOURCES = ("ModelDataUrl", "ModelDataSource", "AdditionalModelDataSources", "ModelPackageName")


def check(model: Properties) -> Iterator[str]:
    """Yield each source of weights beside the release."""
    for path, container in containers(model):
        yield from (f"{path}.{name}" for name in SOURCES if container.get(name))


RULE = Rule(
    id="WB-M4",
    kinds=(MODEL,),
    reason="SageMaker would load these files without comparing them with any signed digest.",
    fix="Leave ModelDataUrl, ModelDataSource and ModelPackageName out: the container pulls the release's files and verifies each.",
    check=check,
)
