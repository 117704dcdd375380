"""From a training job to a release in dev, through the function's own handler: real job, registry and signatures."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from lambdas.registrar.handler import handler
from local.hub.process import HubProcess
from local.process import ROOT, environment_python
from local.registry.config import AwsRoleConfig
from local.registry.process import RegistryProcess
from local.registry.standard import HUB, INCOMING, USERS, models_repository, records_repository, standard_config
from tests.ledger_table import create_ledger_table
from tests.unit.encoder.tiny_bert import write_tiny_bert
from tests.unit.training.training_world import write_job
from weighbridge.errors import RegistryUnavailableError
from weighbridge.layout import ChannelLayout
from weighbridge.names import Digest, ReleaseId
from weighbridge.pull import pull
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
from weighbridge.trust.provenance import PREDICATE_TYPE
from weighbridge.verification import verify_release

pytestmark = pytest.mark.twin
REGION, ACCOUNT = "eu-central-1", "123456789012"
NAME = "minilm-1"
ARN = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/{NAME}"
IMAGES = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
RUNTIME_IMAGE = f"{IMAGES}/weighbridge-inference@sha256:{'2' * 64}"
LAYOUT = ChannelLayout(
    channel="dev", models_repository=models_repository("dev"), records_repository=records_repository("dev")
)
PARAMETER = "/weighbridge/dev/minilm/release-id"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/weighbridge-dev-registrar"


class Context:
    invoked_function_arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:registrar"


@dataclass
class World:
    folder: Path
    registry: RegistryProcess
    hub: HubProcess
    root: Digest

    def client(self, user: str) -> ArtifactoryClient:
        return ArtifactoryClient(url=self.registry.url, tokens=StaticToken(token=self.registry.token(user)))

    def parameters(self) -> dict[str, str]:
        return {
            "base_repository": self.hub.repository, "base_revision": self.hub.revision,
            "model_name": "minilm", "model_version": "1.0.0", "epochs": "2",
        }  # fmt: skip

    def train(self) -> None:
        """Run the training container's entry point and let SageMaker know of the job."""
        root = write_job(self.folder / "ml", hyperparameters=self.parameters())
        environment = {
            "WEIGHBRIDGE_REGISTRY_URL": self.registry.url,
            "WEIGHBRIDGE_HUB_REPOSITORY": HUB,
            "WEIGHBRIDGE_INCOMING_REPOSITORY": INCOMING,
        }
        process = {
            "PATH": os.environ["PATH"], "HOME": str(root), "PYTHONPATH": str(ROOT), "WEIGHBRIDGE_ML_ROOT": str(root),
            "JF_ACCESS_TOKEN": self.registry.token("scientist"), "TRAINING_JOB_ARN": ARN,
        }  # fmt: skip
        command = [environment_python("hub"), ROOT / "containers" / "training" / "entrypoint.py", "train"]
        done = subprocess.run(
            command, env=environment | process, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        token = self.registry.token("scientist")
        files = [path for path in root.rglob("*") if path.is_file()]
        assert files
        assert [path for path in files if token.encode() in path.read_bytes()] == []
        assert token not in done.stdout + done.stderr
        boto3.client("sagemaker").create_training_job(
            TrainingJobName=NAME,
            HyperParameters=self.parameters(),
            AlgorithmSpecification={
                "TrainingImage": f"{IMAGES}/weighbridge-training@sha256:{'1' * 64}", "TrainingInputMode": "File"
            },
            RoleArn=f"arn:aws:iam::{ACCOUNT}:role/training",
            InputDataConfig=[_channel("train"), _channel("test")],
            OutputDataConfig={"S3OutputPath": "s3://data/output"},
            ResourceConfig={"InstanceType": "ml.c6i.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 10},
            StoppingCondition={"MaxRuntimeInSeconds": 600},
            Environment=environment,
            # moto forgets Environment, by which jobs are known otherwise.
            Tags=[
                {"Key": f"weighbridge:{key}", "Value": value}
                for key, value in (("owner", "ann"), ("commit", "c" * 40), ("model", "minilm"), ("version", "1.0.0"))
            ],
        )  # fmt: skip

    def lose(self, file: str) -> None:
        """Delete one uploaded file."""
        import requests

        headers = {"Authorization": f"Bearer {self.registry.token('admin')}"}
        url = f"{self.registry.url}/{INCOMING}/models/minilm/1.0.0/{file}"
        requests.delete(url, headers=headers, timeout=10).raise_for_status()


def _channel(name: str) -> Any:
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://data/input/{name}/"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}


def event() -> dict[str, object]:
    return {
        "source": "aws.sagemaker",
        "detail-type": "SageMaker Training Job State Change",
        "detail": {"TrainingJobName": NAME, "TrainingJobStatus": "Completed"},
    }


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    tokens = {name: f"{name}-token" for name in USERS}
    keys = {}
    for name in ("root", "targets", "revocations", "online", "registrar", "promoter"):
        generate_key_file(tmp_path / f"{name}.pem")
        keys[name] = f"file:{tmp_path / name}.pem"
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": REGION
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    base = write_tiny_bert(tmp_path / "base")
    with (
        mock_aws(),
        HubProcess(folder=base, repository="acme/encoder", log=tmp_path / "hub.log") as hub,
        RegistryProcess(
            folder=tmp_path / "registry",
            config=replace(
                standard_config(hub_url=hub.url, tokens=tokens),
                aws_roles=(AwsRoleConfig(iam_role=ROLE, access_keys=(boto3.Session().get_credentials().access_key,)),),
            ),
        ) as registry,
    ):
        found = World(folder=tmp_path, registry=registry, hub=hub, root=Digest.of(b""))
        found.root = _found_channel(found.client("admin"), keys=keys)
        for name, value in _environment(found, keys=keys).items():
            monkeypatch.setenv(name, value)
        yield found


def _found_channel(client: ArtifactoryClient, *, keys: dict[str, str]) -> Digest:
    signers = {name: load_signer(uri) for name, uri in keys.items()}
    key = signers["registrar"].public_key
    return init_channel(
        store=RegistryStore(client=client, repository=LAYOUT.records_repository),
        channel="dev",
        signers=ChannelSigners(
            root=[signers["root"]],
            targets=[signers["targets"]],
            revocations=[signers["revocations"]],
            online=OnlineSigners(snapshot=signers["online"], timestamp=signers["online"]),
        ),
        policy=Policy(
            channel="dev",
            keys={key.keyid: key},
            roles={"registrar": (key.keyid,)},
            required_statements={PREDICATE_TYPE: ("registrar",)},
        ),
        models={"minilm": RoleKeys.of([signers["promoter"]])},
        now=datetime.now(UTC),
    )


def _environment(world: World, *, keys: dict[str, str]) -> dict[str, str]:
    boto3.client("secretsmanager").create_secret(Name="registrar", SecretString=world.registry.token("registrar"))
    create_ledger_table(boto3.client("dynamodb"), name="sequences")
    topic = boto3.client("sns").create_topic(Name="notices")["TopicArn"]
    queue = boto3.client("sqs").create_queue(QueueName="ann")["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:ann"
    assert queue
    boto3.client("sns").subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"FilterPolicy": json.dumps({"owner": ["ann"]})}
    )
    return {
        "WEIGHBRIDGE_ENVIRONMENT": "dev",
        "WEIGHBRIDGE_CHANNEL": "dev",
        "WEIGHBRIDGE_ROOT": str(world.root),
        "WEIGHBRIDGE_REGISTRY_URL": world.registry.url,
        "WEIGHBRIDGE_MODELS_REPOSITORY": LAYOUT.models_repository,
        "WEIGHBRIDGE_RECORDS_REPOSITORY": LAYOUT.records_repository,
        "WEIGHBRIDGE_INCOMING_REPOSITORY": INCOMING,
        "WEIGHBRIDGE_TOKEN_SECRET_ID": "registrar",
        "WEIGHBRIDGE_RUNTIME_IMAGE": RUNTIME_IMAGE,
        "WEIGHBRIDGE_RUNTIME_LOCK": str(Digest.of(b"lock")),
        "WEIGHBRIDGE_REGISTRAR_KEY": keys["registrar"],
        "WEIGHBRIDGE_PROMOTER_KEY": keys["promoter"],
        "WEIGHBRIDGE_SNAPSHOT_KEY": keys["online"],
        "WEIGHBRIDGE_TIMESTAMP_KEY": keys["online"],
        "WEIGHBRIDGE_SEQUENCES_TABLE": "sequences",
        "WEIGHBRIDGE_NOTICES_TOPIC": topic,
    }


def notices() -> list[dict[str, str]]:
    queue = boto3.client("sqs").get_queue_url(QueueName="ann")["QueueUrl"]
    found = boto3.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(message["Body"]) for message in found]


