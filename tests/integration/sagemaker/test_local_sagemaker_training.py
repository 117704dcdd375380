"""Training jobs under the /opt/ml contract, with real processes."""

from __future__ import annotations

import json
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import boto3
import pytest
from local_sagemaker_world import FAST, ROLE, fake_image, served, wait_for

from local.sagemaker.errors import AwsError
from local.sagemaker.service import LocalSageMaker
from local.sagemaker.shapes import Json, JsonObject

TRAIN = """
import json, os, signal, sys, time
from pathlib import Path

ml = Path(os.environ["WEIGHBRIDGE_ML_ROOT"])
config = {path.stem: json.loads(path.read_text()) for path in (ml / "input" / "config").iterdir()}
mode = config["hyperparameters"].get("mode", "")
print("arguments", sys.argv[1:], flush=True)
seen = {"config": config, "environment": dict(os.environ), "data": {}}
for path in sorted((ml / "input" / "data").rglob("*")):
    if path.is_file():
        seen["data"][path.relative_to(ml / "input" / "data").as_posix()] = path.read_text()
(ml / "model" / "seen.json").write_text(json.dumps(seen))
if mode == "data":
    (ml / "output" / "data" / "extra.txt").write_text("extra")
if mode == "fail":
    (ml / "output" / "failure").write_text("input.training-job: no file\\nsecond line " + "x" * 2000)
    sys.exit(3)
if mode == "checkpoint":
    kept = ml / "checkpoints" / "epochs" / "last.txt"
    epoch = int(kept.read_text()) + 1 if kept.exists() else 1
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(str(epoch))
    print("epoch", epoch, flush=True)
    if epoch == 1:
        time.sleep(600)
if mode == "crash":
    os.kill(os.getpid(), signal.SIGKILL)
if mode in ("wait", "stubborn"):
    if mode == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("waiting", flush=True)
    time.sleep(600)
"""


@dataclass
class Bench:
    """A service with a training image, a folder as S3, and every event."""

    folder: Path
    service: LocalSageMaker
    image: str
    events: list[JsonObject] = field(default_factory=list)
    store_fails: bool = False

    def s3(self, uri: str) -> Path:
        return self.folder / "s3" / uri.removeprefix("s3://")

    def fetch(self, uri: str, folder: Path) -> None:
        shutil.copytree(self.s3(uri), folder, dirs_exist_ok=True)

    def store(self, uri: str, path: Path) -> None:
        if self.store_fails:
            raise OSError("access denied")
        self.s3(uri).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, self.s3(uri))

    def request(self, name: str, mode: str = "", **changes: Json) -> JsonObject:
        return {
            "TrainingJobName": name,
            "RoleArn": ROLE,
            "AlgorithmSpecification": {"TrainingImage": self.image, "TrainingInputMode": "File"},
            "HyperParameters": {"mode": mode, "rate": "0.5"},
            "InputDataConfig": [channel("train", "s3://bucket/data")],
            "OutputDataConfig": {"S3OutputPath": "s3://bucket/output/"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
            "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
            "Environment": {"OWN": "value"},
            "Tags": [{"Key": "commit", "Value": "abc"}],
            **changes,
        }

    def run(self, name: str, mode: str = "", **changes: Json) -> JsonObject:
        self.service.call("CreateTrainingJob", self.request(name, mode, **changes))
        self.service.wait_training_job(name)
        return self.describe(name)

    def describe(self, name: str) -> JsonObject:
        return self.service.call("DescribeTrainingJob", {"TrainingJobName": name})

    def statuses(self) -> list[Json]:
        return [event["TrainingJobStatus"] for event in self.events]

    def log(self) -> list[str]:
        return self.service.logs.lines("/aws/sagemaker/TrainingJobs")


def channel(name: str, uri: str) -> JsonObject:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, "ContentType": "application/jsonlines"}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    image = fake_image(tmp_path, TRAIN, name="trainer")
    (tmp_path / "s3" / "bucket" / "data" / "sub").mkdir(parents=True)
    (tmp_path / "s3" / "bucket" / "data" / "a.txt").write_text("one")
    (tmp_path / "s3" / "bucket" / "data" / "sub" / "b.txt").write_text("two")
    made: Bench
    service = LocalSageMaker(
        folder=tmp_path / "sagemaker",
        images=[image],
        environment={"AWS_DEFAULT_REGION": "eu-central-1"},
        fetch_s3=lambda uri, folder: made.fetch(uri, folder),
        store_s3=lambda uri, path: made.store(uri, path),
        on_training_state=lambda detail: made.events.append(detail),
        timing=replace(FAST, training_grace_seconds=0.3),
    )
    made = Bench(folder=tmp_path, service=service, image=image.reference)
    with service:
        yield made


