"""Whom alarms tell: the topic of the settings, where they name one."""

from __future__ import annotations

from collections.abc import Iterable

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns

from constructs import Construct
from weighbridge.settings import EnvironmentSettings


def notify(scope: Construct, *, settings: EnvironmentSettings, alarms: Iterable[cloudwatch.Alarm]) -> None:
    """Let `alarms` tell the topic when they ring, and when they are quiet again."""
    if settings.alarm_topic is None:
        return
    topic = sns.Topic.from_topic_arn(scope, "AlarmTopic", settings.alarm_topic)
    for alarm in alarms:
        alarm.add_alarm_action(actions.SnsAction(topic))
        alarm.add_ok_action(actions.SnsAction(topic))
