"""The arithmetic of an endpoint: numbers within SageMaker's limits, or a refusal that shows how it was reckoned."""

from __future__ import annotations

import botocore.session
import pytest

from weighbridge.errors import DoesNotFitError, InputError
from weighbridge.host_images import host_image
from weighbridge.instances import hosting_instance_types, takes_inference_ami
from weighbridge.resolution import fit

GIB = 1024**3


@pytest.mark.parametrize("load_bytes", [0, 1, 90_868_376, 10 * GIB, 10**15])
def test_every_number_is_within_sagemakers_limits(load_bytes: int) -> None:
    for instance_type in hosting_instance_types():
        found = fit(load_bytes=load_bytes, instance_type=instance_type)
        assert 60 <= found.startup_seconds <= 3600, instance_type
        assert 1 <= found.volume_gb <= 512, instance_type
        assert bool(found.ami) == takes_inference_ami(instance_type), instance_type
        assert bool(found.problem) == (load_bytes == 10**15), instance_type


@pytest.mark.parametrize(
    ("instance_type", "speed"),
    [
        ("ml.t2.medium", 32),
        ("ml.t2.2xlarge", 128),
        ("ml.m5.large", 64),
        ("ml.g5.xlarge", 64),
        ("ml.c6i.8xlarge", 128),
        ("ml.p5.48xlarge", 256),
        ("ml.trn1.2xlarge", 128),
    ],
)
def test_larger_instances_are_expected_to_be_faster(instance_type: str, speed: int) -> None:
    found = fit(load_bytes=speed * 1024**2 * 1000, instance_type=instance_type)
    assert found.startup_seconds == 1300


def test_the_last_byte_that_arrives_in_time() -> None:
    most = 64 * 1024**2 * 3300
    assert fit(load_bytes=most, instance_type="ml.m5.xlarge").require().startup_seconds == 3600
    with pytest.raises(DoesNotFitError, match=r"with 300 s to start 3,601 s; SageMaker waits 3,600 s"):
        fit(load_bytes=most + 1, instance_type="ml.m5.xlarge").require()


def test_the_last_byte_that_has_room() -> None:
    most = 482 * GIB
    assert fit(load_bytes=most, instance_type="ml.m5.12xlarge").require().volume_gb == 512
    with pytest.raises(DoesNotFitError, match=r"need a volume of 513 GiB on ml\.m5\.12xlarge; SageMaker gives 512"):
        fit(load_bytes=most + 1, instance_type="ml.m5.12xlarge").require()


def test_disks_of_their_own_need_no_volume() -> None:
    assert not fit(load_bytes=533 * GIB, instance_type="ml.p5.48xlarge").problem
    with pytest.raises(DoesNotFitError, match=r"do not fit the 125 GB of disks of ml\.g4dn\.xlarge"):
        fit(load_bytes=125_000_000_001, instance_type="ml.g4dn.xlarge").require()


@pytest.mark.parametrize(
    ("instance_type", "ami"),
    [
        ("ml.g6e.xlarge", "al2023-ami-sagemaker-inference-gpu-4-1"),
        ("ml.p3.2xlarge", "al2-ami-sagemaker-inference-gpu-2"),
        ("ml.inf2.xlarge", "al2-ami-sagemaker-inference-neuron-2"),
        ("ml.c6i.xlarge", ""),
    ],
)
def test_the_host_image_follows_the_accelerator(instance_type: str, ami: str) -> None:
    assert fit(load_bytes=1, instance_type=instance_type).ami == ami


@pytest.mark.parametrize("instance_type", ["", "c6i.xlarge", "ml.c6i", "ml.c6i.xlarge.x", "ml.banana.xlarge"])
def test_an_unknown_type_is_refused(instance_type: str) -> None:
    with pytest.raises(InputError, match="InstanceType"):
        fit(load_bytes=1, instance_type=instance_type)


def test_the_last_byte_that_the_accelerators_hold() -> None:
    most = 24 * GIB * 100 // 120
    assert not fit(load_bytes=most, instance_type="ml.g5.2xlarge").problem
    with pytest.raises(DoesNotFitError, match=r"x 1\.2 need 24\.0 GiB .*ml\.g5\.2xlarge has 1 x NVIDIA A10G of 24 GiB"):
        fit(load_bytes=most + 1, instance_type="ml.g5.2xlarge").require()
    assert not fit(load_bytes=most + 1, instance_type="ml.g5.12xlarge").problem
    assert not fit(load_bytes=most + 1, instance_type="ml.m5.2xlarge").problem


@pytest.mark.parametrize(
    ("instance_type", "cuda", "ami"),
    [
        ("ml.g5.xlarge", "11.8", "al2-ami-sagemaker-inference-gpu-2-1"),
        ("ml.g5.xlarge", "12.2", "al2-ami-sagemaker-inference-gpu-2-1"),
        ("ml.g5.xlarge", "12.4", "al2-ami-sagemaker-inference-gpu-3-1"),
        ("ml.g5.xlarge", "12.8", "al2023-ami-sagemaker-inference-gpu-4-1"),
        ("ml.p5en.48xlarge", "12.1", "al2-ami-sagemaker-inference-gpu-3-1"),
        ("ml.p6-b200.48xlarge", "12.1", "al2023-ami-sagemaker-inference-gpu-4-1"),
        ("ml.p3.2xlarge", "11.8", "al2-ami-sagemaker-inference-gpu-2"),
    ],
)
def test_the_host_image_is_matched_to_the_cuda_of_the_image(instance_type: str, cuda: str, ami: str) -> None:
    found = fit(load_bytes=1, instance_type=instance_type, cuda=cuda)
    assert (found.ami, found.problem) == (ami, "")


def test_a_cuda_that_no_host_image_knows_does_not_fit() -> None:
    with pytest.raises(DoesNotFitError, match=r"CUDA 13.2 do not run on ml.g5.xlarge.*driver 580 for CUDA 13.0"):
        fit(load_bytes=1, instance_type="ml.g5.xlarge", cuda="13.2").require()


def test_every_host_image_is_one_of_the_api() -> None:
    shape = (
        botocore.session.get_session().get_service_model("sagemaker").shape_for("ProductionVariantInferenceAmiVersion")
    )
    found = {
        host_image(instance_type=each, cuda=cuda)
        for each in hosting_instance_types()
        for cuda in (None, "11.0", "12.3")
    }
    assert found - {""} == set(shape.enum)