def unpacked(archive: Path, name: str) -> bytes:
    with tarfile.open(archive) as packed:
        member = packed.extractfile(name)
        assert member is not None
        return member.read()


def test_a_job_goes_on_from_the_checkpoints_of_one_that_was_interrupted(bench: Bench) -> None:
    spot: dict[str, Json] = {
        "EnableManagedSpotTraining": True,
        "CheckpointConfig": {"S3Uri": "s3://bucket/checkpoints/a/", "LocalPath": "/opt/ml/checkpoints"},
    }
    bench.service.call("CreateTrainingJob", bench.request("first", "checkpoint", **spot))
    wait_for(lambda: "epoch 1" in bench.log())
    bench.service.call("StopTrainingJob", {"TrainingJobName": "first"})
    assert bench.service.wait_training_job("first") == "Stopped"
    assert bench.s3("s3://bucket/checkpoints/a/epochs/last.txt").read_text() == "1"
    described = bench.run("second", "checkpoint", **spot)
    assert described["TrainingJobStatus"] == "Completed"
    assert described["CheckpointConfig"] == spot["CheckpointConfig"]
    assert bench.s3("s3://bucket/checkpoints/a/epochs/last.txt").read_text() == "2"
    elsewhere: JsonObject = {"S3Uri": "s3://bucket/checkpoints/a/", "LocalPath": "/tmp/elsewhere"}
    with pytest.raises(AwsError, match=r"CheckpointConfig\.LocalPath"):
        bench.service.call("CreateTrainingJob", bench.request("third", CheckpointConfig=elsewhere))


def test_job_finds_its_contract_and_its_model_is_stored(bench: Bench) -> None:
    described = bench.run("job-1", "data")
    assert (described["TrainingJobStatus"], described["SecondaryStatus"]) == ("Completed", "Completed")
    uri = "s3://bucket/output/job-1/output/model.tar.gz"
    assert described["ModelArtifacts"] == {"S3ModelArtifacts": uri}
    seen = json.loads(unpacked(bench.s3(uri), "seen.json"))
    assert seen["config"]["hyperparameters"] == {"mode": "data", "rate": "0.5"}
    assert seen["config"]["inputdataconfig"]["train"]["ContentType"] == "application/jsonlines"
    assert seen["config"]["resourceconfig"]["hosts"] == ["algo-1"]
    assert seen["data"] == {"train/a.txt": "one", "train/sub/b.txt": "two"}
    environment = seen["environment"]
    assert environment["TRAINING_JOB_NAME"] == "job-1"
    assert environment["TRAINING_JOB_ARN"] == described["TrainingJobArn"]
    assert (environment["OWN"], environment["SM_HP_RATE"]) == ("value", "0.5")
    assert environment["SM_CHANNEL_TRAIN"].endswith("/input/data/train")
    assert unpacked(bench.s3("s3://bucket/output/job-1/output/output.tar.gz"), "extra.txt") == b"extra"
    assert "arguments ['train']" in bench.log()


def test_events_tell_each_change_of_the_status(bench: Bench) -> None:
    described = bench.run("job-1")
    wait_for(lambda: len(bench.events) == 2)
    assert bench.statuses() == ["InProgress", "Completed"]
    detail = bench.events[-1]
    assert detail["TrainingJobArn"] == described["TrainingJobArn"]
    assert detail["Tags"] == {"commit": "abc"}
    assert detail["HyperParameters"] == described["HyperParameters"]
    assert isinstance(detail["CreationTime"], int)
    assert detail["CreationTime"] == round(described["CreationTime"] * 1000)
    assert [step["Status"] for step in detail["SecondaryStatusTransitions"]] == [
        *("Starting", "Downloading", "Training", "Uploading", "Completed")
    ]
    assert all(isinstance(step["EndTime"], int) for step in detail["SecondaryStatusTransitions"])
    json.dumps(detail)


def test_failed_job_says_what_it_wrote(bench: Bench) -> None:
    described = bench.run("job-1", "fail")
    assert described["TrainingJobStatus"] == "Failed"
    reason = str(described["FailureReason"])
    assert reason.startswith("AlgorithmError: input.training-job: no file second line")
    assert len(reason) <= 1024
    assert "ModelArtifacts" not in described
    assert not bench.s3("s3://bucket/output/job-1").exists()
    wait_for(lambda: bench.statuses() == ["InProgress", "Failed"])


def test_killed_job_has_the_exit_code_of_its_signal(bench: Bench) -> None:
    assert bench.run("job-1", "crash")["FailureReason"] == "AlgorithmError: , exit code: 137"


