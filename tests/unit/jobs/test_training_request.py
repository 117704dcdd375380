"""The request of a governed job against botocore's own model of the API, and what cannot be refused before synth."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from weighbridge.errors import InputError
from weighbridge.jobs.compute import Compute
from weighbridge.jobs.proxies import proxy_environment
from weighbridge.jobs.request import TrainingPlatform, TrainingRun, create_training_job, job_name

IMAGE = f"111111111111.dkr.ecr.eu-central-1.amazonaws.com/train@sha256:{'1' * 64}"
KEY = "arn:aws:kms:eu-central-1:111111111111:key/training"
PLATFORM = TrainingPlatform(
    role="arn:aws:iam::111111111111:role/training",
    subnets=("subnet-1", "subnet-2"),
    security_groups=("sg-1",),
    bucket="training-data",
    key=KEY,
    environment=proxy_environment(
        registry_url="https://registry.example.com/artifactory", hub_repository="hub", pypi_repository="pypi"
    ),
)
RUN = TrainingRun(
    job="minilm-1-2-0",
    model="minilm",
    version="1.2.0",
    channels={"train": "s3://training-data/input/train/"},
    hyperparameters={"epochs": "3"},
    commit="c" * 40,
    owner="ann",
)
SHAPE = botocore.session.get_session().get_service_model("sagemaker").operation_model("CreateTrainingJob").input_shape


def request(compute: Compute, **more: Any) -> dict[str, Any]:
    """The request, which botocore takes."""
    found = create_training_job(platform=PLATFORM, compute=compute, image=IMAGE, run=RUN, **more)
    report = ParamValidator().validate(found, SHAPE)
    assert not report.has_errors(), report.generate_report()
    return found


EVERY_KIND = [
    Compute(instance_type="ml.c6i.xlarge"),
    Compute(instance_type="ml.g5.xlarge", keep_alive_seconds=600),
    Compute(instance_type="ml.g5.12xlarge", spot=True, checkpoints=True, max_runtime_seconds=3600),
    Compute(instance_type="ml.p4d.24xlarge", instance_count=2, efa=True, distribution="torchrun"),
    Compute(instance_type="ml.trn1.32xlarge", instance_count=4, efa=True, distribution="mpi"),
]


@pytest.mark.parametrize("compute", EVERY_KIND, ids=lambda compute: compute.instance_type)
def test_botocore_takes_the_request_and_no_job_is_outside_the_vpc(compute: Compute) -> None:
    found = request(compute)
    assert found["VpcConfig"] == {"Subnets": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}
    assert found["EnableNetworkIsolation"] is False, "isolation cuts a job off from Secrets Manager and the registry"
    assert found["EnableInterContainerTrafficEncryption"] is True
    assert found["OutputDataConfig"] == {"S3OutputPath": "s3://training-data/output/", "KmsKeyId": KEY}
    assert found["RoleArn"] == PLATFORM.role
    assert compute.instance_type in SHAPE.members["ResourceConfig"].members["InstanceType"].enum


def test_a_volume_key_is_named_exactly_where_the_instance_has_a_volume() -> None:
    assert request(EVERY_KIND[0])["ResourceConfig"] == {
        "InstanceType": "ml.c6i.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30, "VolumeKmsKeyId": KEY
    }  # fmt: skip
    for kind in ("ml.g5.xlarge", "ml.g4dn.xlarge", "ml.p4d.24xlarge", "ml.p5.48xlarge", "ml.r5d.large"):
        assert set(request(Compute(instance_type=kind))["ResourceConfig"]) == {"InstanceType", "InstanceCount"}


def test_a_spot_job_keeps_checkpoints_of_its_own_and_waits_twice_its_runtime() -> None:
    found = request(EVERY_KIND[2])
    assert found["EnableManagedSpotTraining"] is True
    assert found["StoppingCondition"] == {"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 7200}
    assert found["CheckpointConfig"] == {
        "S3Uri": "s3://training-data/checkpoints/minilm-1-2-0/", "LocalPath": "/opt/ml/checkpoints"
    }  # fmt: skip
    assert "CheckpointConfig" not in request(EVERY_KIND[0])
    assert "MaxWaitTimeInSeconds" not in request(EVERY_KIND[0])["StoppingCondition"]


def test_a_warm_pool_and_efa_are_asked_for() -> None:
    assert request(EVERY_KIND[1])["ResourceConfig"]["KeepAlivePeriodInSeconds"] == 600
    assert request(EVERY_KIND[3])["Environment"]["FI_PROVIDER"] == "efa"
    assert "FI_PROVIDER" not in request(EVERY_KIND[1])["Environment"]


def test_the_toolkit_is_told_how_to_distribute() -> None:
    assert request(EVERY_KIND[3])["HyperParameters"] == {
        "sagemaker_torch_distributed_enabled": "true",
        "sagemaker_instance_type": '"ml.p4d.24xlarge"',
        "epochs": "3",
    }
    assert request(EVERY_KIND[4])["HyperParameters"]["sagemaker_mpi_num_of_processes_per_host"] == "16"


def test_hub_and_index_are_the_registrys_and_hold_no_credential() -> None:
    environment = request(EVERY_KIND[0])["Environment"]
    assert environment["HF_ENDPOINT"] == "https://registry.example.com/artifactory/api/huggingfaceml/hub"
    assert environment["PIP_INDEX_URL"] == "https://registry.example.com/artifactory/api/pypi/pypi/simple"
    assert environment["HF_HUB_DISABLE_XET"] == "1"
    assert not [value for value in environment.values() if "@" in value]
    assert "PIP_INDEX_URL" not in proxy_environment(registry_url="https://r/artifactory", hub_repository="hub")


def test_an_image_may_come_from_a_docker_repository_through_the_vpc() -> None:
    from dataclasses import replace

    provider = "arn:aws:lambda:eu-central-1:111111111111:function:credentials"
    platform = replace(PLATFORM, image_credentials=provider)
    found: Any = create_training_job(platform=platform, compute=EVERY_KIND[0], image=IMAGE, run=RUN)
    assert not ParamValidator().validate(found, SHAPE).has_errors()
    assert found["AlgorithmSpecification"]["TrainingImageConfig"] == {
        "TrainingRepositoryAccessMode": "Vpc",
        "TrainingRepositoryAuthConfig": {"TrainingRepositoryCredentialsProviderArn": provider},
    }


def test_tags_say_what_the_registrar_reads() -> None:
    tags = {tag["Key"]: tag["Value"] for tag in request(EVERY_KIND[0])["Tags"]}
    assert tags == {
        "weighbridge:model": "minilm", "weighbridge:version": "1.2.0", "weighbridge:commit": "c" * 40,
        "weighbridge:owner": "ann",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"instance_type": "ml.g5.huge"}, "instance_type: 'ml.g5.huge' is not an instance type of SageMaker training"),
        ({"instance_type": "ml.inf2.xlarge"}, "but of endpoints alone"),
        ({"instance_type": "ml.g5.xlarge", "volume_gb": 100}, "volume_gb: ml.g5.xlarge trains on NVMe disks of its own"),
        ({"instance_type": "ml.c6i.xlarge", "efa": True, "instance_count": 2}, "efa: ml.c6i.xlarge is not known to have"),
        ({"instance_type": "ml.p4d.24xlarge", "efa": True}, "efa: one instance alone"),
        ({"instance_type": "ml.c6i.xlarge", "distribution": "torchrun"}, "distribution: ml.c6i.xlarge has no accelerator"),
        ({"instance_type": "ml.g5.xlarge", "spot": True}, "spot: without checkpoints"),
        (
            {"instance_type": "ml.g5.xlarge", "spot": True, "checkpoints": True, "keep_alive_seconds": 60},
            "keep_alive_seconds: spot instances are not kept warm",
        ),
        ({"instance_type": "ml.g5.xlarge", "max_wait_seconds": 60}, "max_wait_seconds: only spot jobs wait"),
        (
            {"instance_type": "ml.g5.xlarge", "spot": True, "checkpoints": True, "max_wait_seconds": 60},
            "max_wait_seconds: 60 s end before max_runtime_seconds, 86400",
        ),
        ({"instance_type": "ml.g5.xlarge", "keep_alive_seconds": 99_999}, "keep_alive_seconds: 99999 is out of range"),
        ({"instance_type": "ml.g5.xlarge", "instance_count": 0}, "instance_count: 0 is out of range"),
    ],
)  # fmt: skip
def test_what_sagemaker_cannot_run_is_one_line(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match="training ") as caught:
        Compute(**fields)
    assert message in str(caught.value)
    assert caught.value.rule == "input.training-compute"
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"job": "minilm_1"}, "job: 'minilm_1' is no name"),
        ({"version": "../1"}, "version"),
        ({"channels": {"train": "/data"}}, "channel train: '/data' is not below s3://"),
        ({"commit": "main"}, "commit"),
    ],
)
def test_a_run_that_says_it_badly_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        TrainingRun(**{"job": "a", "model": "minilm", "version": "1", **fields})


def test_an_image_by_tag_and_a_value_that_is_too_long_are_refused() -> None:
    from dataclasses import replace

    with pytest.raises(InputError, match="not named by its digest"):
        create_training_job(platform=PLATFORM, compute=EVERY_KIND[0], image="registry/train:latest", run=RUN)
    platform = replace(PLATFORM, environment={"LONG": "x" * 513})
    with pytest.raises(InputError, match="environment LONG: 513 characters"):
        create_training_job(platform=platform, compute=EVERY_KIND[0], image=IMAGE, run=RUN)


def test_a_jobs_name_is_made_of_what_it_trains() -> None:
    assert job_name(model="mini_lm", version="1.2.0", suffix="a1b2") == "mini-lm-1-2-0-a1b2"
    assert len(job_name(model="m" * 60, version="1" * 60, suffix="a1b2")) <= 63
