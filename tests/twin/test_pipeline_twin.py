"""The state machine on the local AWS: a job becomes a release in dev, and what goes wrong is said in plain words."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest

from local.aws.settings import TwinEnvironment, reader_secret, write_settings
from local.process import ROOT
from local.registry.process import RegistryProcess
from local.registry.standard import INCOMING, USERS, models_repository, records_repository, standard_config
from tests.integration.cli.frogml_protocol import FrogmlProtocol
from tools.synthesis import synthesize
from weighbridge.inspection.statement import PREDICATE_TYPE as INSPECTION
from weighbridge.names import Digest
from weighbridge.registration import JobRecord, upload
from weighbridge.registry import ArtifactoryClient, StaticToken
from weighbridge.trust import (
    ChannelReader,
    ChannelSigners,
    OnlineSigners,
    Policy,
    RegistrySource,
    RegistryStore,
    RoleKeys,
    generate_key_file,
    init_channel,
    load_signer,
)
from weighbridge.trust.provenance import PREDICATE_TYPE as PROVENANCE

pytestmark = pytest.mark.twin

STACK = "weighbridge-dev-training"
PARAMETER = "/weighbridge/dev/minilm/release-id"
TRAINING_SECRET, REGISTRAR_SECRET, INSPECTOR_SECRET = (
    f"weighbridge/dev/artifactory-{name}" for name in ("training", "registrar", "inspector")
)
PATIENCE_SECONDS = 120.0
ROLES = ("root", "targets", "revocations", "online", "registrar", "promoter", "inspector")
TOKENS = {name: f"canary-of-{name}-0123456789" for name in USERS}


@dataclass(frozen=True)
class Ended:
    """One execution that has ended, and what its history says."""

    status: str
    cause: str
    output: dict[str, Any]
    history: str


class Deployed:
    """The first channel and the training stack of dev, whose jobs run the twin's own image."""

    def __init__(self, twin: Any, folder: Path, registry: RegistryProcess) -> None:
        self.twin, self.folder, self.registry = twin, folder, registry
        self.root = self._found_channel()
        self.environments = self._write_settings()
        self.outputs = self._deploy()
        for secret, user in (
            (reader_secret("dev"), "reader"), (TRAINING_SECRET, "scientist"), (REGISTRAR_SECRET, "registrar"),
            (INSPECTOR_SECRET, "inspector"),
        ):  # fmt: skip
            if secret != reader_secret("dev"):
                self.aws("secretsmanager").put_secret_value(SecretId=secret, SecretString=registry.token(user))
        self.aws("s3").put_object(Bucket=self.outputs["TrainingData"], Key="input/train/train.jsonl", Body=b"{}")
        self.queue = self._subscribe()

    def aws(self, service: str) -> Any:
        return boto3.client(service, **self.twin.aws.client_options())

    def client(self, user: str) -> ArtifactoryClient:
        return ArtifactoryClient(url=self.registry.url, tokens=StaticToken(token=self.registry.token(user)))

    def _found_channel(self) -> Digest:
        for name in ROLES:
            generate_key_file(self.folder / f"{name}.pem")
        signers = {name: load_signer(f"file:{self.folder / name}.pem") for name in ROLES}
        stating = {name: signers[name].public_key for name in ("registrar", "inspector")}
        return init_channel(
            store=RegistryStore(client=self.client("admin"), repository=records_repository("dev")),
            channel="dev",
            signers=ChannelSigners(
                root=[signers["root"]],
                targets=[signers["targets"]],
                revocations=[signers["revocations"]],
                online=OnlineSigners(snapshot=signers["online"], timestamp=signers["online"]),
            ),
            policy=Policy(
                channel="dev",
                keys={key.keyid: key for key in stating.values()},
                roles={name: (key.keyid,) for name, key in stating.items()},
                required_statements={PROVENANCE: ("registrar",), INSPECTION: ("inspector",)},
            ),
            models={"minilm": RoleKeys.of([signers["promoter"]])},
            now=datetime.now(UTC),
        )

    def _write_settings(self) -> Path:
        uris = {name: f"file:{self.folder / name}.pem" for name in ROLES}
        keys = {
            "root": [uris["root"]], "targets": uris["targets"], "revocations": uris["revocations"],
            "promoters": [uris["promoter"]], "registrar": uris["registrar"], "inspector": uris["inspector"],
            "snapshot": uris["online"], "timestamp": uris["online"],
        }  # fmt: skip
        training = {
            "runtime_image": self.twin.image,
            "runtime_lock": str(Digest.of(b"lock")),
            "training_secret": TRAINING_SECRET,
            "registrar_secret": REGISTRAR_SECRET,
            "job": {"image": self.twin.image, "instance_type": "ml.c6i.xlarge", "channels": {"train": "train/"}},
        }
        environment = TwinEnvironment(
            name="dev", root_digest=str(self.root), models=(), trust={"keys": keys}, training=training
        )
        return write_settings([environment], folder=self.folder / "environments", registry_url=self.registry.url)

    def _deploy(self) -> dict[str, str]:
        context = {"weighbridge:environments": str(self.environments), "weighbridge:layer": "host"}
        synthesis = synthesize(outdir=self.folder / "app", validation=False, context=context)
        cdk = self.twin.cdk(self.folder / "cdk", app=str(synthesis.folder))
        done = cdk.deploy(*(f"weighbridge-dev/{name}" for name in ("network", "governance", "training")))
        assert {outcome.status for outcome in done.outcomes.values()} == {"CREATE_COMPLETE"}, done.outcomes
        return dict(done.outcomes[STACK].outputs)

    def _subscribe(self) -> str:
        sqs = self.aws("sqs")
        queue = str(sqs.create_queue(QueueName="told")["QueueUrl"])
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self.aws("sns").subscribe(TopicArn=self.outputs["Notices"], Protocol="sqs", Endpoint=arn)
        return queue

    def upload(self, version: str, **files: bytes) -> None:
        """Upload as a job does; the twin's image trains nothing."""
        folder = self.folder / f"model-{version}"
        folder.mkdir()
        header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
        weights = len(header).to_bytes(8, "little") + header + b"\0\0\0\0"
        for name, data in {"model.safetensors": weights, "config.json": b"{}", **files}.items():
            (folder / name).write_bytes(data)
        token = self.registry.token("scientist")
        upload(
            folder=folder,
            name="minilm",
            version=version,
            repository=INCOMING,
            record=JobRecord(),
            client=self.client("scientist"),
            token=token,
            storage=FrogmlProtocol(url=self.registry.url, token=token),
        )

    def start(self, version: str, *options: str) -> subprocess.CompletedProcess[str]:
        """`weighbridge train start` as a user's shell would run it."""
        words = ["train", "start", f"minilm:{version}", "--env", "dev", "--environments", str(self.environments)]
        return subprocess.run(
            [sys.executable, "-m", "weighbridge.cli", *words, *options, "--owner", "ann", "--json"],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder), **self.twin.aws.environment()},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def executions(self) -> list[str]:
        found = self.aws("stepfunctions").list_executions(stateMachineArn=self.outputs["TrainingPipeline"])
        return [each["executionArn"] for each in found["executions"]]

    def ended(self, arn: str) -> Ended:
        client = self.aws("stepfunctions")

        def look() -> Any:
            found = client.describe_execution(executionArn=arn)
            return None if found["status"] == "RUNNING" else found

        found = wait_for(look)
        pages = client.get_paginator("get_execution_history").paginate(executionArn=arn)
        history = json.dumps([event for page in pages for event in page["events"]], default=str)
        output = json.loads(found.get("output") or "{}")
        return Ended(status=found["status"], cause=found.get("cause", ""), output=output, history=history)

    def notices(self) -> list[dict[str, str]]:
        sqs = self.aws("sqs")
        found = []
        while messages := sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", []):
            for message in messages:
                found.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return found

    def release_id(self) -> str | None:
        client = self.aws("ssm")
        try:
            return str(client.get_parameter(Name=PARAMETER)["Parameter"]["Value"])
        except client.exceptions.ParameterNotFound:
            return None

    def head(self) -> str:
        """The version that a reader of the channel verifies as the newest."""
        source = RegistrySource(client=self.client("reader"), repository=records_repository("dev"))
        folder = self.folder / f"reader-{time.monotonic_ns()}"
        return ChannelReader(source=source, root=self.root, folder=folder).refresh("minilm").head("minilm").version


