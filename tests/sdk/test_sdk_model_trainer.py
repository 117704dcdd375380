"""A plain ModelTrainer of the real SDK v3 in a notebook that ran the lifecycle script: what its request to SageMaker carries."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from local.aws.images import folder_image
from local.aws.process import LocalAws
from local.process import ROOT, environment_python
from weighbridge.jobs.proxies import proxy_environment
from weighbridge.jobs.request import TrainingPlatform
from weighbridge.jobs.sdk_defaults import defaults_parameter, lifecycle_script, sdk_defaults

BUCKET = "training-data"
KEY = "arn:aws:kms:eu-central-1:000000000000:key/training"
PLATFORM = TrainingPlatform(
    role="arn:aws:iam::000000000000:role/governed",
    subnets=("subnet-1", "subnet-2"),
    security_groups=("sg-1",),
    bucket=BUCKET,
    key=KEY,
    environment={
        **proxy_environment(registry_url="https://registry.example.com/artifactory", hub_repository="hub"),
        "WEIGHBRIDGE_INCOMING_REPOSITORY": "incoming",
    },
)
# The AWS CLI is no part of this checkout; the script calls it once. A first line ends at a blank, which a path may hold.
AWS_CLI = """#!/bin/sh
'''exec' "{python}" "$0" "$@"
' '''
import boto3, sys
words = dict(zip(sys.argv[3::2], sys.argv[4::2]))
assert sys.argv[1:3] == ["ssm", "get-parameter"], sys.argv
assert words["--query"] == "Parameter.Value" and words["--output"] == "text", words
print(boto3.client("ssm", region_name=words["--region"]).get_parameter(Name=words["--name"])["Parameter"]["Value"])
"""


@dataclass(frozen=True)
class Notebook:
    """A home folder after the lifecycle script ran, and an AWS that records what is asked of it."""

    aws: LocalAws
    home: Path
    image: str

    def play(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a scene as a kernel does: with what IPython's startup file sets, and nothing else of this environment."""
        startup = (self.home / ".ipython/profile_default/startup/00-weighbridge.py").read_text()
        return subprocess.run(
            [
                str(environment_python("sdk")), "-c",
                f"{startup}\nimport runpy, sys\nsys.argv = ['scenes', *{list(words)!r}]\n"
                "runpy.run_module('tests.sdk.trainer_scenes', run_name='__main__')",
            ],
            cwd=self.home,
            env={
                **self.aws.environment(), "PATH": os.environ["PATH"], "HOME": str(self.home), "PYTHONPATH": str(ROOT),
                "TMPDIR": str(self.home),
            },
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )  # fmt: skip

    def train(self, scene: str) -> dict[str, Any]:
        """What SageMaker knows of the job that a scene started."""
        done = self.play(scene, self.image)
        assert done.returncode == 0, done.stderr
        name = json.loads(done.stdout.splitlines()[-1])
        client = boto3.client("sagemaker", **self.aws.client_options())
        return dict(client.describe_training_job(TrainingJobName=name))


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    folder = tmp_path_factory.mktemp("trainer")
    image = folder / "fake"
    image.mkdir()
    (image / "entrypoint.py").write_text("print('trained')\n")
    home = folder / "home"
    home.mkdir()
    with LocalAws(folder=folder / "aws", images=[image]) as aws:
        location: Any = {"LocationConstraint": aws.scope.region}
        boto3.client("s3", **aws.client_options()).create_bucket(Bucket=BUCKET, CreateBucketConfiguration=location)
        boto3.client("ssm", **aws.client_options()).put_parameter(
            Name=defaults_parameter("dev"), Value=json.dumps(sdk_defaults(PLATFORM)), Type="String"
        )
        cli = folder / "bin" / "aws"
        cli.parent.mkdir()
        cli.write_text(AWS_CLI.format(python=environment_python("sdk")))
        cli.chmod(0o755)
        script = lifecycle_script(parameter=defaults_parameter("dev"), region=aws.scope.region, home=str(home))
        for _ in range(2):
            done = subprocess.run(
                ["bash", "-c", script],
                env={**aws.environment(), "PATH": f"{cli.parent}:{os.environ['PATH']}", "HOME": str(home)},
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            assert done.returncode == 0, done.stderr
        yield Notebook(aws=aws, home=home, image=folder_image(image).reference)


def test_the_sdks_own_schema_takes_the_defaults_and_a_shell_finds_them(notebook: Notebook) -> None:
    file = notebook.home / ".weighbridge" / "defaults.yaml"
    assert yaml.safe_load(file.read_text()) == sdk_defaults(PLATFORM)
    done = notebook.play("validate", str(file))
    assert done.returncode == 0, done.stderr
    lines = (notebook.home / ".bashrc").read_text().splitlines()
    assert lines == [
        'export SAGEMAKER_ADMIN_CONFIG_OVERRIDE="$HOME/.weighbridge/defaults.yaml" SAGEMAKER_VALIDATE_ROLE=false'
    ], "once, although the script ran twice"


def test_the_schema_refuses_what_the_sdk_does_not_know(notebook: Notebook, tmp_path: Path) -> None:
    wrong: Any = sdk_defaults(PLATFORM)
    wrong["SageMaker"]["TrainingJob"]["OutputDataConfig"]["S3OutputPath"] = "s3://x"
    (tmp_path / "wrong.yaml").write_text(json.dumps(wrong))
    done = notebook.play("validate", str(tmp_path / "wrong.yaml"))
    assert done.returncode != 0
    assert "S3OutputPath" in done.stderr


def test_a_plain_trainer_gets_role_network_and_proxies(notebook: Notebook) -> None:
    job = notebook.train("plain")
    assert job["RoleArn"] == PLATFORM.role
    assert job["VpcConfig"] == {"Subnets": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}
    assert job["EnableInterContainerTrafficEncryption"] is True
    assert job["EnableNetworkIsolation"] is False
    assert job["Environment"] == PLATFORM.environment
    assert job["Environment"]["HF_ENDPOINT"].startswith("https://registry.example.com/")
    for channel in job["InputDataConfig"]:
        uri = channel["DataSource"]["S3DataSource"]["S3Uri"]
        assert uri.startswith(f"s3://{BUCKET}/input/sdk/"), "where the jobs' role may read"
    # Measured, and the reason for `governed`: the SDK makes these two before it reads its config. Once this fails, a later SDK
    # reads them, and docs/sdk.md can say so.
    assert "KmsKeyId" not in job["OutputDataConfig"]
    assert "VolumeKmsKeyId" not in job["ResourceConfig"]


@pytest.mark.parametrize(("kind", "volume"), [("ml.m5.xlarge", True), ("ml.g5.xlarge", False)])
def test_one_argument_more_brings_the_keys(notebook: Notebook, kind: str, volume: bool) -> None:
    job = notebook.train(kind)
    assert job["OutputDataConfig"]["KmsKeyId"] == KEY
    assert job["OutputDataConfig"]["S3OutputPath"] == f"s3://{BUCKET}/output/"
    assert job["ResourceConfig"]["InstanceType"] == kind
    assert job["ResourceConfig"].get("VolumeKmsKeyId") == (KEY if volume else None)
    assert job["VpcConfig"]["Subnets"] == ["subnet-1", "subnet-2"]


def test_an_instance_type_that_does_not_exist_is_refused_before_anything_is_uploaded(notebook: Notebook) -> None:
    done = notebook.play("ml.g5.huge", notebook.image)
    assert done.returncode != 0
    assert "training instance_type: 'ml.g5.huge' is not an instance type of SageMaker training jobs" in done.stderr
