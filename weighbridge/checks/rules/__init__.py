"""The rules, each in a file of its own."""

from weighbridge.checks.rule import Rule
from weighbridge.checks.rules import (
    automatic_rollback,
    captured_data_key,
    component_from_model,
    component_rollback,
    components_in_vpc,
    image_by_digest,
    model_from_release,
    model_in_vpc,
    no_core_dumps,
    no_isolation_of_pulls,
    no_public_hub,
    no_remote_code,
    no_secret_in_environment,
    no_ssm_access,
    volume_key,
    weights_from_release,
)

RULES: tuple[Rule, ...] = (
    model_from_release.RULE,
    image_by_digest.RULE,
    model_in_vpc.RULE,
    weights_from_release.RULE,
    no_public_hub.RULE,
    no_remote_code.RULE,
    no_secret_in_environment.RULE,
    no_isolation_of_pulls.RULE,
    volume_key.RULE,
    no_ssm_access.RULE,
    captured_data_key.RULE,
    components_in_vpc.RULE,
    no_core_dumps.RULE,
    automatic_rollback.RULE,
    component_from_model.RULE,
    component_rollback.RULE,
)