def wait_for(look: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (found := look()) is None or found == []:
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)
    return found


@pytest.fixture(scope="module")
def deployed(twin: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    folder = tmp_path_factory.mktemp("pipeline")
    with RegistryProcess(
        folder=folder / "registry", config=standard_config(hub_url=None, tokens=TOKENS)
    ) as registry:  # fmt: skip
        yield Deployed(twin, folder, registry)


def test_a_run_is_trained_registered_inspected_and_published_once(deployed: Deployed) -> None:
    deployed.upload("1.0.0")
    done = deployed.start("1.0.0", "--hyperparameter", "epochs=3", "--commit", "c" * 40, "--wait")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["status"] == "SUCCEEDED"
    assert said["release_id"] == deployed.release_id()
    assert deployed.head() == "1.0.0"
    job = deployed.aws("sagemaker").describe_training_job(TrainingJobName=said["job"])
    assert job["HyperParameters"] == {"epochs": "3"}
    assert job["VpcConfig"]["Subnets"]
    assert job["EnableNetworkIsolation"] is False
    assert job["EnableInterContainerTrafficEncryption"] is True
    assert job["ResourceConfig"]["VolumeKmsKeyId"] == job["OutputDataConfig"]["KmsKeyId"]
    listed = deployed.aws("sagemaker").list_tags(ResourceArn=job["TrainingJobArn"])["Tags"]
    tags = {tag["Key"]: tag["Value"] for tag in listed}
    assert (tags["weighbridge:model"], tags["weighbridge:version"]) == ("minilm", "1.0.0")
    assert "weighbridge:pipeline" in tags
    assert deployed.executions() == [said["execution"]], "the job's end started no second one"
    assert deployed.notices() == []


def test_nothing_that_an_execution_remembers_is_a_secret(deployed: Deployed) -> None:
    for arn in deployed.executions():
        ended = deployed.ended(arn)
        assert TRAINING_SECRET in ended.history, "ids are there"
        assert not [name for name, token in TOKENS.items() if token in ended.history]


def test_a_failing_jobs_own_reason_is_told_in_plain_words(deployed: Deployed) -> None:
    before = deployed.release_id()
    done = deployed.start("1.1.0", "--hyperparameter", "fail=CUDA out of memory on rank 3", "--wait")
    assert done.returncode == 1
    said = json.loads(done.stdout)
    assert said["status"] == "FAILED"
    assert "CUDA out of memory on rank 3" in said["cause"]
    (notice,) = wait_for(deployed.notices)
    assert notice["Subject"] == f"weighbridge: training job {said['job']} failed"
    assert "Why: AlgorithmError: CUDA out of memory on rank 3, exit code: 1" in notice["Message"]
    assert notice["MessageAttributes"]["owner"]["Value"] == "ann"
    assert deployed.release_id() == before


def test_a_job_that_somebody_else_started_is_taken_over_when_it_ends(deployed: Deployed) -> None:
    deployed.upload("1.2.0")
    before = set(deployed.executions())
    client = deployed.aws("sagemaker")
    described = client.describe_training_job(TrainingJobName=client.list_training_jobs()["TrainingJobSummaries"][-1]["TrainingJobName"])  # fmt: skip
    request = {name: described[name] for name in ("AlgorithmSpecification", "RoleArn", "OutputDataConfig", "ResourceConfig", "StoppingCondition", "Environment")}  # fmt: skip
    client.create_training_job(
        TrainingJobName="from-a-notebook",
        **request,
        HyperParameters={"model_name": "minilm", "model_version": "1.2.0"},
    )
    (arn,) = wait_for(lambda: [each for each in deployed.executions() if each not in before])
    ended = deployed.ended(arn)
    assert ended.status == "SUCCEEDED", ended.cause
    assert ended.output["release_id"] == deployed.release_id()
    assert deployed.head() == "1.2.0"


def test_a_release_with_a_pickle_is_registered_blocked_and_not_published(deployed: Deployed) -> None:
    deployed.upload("1.3.0", **{"weights.pkl": b"\x80\x04cposix\nsystem\n."})
    before = deployed.release_id()
    done = deployed.start("1.3.0", "--wait")
    assert done.returncode == 1
    assert "weights.pkl" in json.loads(done.stdout)["cause"]
    (notice,) = wait_for(deployed.notices)
    assert "blocked by the inspector" in notice["Subject"]
    assert "weights.pkl" in notice["Message"]
    assert deployed.release_id() == before
    assert deployed.head() == "1.2.0"


def test_a_registry_that_is_away_for_a_while_costs_repetitions_and_nothing_else(deployed: Deployed) -> None:
    deployed.upload("1.4.0")
    deployed.registry.stop()
    try:
        started = json.loads(deployed.start("1.4.0").stdout)
        client = deployed.aws("stepfunctions")
        wait_for(
            lambda: [
                event
                for event in client.get_execution_history(executionArn=started["execution"])["events"]
                if event["type"] == "TaskFailed"
            ]
        )
    finally:
        deployed.registry.start()
    ended = deployed.ended(started["execution"])
    assert ended.status == "SUCCEEDED", ended.cause
    assert deployed.head() == "1.4.0"
    assert deployed.notices() == []


def test_a_name_that_is_taken_is_refused_and_models_lie_in_the_channels_repository(deployed: Deployed) -> None:
    name = deployed.executions()[-1].rpartition(":")[2]
    done = deployed.start("1.4.0", "--job", name)
    assert done.returncode == 2
    assert "was started before: give another --job" in done.stderr
    path = "models/minilm/1.0.0/model.safetensors"
    assert deployed.client("reader").info(repository=models_repository("dev"), path=path).size > 0
