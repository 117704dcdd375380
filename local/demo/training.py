"""A governed training job, and the registrar that takes over what it uploaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from examples.training.build_dataset import write as write_dataset
from local.demo.clouds import wait_for
from local.demo.founding import short
from local.demo.story import Step, require
from local.demo.world import HUB_MODEL, MODEL, World

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import DescribeTrainingJobResponseTypeDef

TRAINING = "weighbridge-dev/training"
JOB_LOGS = "/aws/sagemaker/TrainingJobs"
JOB_SECONDS = 240.0
REGISTRAR_SECONDS = 90.0
LEAST_GAIN = 0.05


def train(world: World, step: Step, *, version: str, seed: int) -> None:
    """Run a training job for `version` and wait until the registrar has published it in dev."""
    clouds = world.clouds
    before = clouds.release_id(environment="dev", model=MODEL)
    outputs = _outputs(world)
    _put_dataset(world, bucket=outputs["TrainingData"], folder=world.folder / "dataset")
    job = f"{MODEL}-{version.replace('.', '-')}"
    _start(world, job=job, version=version, seed=seed, outputs=outputs)
    ended = wait_for(f"training job {job}", lambda: _ended(world, job), seconds=JOB_SECONDS)
    status, reason = ended["TrainingJobStatus"], ended.get("FailureReason", "")
    require(status == "Completed", f"{job}: {status}: {reason} (log group {JOB_LOGS})")
    gain = _metrics(world, version=version)
    step.proved(f"job {job} Completed: {gain}")
    wait_for(
        f"the registrar to publish {MODEL}:{version} in dev",
        lambda: None if clouds.release_id(environment="dev", model=MODEL) == before else True,
        seconds=REGISTRAR_SECONDS,
    )
    _check_registered(world, step, version=version, job=job)


def _outputs(world: World) -> dict[str, str]:
    found = world.clouds.cloudformation.describe_stacks(StackName=TRAINING.replace("/", "-"))
    return {item["OutputKey"]: item["OutputValue"] for item in found["Stacks"][0]["Outputs"]}


def _put_dataset(world: World, *, bucket: str, folder: Path) -> None:
    client = world.clouds.s3
    for name in write_dataset(folder):
        client.upload_file(str(folder / name), bucket, f"input/{Path(name).stem}/{name}")


def _start(world: World, *, job: str, version: str, seed: int, outputs: dict[str, str]) -> None:
    bucket = outputs["TrainingData"]
    world.clouds.sagemaker.create_training_job(
        TrainingJobName=job,
        RoleArn=outputs["TrainingRole"],
        AlgorithmSpecification={"TrainingImage": world.aws.image("training"), "TrainingInputMode": "File"},
        HyperParameters={
            "base_repository": HUB_MODEL,
            "base_revision": world.hub.revision,
            "model_name": MODEL,
            "model_version": version,
            "seed": str(seed),
        },
        InputDataConfig=[
            {
                "ChannelName": channel,
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/input/{channel}/"}},
            }
            for channel in ("train", "test")
        ],
        OutputDataConfig={"S3OutputPath": f"s3://{bucket}/output/"},
        ResourceConfig={"InstanceType": "ml.c6i.2xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
        StoppingCondition={"MaxRuntimeInSeconds": 3600},
        Environment=json.loads(outputs["TrainingEnvironment"]),
        Tags=[
            {"Key": "weighbridge:model", "Value": MODEL},
            {"Key": "weighbridge:version", "Value": version},
            {"Key": "weighbridge:owner", "Value": "data-science"},
        ],
    )


def _ended(world: World, job: str) -> DescribeTrainingJobResponseTypeDef | None:
    found = world.clouds.sagemaker.describe_training_job(TrainingJobName=job)
    return found if found["TrainingJobStatus"] in ("Completed", "Failed", "Stopped") else None


def _metrics(world: World, *, version: str) -> str:
    judged = list(world.clouds.log_events(JOB_LOGS, name="fine-tuned-model-judged"))
    figures = {name: float(str(value)) for name, value in judged[-1].items() if name.startswith("accuracy")}
    first, last = figures["accuracy_before"], figures["accuracy_after"]
    require(last >= first + LEAST_GAIN, f"{version}: accuracy on held-out texts went from {first} to {last}")
    return f"accuracy on texts that it never saw {first:.3f} -> {last:.3f}"


def _check_registered(world: World, step: Step, *, version: str, job: str) -> None:
    shown = world.weighbridge(
        "release", "show", f"{MODEL}:{version}", "--env", "dev", "--environments", str(world.environments),
        identity="reader",
    )  # fmt: skip
    lineage = shown["lineage"]
    require(isinstance(lineage, dict) and str(lineage["training_job"]).endswith(job), f"lineage: {lineage}")
    assert isinstance(lineage, dict)
    require(lineage["base_model"]["revision"] == world.hub.revision, f"base model: {lineage['base_model']}")
    step.proved(
        f"the registrar's function read every byte back, signed and published it in dev: {short(str(shown['release']))}, "
        f"trained by {job} from {HUB_MODEL} at {short(world.hub.revision)} on {len(lineage['datasets'])} datasets"
    )
