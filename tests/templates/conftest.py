"""One synth of all environments for the whole session: it costs seconds, reading it costs nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import aws_cdk as cdk
import pytest
from canaries import in_the_shell
from template_view import Template

from tools.synthesis import ROOT, Synthesis, synthesize
from weighbridge_cdk import GovernedModelChecks


@pytest.fixture(scope="session")
def synthesis(tmp_path_factory: pytest.TempPathFactory) -> Synthesis:
    """All environments as shipped, synthesized in a shell that holds secrets."""
    with in_the_shell():
        return synthesize(outdir=tmp_path_factory.mktemp("synth"), validation=False)


@pytest.fixture(scope="session")
def templates(synthesis: Synthesis) -> dict[str, Template]:
    """Every template by stack name."""
    return {name: json.loads(path.read_text()) for name, path in synthesis.templates().items()}


@pytest.fixture(scope="session")
def inference(templates: dict[str, Template]) -> Template:
    """The inference stack of prod."""
    return templates["weighbridge-prod-inference-minilm"]


@pytest.fixture
def new_stack(tmp_path: Path) -> Callable[[], cdk.Stack]:
    """Return a stack without account and region, as a user of single constructs may have it."""
    context = json.loads((ROOT / "cdk.json").read_text())["context"]

    def create() -> cdk.Stack:
        app = cdk.App(
            outdir=str(tmp_path / "out"),
            analytics_reporting=False,
            builtin_cloud_formation_validation=False,
            context=context,
        )
        return cdk.Stack(app, "Alone")

    return create


@pytest.fixture
def template_of(tmp_path: Path) -> Callable[[cdk.Stack], Template]:
    """Synthesize a stack made by `new_stack`, under cdk-nag and GovernedModelChecks, and return its template."""

    def read(stack: cdk.Stack) -> Template:
        import cdk_nag

        app = stack.node.root
        assert isinstance(app, cdk.App)
        cdk.Validations.of(app).add_plugins(cdk_nag.AwsSolutionsChecks(), GovernedModelChecks())
        app.synth()
        template: Template = json.loads((tmp_path / "out" / f"{stack.stack_name}.template.json").read_text())
        return template

    return read
