"""The keeper on the local AWS: deployed with its alarms, refused without a token, and a fresh channel with one."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from twin_governance import CHANNEL, FOUNDED, KEEPER, Governance

pytestmark = pytest.mark.twin

STACK = f"weighbridge-{CHANNEL}-governance"


def test_its_alarms_and_its_schedule_are_there(governance: Governance) -> None:
    alarms = governance.aws("cloudwatch").describe_alarms()["MetricAlarms"]
    found = {alarm["MetricName"] for alarm in alarms if alarm["AlarmName"].startswith(f"{STACK}-Keeper")}
    assert found == {"Errors", "HoursUntilExpiry", "HoursUntilRenewal"}
    rules = governance.aws("events").list_rules(NamePrefix=f"{STACK}-Keeper")["Rules"]
    assert [rule["ScheduleExpression"] for rule in rules] == ["rate(12 hours)"]


def test_without_a_token_it_fails_and_says_so_and_with_one_the_channel_is_fresh(governance: Governance) -> None:
    before = governance.expires()
    assert before == FOUNDED + timedelta(days=7)
    keeper = governance.outputs["KeeperFunction"]
    succeeded, _, said = governance.invoke(keeper)
    assert not succeeded
    assert "token" in said
    assert KEEPER in said
    governance.give_token(KEEPER, user="keeper")
    succeeded, _, said = governance.invoke(keeper)
    assert succeeded, said
    assert governance.expires() > before + timedelta(days=4)
    (line,) = [json.loads(text) for text in said.splitlines() if '"channel-validity"' in text]
    assert line["HoursUntilExpiry"] in (167, 168)