def test_a_job_ends_and_a_reader_pulls_what_it_made(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world.train()
    for _ in range(5):
        handler(event(), Context())
    outcomes = [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()]
    assert outcomes == ["published", *["already-published"] * 4]
    value = boto3.client("ssm").get_parameter(Name=PARAMETER)["Parameter"]["Value"]
    assert value.startswith("1@sha256:")
    client = world.client("reader")
    reader = ChannelReader(
        source=RegistrySource(client=client, repository=LAYOUT.records_repository),
        root=world.root,
        folder=tmp_path / "reader",
    )
    state = reader.refresh("minilm")
    assert len(state.promotions("minilm")) == 1
    verified = verify_release(
        client=client, state=state, layout=LAYOUT, name="minilm", release_id=ReleaseId.parse(value)
    )
    release = verified.release
    assert release.runtime.image == RUNTIME_IMAGE
    assert release.lineage.training_job == ARN
    assert release.lineage.source_commit == "c" * 40
    pull(client=client, release=release, repository=LAYOUT.models_repository, destination=tmp_path / "pulled")
    assert {path.name for path in (tmp_path / "pulled").iterdir()} == {
        "classifier.json", "classifier.safetensors", "config.json", "model.safetensors", "tokenizer.json"
    }  # fmt: skip
    assert notices() == []


def test_the_registrars_role_is_exchanged_for_its_token(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    import requests

    bound = requests.put(
        f"{world.registry.url.removesuffix('/artifactory')}/access/api/v1/aws/iam_role",
        json={"username": "registrar", "iam_role": ROLE},
        headers={"Authorization": f"Bearer {world.registry.token('admin')}"},
        timeout=10,
    )
    bound.raise_for_status()
    world.train()
    boto3.client("secretsmanager").delete_secret(SecretId="registrar", ForceDeleteWithoutRecovery=True)
    monkeypatch.delenv("WEIGHBRIDGE_TOKEN_SECRET_ID")
    monkeypatch.setenv("WEIGHBRIDGE_TOKEN_IAM", "1")
    since = world.registry.last_request()
    handler(event(), Context())
    assert boto3.client("ssm").get_parameter(Name=PARAMETER)["Parameter"]["Value"].startswith("1@sha256:")
    sent = world.registry.requests(since=since)
    assert sum("/aws/token" in entry.path for entry in sent) == 1
    assert {entry.user for entry in sent if entry.status in (200, 201)} - {None} == {"registrar"}


def test_a_job_that_lost_a_file_is_refused_and_its_owner_is_told(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.train()
    world.lose("classifier.safetensors")
    handler(event(), Context())
    assert json.loads(capsys.readouterr().out)["event"] == "told"
    (notice,) = notices()
    assert notice["Subject"] == "weighbridge: the model of minilm-1 was not registered"
    assert "classifier.safetensors" in notice["Message"]
    with pytest.raises(boto3.client("ssm").exceptions.ParameterNotFound):
        boto3.client("ssm").get_parameter(Name=PARAMETER)


def test_a_registry_that_is_down_leaves_the_event_to_be_repeated(world: World) -> None:
    world.train()
    world.registry.stop()
    with pytest.raises(RegistryUnavailableError):
        handler(event(), Context())
    (notice,) = notices()
    assert "this is not your job's fault" in notice["Message"]
    world.registry.start()
    handler(event(), Context())
    assert boto3.client("ssm").get_parameter(Name=PARAMETER)["Parameter"]["Value"].startswith("1@sha256:")
