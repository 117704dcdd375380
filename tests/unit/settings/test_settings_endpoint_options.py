"""What an endpoint can be given besides: read into frozen values, and refused in one line where it cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from test_settings_loading import GOOD

from weighbridge.errors import SettingsError
from weighbridge.settings import (
    AutoscalingSettings,
    CacheSettings,
    ComponentSettings,
    DataCaptureSettings,
    EnvironmentSettings,
    ServerSettings,
    load_settings,
)

CAPTURE = {"bucket": "captures", "key_arn": "arn:aws:kms:eu-central-1:111111111111:key/abcd", "percentage": 5}


def load(folder: Path, *, top: dict[str, Any] | None = None, **endpoint: Any) -> EnvironmentSettings:
    document = yaml.safe_load(GOOD)
    document["models"][0]["endpoint"] |= endpoint
    path = folder / "prod.yaml"
    path.write_text(yaml.safe_dump(document | (top or {})))
    return load_settings(path)


def refused(folder: Path, **endpoint: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        load(folder, **endpoint)
    message = str(caught.value)
    assert "\n" not in message
    return message.split("models[0].endpoint.", 1)[1]


def test_nothing_is_given_unless_it_is_asked_for(tmp_path: Path) -> None:
    settings = load(tmp_path)
    endpoint = settings.models[0].endpoint
    assert (
        endpoint.server,
        endpoint.cuda,
        endpoint.autoscaling,
        endpoint.data_capture,
        endpoint.inference_component,
    ) == (None,) * 5
    assert (endpoint.termination_protection, endpoint.rollout.linear_instances, settings.cache) == (False, None, None)


def test_options_are_read(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        top={"cache": {"days": 7}},
        instance_type="ml.g5.12xlarge",
        instance_count=4,
        rollout={"linear_instances": 1},
        cuda="12.4",
        server={"kind": "vllm", "tensor_parallel_size": 4, "options": ["--max-model-len", "8192"]},
        autoscaling={"minimum": 2, "maximum": 8, "concurrency": 4},
        data_capture=CAPTURE,
        termination_protection=True,
    )
    endpoint = settings.models[0].endpoint
    assert endpoint.server == ServerSettings(
        kind="vllm", tensor_parallel_size=4, options=("--max-model-len", "8192"), environment={}
    )
    assert endpoint.autoscaling == AutoscalingSettings(2, 8, concurrency=4, invocations_per_minute=None)
    assert endpoint.data_capture == DataCaptureSettings(**CAPTURE, prefix="capture")  # type: ignore[arg-type]
    assert (endpoint.cuda, endpoint.termination_protection) == ("12.4", True)
    assert (endpoint.rollout.canary_instances, endpoint.rollout.linear_instances) == (None, 1)
    assert settings.cache == CacheSettings(days=7)


def test_a_component_scales_to_zero_unless_it_is_told_otherwise(tmp_path: Path) -> None:
    endpoint = load(tmp_path, inference_component={"accelerators": 1, "maximum": 3}).models[0].endpoint
    assert endpoint.inference_component == ComponentSettings(
        minimum=0, maximum=3, instances=1, concurrency=5, memory_mb=1024, accelerators=1
    )
    assert endpoint.rollout.canary_instances is None


def test_a_rollout_has_the_canary_that_the_least_capacity_can_bear(tmp_path: Path) -> None:
    scaling = {"minimum": 1, "maximum": 4, "concurrency": 1}
    assert load(tmp_path, instance_count=4, autoscaling=scaling).models[0].endpoint.rollout.canary_instances is None
    words = refused(tmp_path, instance_count=4, autoscaling=scaling, rollout={"canary_instances": 1})
    assert words.startswith("rollout.canary_instances: 1 of 1 instances is more than half")


@pytest.mark.parametrize(
    ("endpoint", "words"),
    [
        ({"autoscaling": {"minimum": 3, "maximum": 2, "concurrency": 1}}, "autoscaling.maximum: 2 is out of range"),
        ({"autoscaling": {"minimum": 3, "maximum": 4, "concurrency": 1}}, "autoscaling.minimum: instance_count 2"),
        ({"autoscaling": {"minimum": 1, "maximum": 4}}, "autoscaling.concurrency: one of it and"),
        (
            {"autoscaling": {"minimum": 1, "maximum": 4, "concurrency": 1, "invocations_per_minute": 1}},
            "autoscaling.concurrency: one of it and",
        ),
        ({"rollout": {"canary_instances": 1, "linear_instances": 1}}, "rollout.linear_instances: canary_instances is"),
        ({"rollout": {"linear_instances": 2}}, "rollout.linear_instances: 2 of 2 instances is more than half"),
        ({"server": {}}, "server.kind: is missing"),
        ({"server": {"kind": "triton"}}, "server.kind: 'triton' is not known"),
        ({"server": {"kind": "custom"}}, "server.command: is missing"),
        ({"server": {"kind": "custom", "command": []}}, "server.command: [] is not a list of words"),
        ({"server": {"kind": "custom", "command": ["x\ny"]}}, "server.command[0]: 'x\\ny' is not printable"),
        ({"server": {"kind": "hugging_face"}}, "server.task: is missing"),
        ({"server": {"kind": "vllm", "task": "x"}}, "server.task: belongs to another kind of server than vllm"),
        ({"server": {"kind": "lmi", "options": ["x"]}}, "server.options: belongs to another kind of server than lmi"),
        ({"server": {"kind": "vllm", "tensor_parallel_size": 2}}, "server.tensor_parallel_size: 2 accelerators, but"),
        ({"cuda": 12.4}, "cuda: '12.4' reads as a YAML float"),
        ({"cuda": "13.1"}, "cuda: images of CUDA 13.1 do not run on ml.g5.xlarge"),
        ({"cuda": "12.4", "instance_type": "ml.p3.2xlarge"}, "cuda: images of CUDA 12.4 do not run on ml.p3.2xlarge"),
        ({"cuda": "12.4", "instance_type": "ml.c6i.xlarge"}, "cuda: ml.c6i.xlarge has no NVIDIA GPU"),
        ({"data_capture": {**CAPTURE, "percentage": 0}}, "data_capture.percentage: 0 is out of range"),
        ({"data_capture": {**CAPTURE, "prefix": "/a"}}, "data_capture.prefix: '/a' is not a prefix"),
        ({"inference_component": {"accelerators": 2}}, "inference_component.accelerators: 2 for a copy, but ml.g5.xlarge has 1"),
        ({"inference_component": {}}, "inference_component.accelerators: is missing, but ml.g5.xlarge has some"),
        ({"inference_component": {"minimum": 2, "maximum": 1}}, "inference_component.maximum: 1 is out of range"),
        ({"inference_component": {"accelerators": 1}, "instance_count": 2}, "instance_count: cannot be given with"),
        (
            {"inference_component": {}, "autoscaling": {"minimum": 1, "maximum": 2, "concurrency": 1}},
            "autoscaling: cannot be given with inference_component",
        ),
        ({"inference_component": {}, "data_capture": CAPTURE}, "data_capture: cannot be given with"),
        (
            {"inference_component": {}, "rollout": {"linear_instances": 1}},
            "rollout.linear_instances: cannot be given with inference_component",
        ),
        ({"termination_protection": "yes"}, "termination_protection: 'yes' is not a boolean"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(tmp_path: Path, endpoint: dict[str, Any], words: str) -> None:
    assert refused(tmp_path, **endpoint).startswith(words)


def test_a_cache_that_forgets_at_once_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"cache.days: 1 is out of range"):
        load(tmp_path, top={"cache": {"days": 1}})
