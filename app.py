"""The CDK app: one stage per file in environments/, one for the governance account that they name. Synth needs no account, no network and no lookup.

Context:
    weighbridge:environments  folder of the YAML files (default: environments)
    weighbridge:environment   synthesize this environment alone, or `governance`
    weighbridge:layer         lambda (default) or host, see DependencyLayer

Every synth is checked by cdk-nag, by GovernedModelChecks and by CloudFormation's own rules, unless the variable CDK_VALIDATION is `false`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import aws_cdk as cdk

from stacks import EnvironmentStage, GovernanceAccountStage
from weighbridge.errors import InputError
from weighbridge.settings import load_environments
from weighbridge.settings.loading import GOVERNANCE
from weighbridge_cdk import GovernedModelChecks


def add_environments(app: cdk.App) -> None:
    """Add one stage for each environment and one for the governance account, or the chosen one of them.

    Raises:
        InputError: when a settings file is wrong, or the chosen environment has none.
    """
    folder = Path(app.node.try_get_context("weighbridge:environments") or "environments")
    chosen = app.node.try_get_context("weighbridge:environment")
    environments = load_environments(folder)
    names = [settings.environment for settings in environments]
    governed = any(settings.governance is not None for settings in environments)
    if governed:
        names.append(GOVERNANCE)
    if chosen and chosen not in names:
        raise InputError(
            f"context weighbridge:environment: {chosen!r} has no file in {folder}: give one of {', '.join(names)}"
        )
    for settings in environments:
        if not chosen or settings.environment == chosen:
            EnvironmentStage(app, settings=settings)
    if governed and chosen in (None, "", GOVERNANCE):
        GovernanceAccountStage(app, environments=environments)


def add_checks(app: cdk.App) -> None:
    """Let cdk-nag's AwsSolutions rules and the rules for governed models stop the synth."""
    import cdk_nag  # takes most of a second, which the inner loop saves

    cdk.Validations.of(app).add_plugins(cdk_nag.AwsSolutionsChecks(), GovernedModelChecks())


def main() -> int:
    """Synthesize for the CDK CLI."""
    app = cdk.App(analytics_reporting=False)
    try:
        add_environments(app)
    except InputError as error:
        print(f"weighbridge: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    if os.environ.get("CDK_VALIDATION") != "false":
        add_checks(app)
    app.synth()
    return 0


if __name__ == "__main__":
    sys.exit(main())
