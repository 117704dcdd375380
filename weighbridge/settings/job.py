"""Read the section `training.job`: what the state machine starts jobs as. What SageMaker cannot run is refused here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from weighbridge.jobs.compute import (
    DISTRIBUTIONS,
    INSTANCE_LIMIT,
    KEEP_ALIVE_LIMIT_SECONDS,
    RUNTIME_LIMIT_SECONDS,
    VOLUME_LIMIT_GB,
    Compute,
    ComputeError,
)
from weighbridge.settings.section import Section

IMAGE = r"[a-z0-9][a-z0-9.:-]*/[a-z0-9][a-z0-9._/-]*@sha256:[0-9a-f]{64}"
_CHANNEL = r"[A-Za-z0-9._-]{1,64}"
_FOLDER = r"([A-Za-z0-9][A-Za-z0-9._-]*/)+"
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class JobSettings:
    """Jobs that the state machine starts.

    `image` is `HOST/PATH@sha256:HEX`. `channels` are folders below `input/` of the training bucket by channel name, for runs
    that name none. With `docker_username`, the image comes from a Docker repository of the registry: it is the user name
    that goes with the token of training jobs.
    """

    image: str
    compute: Compute
    channels: Mapping[str, str] = field(default_factory=dict)
    docker_username: str | None = None


def read_job(section: Section | None) -> JobSettings | None:
    """Return the section, or None when the state machine starts no jobs.

    Raises:
        SettingsError: naming the key, the problem and the fix.
    """
    if section is None:
        return None
    section.allow(
        "image", "docker_username", "channels", "instance_type", "instance_count", "volume_gb", "efa", "distribution",
        "spot", "checkpoints", "max_runtime_seconds", "max_wait_seconds", "keep_alive_seconds",
    )  # fmt: skip
    channels = section.optional_section("channels") or Section(section.file, f"{section.path}.channels", {})
    return JobSettings(
        image=section.text("image", pattern=IMAGE, form="an image by digest, HOST/PATH@sha256:..."),
        compute=_compute(section),
        channels=_channels(channels),
        docker_username=section.optional_text(
            "docker_username", pattern=r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}", form="a user's name in the registry"
        ),
    )


def _compute(section: Section) -> Compute:
    def number(key: str, maximum: int, *, minimum: int = 1) -> int | None:
        return section.integer(key, minimum=minimum, maximum=maximum) if section.has(key) else None

    distribution = section.choice("distribution", among=DISTRIBUTIONS)
    kind = section.text("instance_type", pattern=r".+", form="a SageMaker instance type such as ml.g5.xlarge")
    try:
        return Compute(
            instance_type=kind,
            instance_count=number("instance_count", INSTANCE_LIMIT) or 1,
            volume_gb=number("volume_gb", VOLUME_LIMIT_GB),
            efa=section.flag("efa", default=False),
            distribution=next((known for known in DISTRIBUTIONS if known == distribution), None),
            spot=section.flag("spot", default=False),
            checkpoints=section.flag("checkpoints", default=False),
            max_runtime_seconds=number("max_runtime_seconds", RUNTIME_LIMIT_SECONDS) or _DAY,
            max_wait_seconds=number("max_wait_seconds", 2 * RUNTIME_LIMIT_SECONDS),
            keep_alive_seconds=number("keep_alive_seconds", KEEP_ALIVE_LIMIT_SECONDS, minimum=0) or 0,
        )
    except ComputeError as error:
        section.refuse(*error.problem)


def _channels(section: Section) -> dict[str, str]:
    found = {}
    for name in section.values:
        if not re.fullmatch(_CHANNEL, name):
            section.refuse(name, "is no name of a channel", "use letters, digits, '.', '_' and '-', at most 64")
        found[name] = section.text(name, pattern=_FOLDER, form="a folder below input/, such as train/")
    return found
