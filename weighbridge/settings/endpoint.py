"""Read the settings of one endpoint, and check that a rollout can be judged before it ends."""

from __future__ import annotations

from weighbridge.instances import hosting_instance_types, nearest, training_instance_types
from weighbridge.settings.endpoint_options import (
    read_autoscaling,
    read_component,
    read_cuda,
    read_data_capture,
    read_server,
)
from weighbridge.settings.schema import AlarmSettings, EndpointSettings, RolloutSettings
from weighbridge.settings.section import Section

DEFAULT_WAIT_SECONDS = 300
DEFAULT_TERMINATION_WAIT_SECONDS = 120


def read_endpoint(section: Section) -> EndpointSettings:
    """Return the endpoint's settings.

    Raises:
        SettingsError: naming the key, the problem and the fix.
    """
    section.allow(
        "instance_type", "instance_count", "rollout", "alarms", "server", "cuda", "autoscaling", "data_capture",
        "inference_component", "termination_protection",
    )  # fmt: skip
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
    component = read_component(
        section.optional_section("inference_component"), endpoint=section, instance_type=instance_type
    )
    autoscaling = read_autoscaling(section.optional_section("autoscaling"), instance_count=count)
    # A rollout takes place with whatever capacity there is, so its steps are compared with the least.
    least = 1 if component is not None else count if autoscaling is None else autoscaling.minimum
    return EndpointSettings(
        instance_type=instance_type,
        instance_count=1 if component is not None else count,
        rollout=_rollout(rollout, count=least, evaluation_minutes=alarms.evaluation_minutes),
        alarms=alarms,
        server=read_server(section.optional_section("server"), instance_type=instance_type),
        cuda=read_cuda(section, instance_type=instance_type),
        autoscaling=autoscaling,
        data_capture=read_data_capture(section.optional_section("data_capture")),
        inference_component=component,
        termination_protection=section.flag("termination_protection", default=False),
    )


def _alarms(section: Section) -> AlarmSettings:
    section.allow("server_errors_per_minute", "latency_p99_milliseconds", "evaluation_minutes")
    return AlarmSettings(
        server_errors_per_minute=section.integer("server_errors_per_minute", minimum=0, maximum=1_000_000, default=5),
        latency_p99_milliseconds=section.integer("latency_p99_milliseconds", minimum=1, maximum=60_000, default=5_000),
        evaluation_minutes=section.integer("evaluation_minutes", minimum=1, maximum=30, default=2),
    )


def _rollout(section: Section, *, count: int, evaluation_minutes: int) -> RolloutSettings:
    section.allow("canary_instances", "linear_instances", "wait_seconds", "termination_wait_seconds")
    canary, linear = _step(section, "canary_instances", count=count), _step(section, "linear_instances", count=count)
    if canary is not None and linear is not None:
        section.refuse("linear_instances", "canary_instances is given too", "keep one of the two")
    if canary is None and linear is None and count >= 2:
        canary = 1
    least = 60 * (evaluation_minutes + 1)
    wait = section.integer("wait_seconds", minimum=0, maximum=3600, default=max(DEFAULT_WAIT_SECONDS, least))
    if wait < least:
        section.refuse("wait_seconds", f"{wait} s end before alarms over {evaluation_minutes} minutes can ring",
                       f"give at least {least}, or lower alarms.evaluation_minutes")  # fmt: skip
    return RolloutSettings(
        canary_instances=canary,
        linear_instances=linear,
        wait_seconds=wait,
        termination_wait_seconds=section.integer(
            "termination_wait_seconds", minimum=0, maximum=3600, default=DEFAULT_TERMINATION_WAIT_SECONDS
        ),
    )


def _step(section: Section, key: str, *, count: int) -> int | None:
    if not section.has(key):
        return None
    # SageMaker's CanarySize and LinearStepSize are at most half of the variant's instances (API_TrafficRoutingConfig).
    step = section.integer(key, minimum=1, maximum=100)
    if step > count // 2:
        section.refuse(key, f"{step} of {count} instances is more than half",
                       "lower it, raise instance_count (or autoscaling.minimum), or remove it to switch all at once")  # fmt: skip
    return step
