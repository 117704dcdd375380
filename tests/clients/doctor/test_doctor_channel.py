"""The channel's side: what is wrong with a channel is told before something is deployed from it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from local.registry.fault import Fault
from tests.clients.doctor.doctor_clinic import Clinic, settings_for
from tests.promoted_registry import promoted_registry
from tests.unit.doctor.doctor_findings import findings, worst
from weighbridge.doctor import Severity
from weighbridge.names import Digest
from weighbridge.settings import EnvironmentSettings


def pinned(clinic: Clinic, digest: Digest) -> EnvironmentSettings:
    return replace(clinic.settings, channel=replace(clinic.settings.channel, root_digest=digest))


def test_another_root_than_the_pinned_one_is_a_problem_with_both_digests(clinic: Clinic) -> None:
    other = Digest.of(b"another channel")
    found = worst("channel.root", clinic.setup(settings=pinned(clinic, other)))
    assert found.severity is Severity.PROBLEM
    assert str(clinic.world.root) in found.message
    assert str(other) in found.message


def test_a_channel_that_is_not_founded_is_a_problem(clinic: Clinic) -> None:
    clinic.world.registry.add_fault(Fault(kind="status", path="weighbridge-dev-local/tuf/*", status=404))
    found = worst("channel.root", clinic.setup())
    assert (found.severity, "channel init" in found.remedy) == (Severity.PROBLEM, True)


def test_flipped_metadata_is_a_problem(clinic: Clinic) -> None:
    clinic.world.registry.add_fault(Fault(kind="flip", path="weighbridge-dev-local/tuf/timestamp.json"))
    assert worst("channel.metadata", clinic.setup()).severity is Severity.PROBLEM


def test_a_registry_that_fails_is_not_a_broken_channel(clinic: Clinic) -> None:
    clinic.world.registry.add_fault(Fault(kind="status", path="weighbridge-dev-local/tuf/*", status=403))
    for check in ("channel.root", "channel.metadata", "channel.expiry", "channel.policy"):
        assert worst(check, clinic.setup()).severity is Severity.UNKNOWN


@pytest.mark.parametrize(("days", "severity"), [(1, Severity.OK), (6, Severity.WARNING), (8, Severity.PROBLEM)])
def test_expiry_is_told_before_it_comes(clinic: Clinic, days: int, severity: Severity) -> None:
    now = datetime.now(UTC) + timedelta(days=days)
    (found,) = findings("channel.expiry", clinic.setup(now=now))
    assert found.severity is severity


def test_expired_metadata_is_a_problem_of_the_channel(clinic: Clinic) -> None:
    later = clinic.setup(now=datetime.now(UTC) + timedelta(days=8))
    assert worst("channel.metadata", later).severity is Severity.PROBLEM
    # The pin is right all the same: whoever reads the report shall not touch it.
    assert [finding.severity for finding in findings("channel.root", later)] == [Severity.OK]


def test_a_channel_without_promotion_and_a_lax_policy_are_warnings(tmp_path: Path) -> None:
    with promoted_registry(tmp_path, channel="dev", required=False) as world:
        fresh = Clinic(world, settings_for(world, tmp_path))
        assert worst("channel.metadata", fresh.setup()).severity is Severity.WARNING
        found = worst("channel.policy", fresh.setup())
        assert (found.severity, "provenance" in found.message) == (Severity.WARNING, True)


def test_a_model_that_the_channel_does_not_know_is_a_warning(clinic: Clinic) -> None:
    strange = replace(clinic.settings.models[0], name="unknown-model")
    settings = replace(clinic.settings, models=(strange, *clinic.settings.models))
    found = worst("channel.metadata", clinic.setup(settings=settings))
    assert (found.severity, "unknown-model" in found.message) == (Severity.WARNING, True)
    assert [finding.severity for finding in findings("channel.policy", clinic.setup(settings=settings))] == [
        Severity.OK
    ]
