"""Read the settings of one endpoint, and check that a rollout can be judged before it ends."""

from __future__ import annotations

from weighbridge.instances import hosting_instance_types, nearest, training_instance_types
from weighbridge.settings.schema import AlarmSettings, EndpointSettings, RolloutSettings
from weighbridge.settings.section import Section

DEFAULT_WAIT_SECONDS = 300
DEFAULT_TERMINATION_WAIT_SECONDS = 120


def read_endpoint(section: Section) -> EndpointSettings:
    """Return the endpoint's settings.

    Raises:
        SettingsError: naming the key, the problem and the fix.
    """
    section.allow("instance_type", "instance_count", "rollout", "alarms")
    instance_type = section.text("instance_type", pattern=r".+", form="a SageMaker instance type such as ml.g5.xlarge")
    known = hosting_instance_types()
    if instance_type not in known:
        near = nearest(instance_type, among=known) or ("ml.g5.xlarge",)
        section.refuse(
            "instance_type",
            f"{instance_type!r} is not an instance type of SageMaker endpoints"
            + (", but of training jobs alone" if instance_type in training_instance_types() else ""),
            f"use one such as {', '.join(near)}",
        )  # fmt: skip
    count = section.integer("instance_count", minimum=1, maximum=100, default=2)
    alarms = _alarms(section.optional_section("alarms") or Section(section.file, f"{section.path}.alarms", {}))
    rollout = section.optional_section("rollout") or Section(section.file, f"{section.path}.rollout", {})
    return EndpointSettings(
        instance_type=instance_type,
        instance_count=count,
        rollout=_rollout(rollout, count=count, evaluation_minutes=alarms.evaluation_minutes),
        alarms=alarms,
    )


def _alarms(section: Section) -> AlarmSettings:
    section.allow("server_errors_per_minute", "latency_p99_milliseconds", "evaluation_minutes")
    return AlarmSettings(
        server_errors_per_minute=section.integer("server_errors_per_minute", minimum=0, maximum=1_000_000, default=5),
        latency_p99_milliseconds=section.integer("latency_p99_milliseconds", minimum=1, maximum=60_000, default=5_000),
        evaluation_minutes=section.integer("evaluation_minutes", minimum=1, maximum=30, default=2),
    )


def _rollout(section: Section, *, count: int, evaluation_minutes: int) -> RolloutSettings:
    section.allow("canary_instances", "wait_seconds", "termination_wait_seconds")
    canary: int | None = None
    if section.has("canary_instances"):
        # SageMaker's CanarySize is at most half of the variant's instances (API_TrafficRoutingConfig).
        canary = section.integer("canary_instances", minimum=1, maximum=100)
        if canary > count // 2:
            section.refuse("canary_instances", f"{canary} of {count} instances is more than half",
                           "lower it, raise instance_count, or remove it to switch all at once")  # fmt: skip
    elif count >= 2:
        canary = 1
    least = 60 * (evaluation_minutes + 1)
    wait = section.integer("wait_seconds", minimum=0, maximum=3600, default=max(DEFAULT_WAIT_SECONDS, least))
    if wait < least:
        section.refuse("wait_seconds", f"{wait} s end before alarms over {evaluation_minutes} minutes can ring",
                       f"give at least {least}, or lower alarms.evaluation_minutes")  # fmt: skip
    return RolloutSettings(
        canary_instances=canary,
        wait_seconds=wait,
        termination_wait_seconds=section.integer(
            "termination_wait_seconds", minimum=0, maximum=3600, default=DEFAULT_TERMINATION_WAIT_SECONDS
        ),
    )
