"""Which keys the auditor's function watches, how it is told of them, and what it asks AWS."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.unit.audit.fake_trail import EVENT, KEY, FakeTrail
from weighbridge.audit.cloudtrail import key_arn, last_signings
from weighbridge.audit.environment import AuditorEnvironment
from weighbridge.errors import CloudError, InputError
from weighbridge.settings import EnvironmentSettings, TrainingSettings, load_settings
from weighbridge.settings.watched import watched_keys

ROOT = Path(__file__).resolve().parents[3]
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ARN = "arn:aws:kms:eu-central-1:222222222222:"
ENVIRON = {
    "WEIGHBRIDGE_ENVIRONMENT": "staging",
    "WEIGHBRIDGE_CHANNEL": "staging",
    "WEIGHBRIDGE_MODELS_REPOSITORY": "models",
    "WEIGHBRIDGE_RECORDS_REPOSITORY": "records",
    "WEIGHBRIDGE_ROOT": "sha256:" + "0" * 64,
    "WEIGHBRIDGE_REGISTRY_URL": "https://registry.example.com/artifactory",
    "WEIGHBRIDGE_TOKEN_SECRET_ID": "reader",
    "WEIGHBRIDGE_ACCEPTANCE_TABLE": "acceptances",
    "WEIGHBRIDGE_METADATA_BUCKET": "metadata",
    "WEIGHBRIDGE_EVENTS_TABLE": "events",
    "WEIGHBRIDGE_EVENTS_BUS": "bus",
    "WEIGHBRIDGE_SEALS_BUCKET": "seals",
    "WEIGHBRIDGE_SEALER_KEY": "awskms:alias/sealer",
}


def staging(training: TrainingSettings | None = None, **keys: Any) -> EnvironmentSettings:
    found = load_settings(ROOT / "environments" / "staging.yaml")
    assert found.trust is not None
    trust = replace(found.trust, keys=replace(found.trust.keys, **keys))
    return replace(found, trust=trust, training=training)


def test_keys_of_this_account_and_region_whose_use_is_told_are_watched() -> None:
    found = staging(
        promoters=(f"awskms:{ARN}key/1", "awskms:alias/two"),
        approver=f"awskms:{ARN.replace('222222222222', '999999999999')}alias/held",
        breakglass=(f"awskms:{ARN.replace('central-1', 'west-1')}key/2", "file:bob.pem"),
    )
    assert watched_keys(found) == (
        ("targets", "awskms:alias/weighbridge-staging-owner"),
        ("promoters", f"awskms:{ARN}key/1"),
        ("promoters", "awskms:alias/two"),
        ("revocations", "awskms:alias/weighbridge-staging-security"),
    )
    assert watched_keys(replace(found, trust=None)) == ()


def test_a_key_that_signs_on_a_schedule_is_not_watched() -> None:
    found = staging()
    assert found.trust is not None
    shared = staging(targets=found.trust.keys.snapshot, promoters=("awskms:alias/one", str(found.trust.keys.sealer)))
    assert [role for role, _ in watched_keys(shared)] == ["promoters", "revocations"]


def test_the_registrars_key_is_watched_where_it_registers() -> None:
    training = load_settings(ROOT / "environments" / "dev.yaml").training
    assert training is not None
    assert ("registrar", "awskms:alias/weighbridge-dev-registrar") in watched_keys(staging(training))
    assert "registrar" not in dict(watched_keys(staging()))


def test_the_function_is_told_of_roles_and_keys() -> None:
    read = AuditorEnvironment.read
    assert read(ENVIRON).watched_keys == ()
    told = f"promoters=awskms:alias/one promoters=awskms:{ARN}key/2"
    assert read({**ENVIRON, "WEIGHBRIDGE_WATCHED_KEYS": told}).watched_keys == (
        ("promoters", "awskms:alias/one"),
        ("promoters", f"awskms:{ARN}key/2"),
    )


@pytest.mark.parametrize(
    "text",
    [
        "", "promoters", "promoters=", "promoters=awskms:", "promoters=file:key.pem", "sealer=awskms:alias/sealer",
        "=awskms:alias/one", "promoters=awskms:alias/one  root=awskms:alias/two",
    ],
)  # fmt: skip
def test_what_names_no_key_of_a_role_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="WEIGHBRIDGE_WATCHED_KEYS"):
        AuditorEnvironment.read({**ENVIRON, "WEIGHBRIDGE_WATCHED_KEYS": text})


class FakeKeys:
    """KMS that knows one alias."""

    def describe_key(self, *, KeyId: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
        if KeyId != "alias/one":
            raise ClientError({"Error": {"Code": "NotFoundException", "Message": KeyId}}, "DescribeKey")
        return {"KeyMetadata": {"Arn": KEY}}


def arn_of(uri: str) -> str:
    return key_arn(uri, kms=FakeKeys())


def test_an_alias_is_looked_up_and_what_should_have_been_told_is_asked_for() -> None:
    trail = FakeTrail(EVENT)
    [found] = last_signings(trail=trail, keys=[("promoters", "awskms:alias/one")], arn_of=arn_of, hours=2, now=NOW)
    assert (found.role, found.id) == ("promoters", "e-1")
    [(_, since, until)] = trail.asked
    assert (NOW - since, NOW - until) == (timedelta(hours=2), timedelta(minutes=15))


def test_a_key_that_is_not_there_is_no_clean_answer() -> None:
    keys = [("targets", "awskms:alias/gone")]
    with pytest.raises(CloudError, match="kms:DescribeKey awskms:alias/gone"):
        last_signings(trail=FakeTrail(EVENT), keys=keys, arn_of=arn_of, hours=2, now=NOW)
