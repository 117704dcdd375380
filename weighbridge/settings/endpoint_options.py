"""Read what an endpoint can be given besides, and refuse what cannot be together."""

from __future__ import annotations

from typing import cast, get_args

from weighbridge.host_images import host_image_problem
from weighbridge.instances import accelerators, is_accelerated
from weighbridge.settings.hosting import (
    AutoscalingSettings,
    ComponentSettings,
    DataCaptureSettings,
    ServerKind,
    ServerSettings,
)
from weighbridge.settings.section import Section

# Keys of a server beside `kind` and `environment`.
_KEYS_OF_KIND = {
    "vllm": ("tensor_parallel_size", "options"),
    "lmi": ("tensor_parallel_size",),
    "hugging_face": ("task",),
    "custom": ("command",),
}


def read_server(section: Section | None, *, instance_type: str) -> ServerSettings | None:
    """Return the server, or None for the image's own.

    Raises:
        SettingsError: naming the key, the problem and the fix.
    """
    if section is None:
        return None
    section.allow("kind", "tensor_parallel_size", "options", "task", "command", "environment")
    kind = section.choice("kind", among=get_args(ServerKind))
    if kind is None:
        section.refuse("kind", "is missing", f"give one of {', '.join(get_args(ServerKind))}")
    for key in ("tensor_parallel_size", "options", "task", "command"):
        if section.has(key) and key not in _KEYS_OF_KIND[kind]:
            section.refuse(key, f"belongs to another kind of server than {kind}", "remove it, or change kind")
    return ServerSettings(
        kind=cast(ServerKind, kind),
        tensor_parallel_size=_tensor_parallel_size(section, instance_type=instance_type),
        options=section.words("options"),
        task=section.text("task", pattern=r"[a-z0-9-]+", form="a task such as feature-extraction")
        if kind == "hugging_face"
        else None,
        command=section.words("command", minimum=1) if kind == "custom" else (),
        environment=_environment(section.optional_section("environment")),
    )


def read_autoscaling(section: Section | None, *, instance_count: int) -> AutoscalingSettings | None:
    """Return the bounds and the target of the capacity, or None for a fixed one.

    Raises:
        SettingsError: naming the key, the problem and the fix.
    """
    if section is None:
        return None
    section.allow("minimum", "maximum", "concurrency", "invocations_per_minute")
    minimum = section.integer("minimum", minimum=1, maximum=100)
    maximum = section.integer("maximum", minimum=minimum, maximum=100)
    if section.has("concurrency") == section.has("invocations_per_minute"):
        section.refuse("concurrency", "one of it and invocations_per_minute is the target", "keep exactly one")
    if not minimum <= instance_count <= maximum:
        section.refuse("minimum", f"instance_count {instance_count} is not within {minimum} to {maximum}",
                       "start with a number of instances that autoscaling would keep")  # fmt: skip
    return AutoscalingSettings(
        minimum=minimum,
        maximum=maximum,
        concurrency=_target(section, "concurrency"),
        invocations_per_minute=_target(section, "invocations_per_minute"),
    )


def read_data_capture(section: Section | None) -> DataCaptureSettings | None:
    """Return what is recorded, or None for nothing.

    Raises:
        SettingsError: naming the key, the problem and the fix.
    """
    if section is None:
        return None
    section.allow("bucket", "key_arn", "percentage", "prefix")
    return DataCaptureSettings(
        bucket=section.text("bucket", pattern=r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", form="a bucket's name"),
        key_arn=section.text(
            "key_arn", pattern=r"arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+", form="a key ARN"
        ),
        percentage=section.integer("percentage", minimum=1, maximum=100),
        prefix=section.text(
            "prefix", pattern=r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*", form="a prefix without '/' at its ends", default="capture"
        ),
    )  # fmt: skip


def read_component(section: Section | None, *, endpoint: Section, instance_type: str) -> ComponentSettings | None:
    """Return the inference component, or None for an endpoint whose variant holds the model itself.

    Raises:
        SettingsError: naming the key, the problem and the fix; also for what `endpoint` has that a component cannot.
    """
    if section is None:
        return None
    section.allow("minimum", "maximum", "instances", "concurrency", "memory_mb", "accelerators")
    for key, fix in (
        ("instance_count", "remove it: instances come and go with copies, at most inference_component.instances"),
        ("autoscaling", "remove it: copies are scaled, by inference_component.minimum, maximum and concurrency"),
        ("data_capture", "remove one of the two: capture is not offered for components"),
    ):
        if endpoint.has(key):
            endpoint.refuse(key, "cannot be given with inference_component", fix)
    rollout = endpoint.optional_section("rollout")
    for key in ("canary_instances", "linear_instances", "termination_wait_seconds"):
        if rollout is not None and rollout.has(key):
            rollout.refuse(key, "cannot be given with inference_component", "remove it: copies are replaced one by one")
    minimum = section.integer("minimum", minimum=0, maximum=100, default=0) if section.has("minimum") else 0
    found = ComponentSettings(
        minimum=minimum,
        maximum=section.integer("maximum", minimum=max(1, minimum), maximum=100, default=max(1, minimum)),
        instances=section.integer("instances", minimum=1, maximum=100, default=max(1, minimum)),
        concurrency=section.integer("concurrency", minimum=1, maximum=100_000, default=5),
        memory_mb=section.integer("memory_mb", minimum=128, maximum=16_000_000, default=1024),
        accelerators=section.integer("accelerators", minimum=1, maximum=64) if section.has("accelerators") else None,
    )
    _check_accelerators(section, found, instance_type=instance_type)
    return found


def read_cuda(section: Section, *, instance_type: str) -> str | None:
    """Return the CUDA version that the runtime images are built with, such as `12.8`; None when it is not told.

    Raises:
        SettingsError: when no host image of the instance type runs it.
    """
    cuda = section.optional_text("cuda", pattern=r"[1-9][0-9]?\.[0-9]", form='a CUDA version such as "12.8"')
    if cuda is not None and (problem := host_image_problem(instance_type=instance_type, cuda=cuda)):
        section.refuse("cuda", *problem)
    return cuda


def _tensor_parallel_size(section: Section, *, instance_type: str) -> int:
    size = section.integer("tensor_parallel_size", minimum=1, maximum=64, default=1)
    found = accelerators(instance_type)
    if found is not None and size > found.count:
        section.refuse("tensor_parallel_size", f"{size} accelerators, but {instance_type} has {found.count}",
                       f"give at most {found.count}, or a larger instance type")  # fmt: skip
    return size


def _environment(section: Section | None) -> dict[str, str]:
    if section is None:
        return {}
    return {name: section.text(name, pattern=r"[ -~]{1,1024}", form="up to 1024 characters") for name in section.values}


def _target(section: Section, key: str) -> int | None:
    return section.integer(key, minimum=1, maximum=1_000_000) if section.has(key) else None


def _check_accelerators(section: Section, found: ComponentSettings, *, instance_type: str) -> None:
    if found.accelerators is None:
        if is_accelerated(instance_type):
            section.refuse("accelerators", f"is missing, but {instance_type} has some",
                           "say how many a copy reserves; without, it would get none")  # fmt: skip
        return
    known = accelerators(instance_type)
    if not is_accelerated(instance_type) or (known is not None and found.accelerators > known.count):
        count = 0 if known is None else known.count
        section.refuse("accelerators", f"{found.accelerators} for a copy, but {instance_type} has {count}",
                       "reserve at most what one instance has")  # fmt: skip
