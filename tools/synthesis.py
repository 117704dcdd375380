"""Synthesize the app in this process, for the tools and the tests: offline, into a folder of the caller's."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import aws_cdk as cdk

from app import add_checks, add_environments
from weighbridge.canonical import JsonObject

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Synthesis:
    """What one synth wrote."""

    folder: Path

    def templates(self) -> dict[str, Path]:
        """Return each stack's template by the stack's name, sorted."""
        found: dict[str, Path] = {}
        for manifest in self.folder.glob("assembly-*/manifest.json"):
            for artifact in json.loads(manifest.read_text(encoding="utf-8"))["artifacts"].values():
                if artifact["type"] == "aws:cloudformation:stack":
                    properties = artifact["properties"]
                    found[properties["stackName"]] = manifest.parent / properties["templateFile"]
        return dict(sorted(found.items()))

    def template(self, stack: str) -> JsonObject:
        """Return the template of the stack of that name."""
        template: JsonObject = json.loads(self.templates()[stack].read_text(encoding="utf-8"))
        return template


def synthesize(*, outdir: Path, validation: bool, context: Mapping[str, str] | None = None) -> Synthesis:
    """Synthesize all environments.

    Args:
        outdir: an empty folder.
        validation: run cdk-nag and CloudFormation's own rules; takes longer.
        context: what `cdk -c KEY=VALUE` would set, on top of cdk.json.

    Raises:
        InputError: when a settings file is wrong.
        RuntimeError: when validation finds something; validation-report.json lies in `outdir`.
    """
    if validation and os.environ.get("CDK_VALIDATION") == "false":
        raise RuntimeError("CDK_VALIDATION=false would silence the validation that was asked for: unset it")
    settings = {"weighbridge:environments": str(ROOT / "environments"), **(context or {})}
    defaults = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    app = cdk.App(
        outdir=str(outdir),
        analytics_reporting=False,
        builtin_cloud_formation_validation=validation,
        context={**defaults, **settings},
    )
    add_environments(app)
    if validation:
        add_checks(app)
    app.synth()
    return Synthesis(folder=outdir)