def test_job_whose_output_is_lost_fails(bench: Bench) -> None:
    bench.store_fails = True
    described = bench.run("job-1")
    assert described["TrainingJobStatus"] == "Failed"
    assert described["FailureReason"] == "ClientError: Artifact upload failed:access denied"


@pytest.mark.parametrize("uri", ["s3://bucket/none", "s3://bucket/empty"])
def test_job_without_its_data_fails_before_it_runs(bench: Bench, uri: str) -> None:
    bench.s3("s3://bucket/empty").mkdir()
    described = bench.run("job-1", InputDataConfig=[channel("train", uri)])
    assert described["TrainingJobStatus"] == "Failed"
    assert str(described["FailureReason"]).startswith("ClientError: Data download failed:")
    assert bench.log() == []


@pytest.mark.parametrize("mode", ["wait", "stubborn"])
def test_job_is_stopped(bench: Bench, mode: str) -> None:
    bench.service.call("CreateTrainingJob", bench.request("job-1", mode))
    wait_for(lambda: "waiting" in bench.log())
    bench.service.call("StopTrainingJob", {"TrainingJobName": "job-1"})
    assert bench.service.wait_training_job("job-1") == "Stopped"
    wait_for(lambda: bench.statuses() == ["InProgress", "Stopping", "Stopped"])
    with pytest.raises(AwsError, match="is in status Stopped"):
        bench.service.call("StopTrainingJob", {"TrainingJobName": "job-1"})


def test_job_that_takes_too_long_is_stopped(bench: Bench) -> None:
    described = bench.run("job-1", "wait", StoppingCondition={"MaxRuntimeInSeconds": 1})
    assert (described["TrainingJobStatus"], described["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")


def test_job_s_state_survives_a_listener_that_fails(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "events", None)
    assert bench.run("job-1")["TrainingJobStatus"] == "Completed"


def test_files_of_this_machine_can_stand_for_s3(bench: Bench) -> None:
    data, output = bench.folder / "own data", bench.folder / "own output"
    data.mkdir()
    (data / "c.txt").write_text("three")
    described = bench.run(
        "job-1",
        InputDataConfig=[channel("test", data.as_uri())],
        OutputDataConfig={"S3OutputPath": output.as_uri()},
    )
    assert described["TrainingJobStatus"] == "Completed"
    assert json.loads(unpacked(output / "job-1" / "output" / "model.tar.gz", "seen.json"))["data"] == {
        "test/c.txt": "three"
    }


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({}, "ResourceInUse", "must be unique"),
        ({"TrainingJobName": "-"}, "ValidationException", "TrainingJobName"),
        ({"TrainingJobName": "b", "HyperParameters": {"a": 1}}, "ValidationException", "HyperParameters.a"),
        ({"TrainingJobName": "b", "Environment": {"A": "x" * 513}}, "ValidationException", "at most 512"),
        ({"TrainingJobName": "b", "OutputDataConfig": None}, "ValidationException", "OutputDataConfig"),
        ({"TrainingJobName": "b", "TensorBoardOutputConfig": {}}, "ValidationException", "does not do this"),
        ({"TrainingJobName": "b", "EnableNetworkIsolation": True}, "ValidationException", "EnableNetworkIsolation"),
        ({"TrainingJobName": "b", "AlgorithmSpecification": {"TrainingImage": "x"}}, "ValidationException", "non-ECR"),
    ],
)
def test_job_that_cannot_be_is_refused(bench: Bench, changes: dict[str, Json], code: str, message: str) -> None:
    bench.run("a")
    with pytest.raises(AwsError, match=message) as refused:
        bench.service.call("CreateTrainingJob", {**bench.request("a"), **changes})
    assert refused.value.code == code


def test_boto3_creates_waits_for_and_lists_jobs(bench: Bench) -> None:
    with served(bench.service) as address:
        client = boto3.client(
            "sagemaker",
            endpoint_url=address,
            region_name="eu-central-1",
            aws_access_key_id="k",
            aws_secret_access_key="s",
        )
        client.create_training_job(**bench.request("job-1"))
        client.get_waiter("training_job_completed_or_stopped").wait(
            TrainingJobName="job-1", WaiterConfig={"Delay": 0.05, "MaxAttempts": 1000}
        )
        described = client.describe_training_job(TrainingJobName="job-1")
        assert described["TrainingStartTime"] <= described["TrainingEndTime"]
        assert client.list_training_jobs()["TrainingJobSummaries"][0]["TrainingJobName"] == "job-1"
        assert client.list_tags(ResourceArn=described["TrainingJobArn"])["Tags"] == [{"Key": "commit", "Value": "abc"}]
        with pytest.raises(client.exceptions.ClientError, match="Requested resource not found"):
            client.describe_training_job(TrainingJobName="none")
