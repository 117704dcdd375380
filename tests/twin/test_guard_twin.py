"""The guard on the local AWS: the hook refuses what is no release, the reconciler finds what was made past it.

In a local AWS of its own: a hook that stops what it refuses would stop the other tests' stacks too.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from twin_guard_app import BORROWER, GOVERNED, STRANGER, synthesize_served

from local.aws.cdk import CdkCli
from local.aws.images import folder_image
from local.aws.process import LocalAws
from local.aws.settings import TwinEnvironment, reader_secret, write_settings
from local.aws.stacks import StackOutcome
from tests.integration.sagemaker.local_sagemaker_world import SERVE
from tests.promoted_registry import MODEL, PromotedRegistry, promoted_registry
from tools.synthesis import ROOT, synthesize
from weighbridge.resolution import (
    DynamoDbAcceptances,
    FolderMetadata,
    LoggedAlarms,
    Memory,
    ResolutionRequest,
    Resolver,
)

pytestmark = pytest.mark.twin

CHANNEL = "prod"
STACKS = ("network", "registry", "governance", "guard")
BY_HAND = "made-by-hand"
PATIENCE_SECONDS = 60.0


class Guarded:
    """An environment with its guard, a promoted release that it accepted, and a model made by hand."""

    def __init__(self, aws: LocalAws, folder: Path, served: PromotedRegistry, image: str) -> None:
        self.local, self.folder, self.served = aws, folder, served
        settings = write_settings(
            [TwinEnvironment(name=CHANNEL, root_digest=str(served.root), models=(), guard={"admission": "fail"})],
            folder=folder / "environments",
            registry_url=served.registry.url,
        )
        context = {"weighbridge:environments": str(settings), "weighbridge:layer": "host"}
        app = synthesize(outdir=folder / "app", validation=False, context=context)
        cdk = CdkCli(aws=aws, folder=folder / "cdk", app=str(app.folder))
        cdk.bootstrap()
        outcomes = cdk.deploy(*(f"weighbridge-{CHANNEL}/{name}" for name in STACKS)).outcomes
        assert {outcome.status for outcome in outcomes.values()} == {"CREATE_COMPLETE"}, outcomes
        self.outputs = {name: dict(outcomes[f"weighbridge-{CHANNEL}-{name}"].outputs) for name in STACKS}
        token = served.registry.token("reader")
        self.aws("secretsmanager").put_secret_value(SecretId=reader_secret(CHANNEL), SecretString=token)
        release = self._accept(image)
        self._make_by_hand(image)
        app_folder = synthesize_served(folder / "served", image=image, release=release, by_hand=BY_HAND)
        self.cdk = CdkCli(aws=aws, folder=folder / "served-cdk", app=str(app_folder))
        self._listen()

    def aws(self, service: str) -> Any:
        return boto3.client(service, **self.local.client_options())

    def _accept(self, image: str) -> dict[str, str]:
        """Promote a release and let the environment accept it, as the resolver's function does."""
        source = self.folder / "weights"
        source.mkdir()
        (source / "model.bin").write_bytes(b"weights")
        self.release, promotion = self.served.promote(source, image=image)
        memory = Memory(
            acceptances=DynamoDbAcceptances(
                client=self.aws("dynamodb"), table=self.outputs["governance"]["AcceptanceTable"]
            ),
            metadata=FolderMetadata(folder=self.folder / "metadata"),
        )
        Resolver(
            client=self.served.client("reader"),
            layout=self.served.layout,
            root=self.served.root,
            memory=memory,
            alarms=LoggedAlarms(out=(self.folder / "alarms").open("w")),
        ).resolve(ResolutionRequest(MODEL, promotion.release_id))
        found = self.served.container_environment(release=self.release, promotion=promotion, ml_root=self.folder)
        return {name: value for name, value in found.items() if name != "WEIGHBRIDGE_ML_ROOT"}

    def _make_by_hand(self, image: str) -> None:
        """As somebody does who calls SageMaker's API: no hook sees it."""
        sagemaker = self.aws("sagemaker")
        role = "arn:aws:iam::000000000000:role/mine"
        sagemaker.create_model(ModelName=BY_HAND, PrimaryContainer={"Image": image}, ExecutionRoleArn=role)
        variant = {
            "VariantName": "all",
            "ModelName": BY_HAND,
            "InstanceType": "ml.c6i.xlarge",
            "InitialInstanceCount": 1,
        }
        sagemaker.create_endpoint_config(EndpointConfigName=BY_HAND, ProductionVariants=[variant])
        sagemaker.create_endpoint(EndpointName=BY_HAND, EndpointConfigName=BY_HAND)
        self.wait(lambda: sagemaker.describe_endpoint(EndpointName=BY_HAND)["EndpointStatus"] == "InService")

    def _listen(self) -> None:
        sqs, events = self.aws("sqs"), self.aws("events")
        self.queue = sqs.create_queue(QueueName="findings")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        events.put_rule(Name="findings", EventPattern=json.dumps({"source": ["weighbridge.reconciler"]}))
        events.put_targets(Rule="findings", Targets=[{"Id": "queue", "Arn": arn}])

    def deploy(self, stack: str) -> StackOutcome:
        return self.cdk.deploy(stack).outcomes[stack]

    def reconcile(self) -> dict[str, int]:
        """Call the function once; return what it says that it told."""
        answer = self.aws("lambda").invoke(
            FunctionName=self.outputs["guard"]["ReconcilerFunction"], LogType="Tail", Payload=b"{}"
        )
        said = base64.b64decode(answer.get("LogResult", "")).decode()
        assert "FunctionError" not in answer, said + answer["Payload"].read().decode()
        (line,) = [json.loads(text) for text in said.splitlines() if '"event": "told"' in text]
        return {key: line[key] for key in ("opened", "repeated", "resolved")}

    def told(self) -> set[tuple[str, str, str]]:
        """(state, kind, endpoint) of every event since the last look, of whole containers and images."""
        sqs, found = self.aws("sqs"), set()
        while messages := sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", []):
            for message in messages:
                sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
                detail = json.loads(message["Body"])["detail"]
                found.add((detail["state"], detail["kind"], detail["endpoint"]))
        return found

    def command(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Run `weighbridge reconcile --json`; return its exit status and what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "weighbridge.cli", "reconcile", "--json", *arguments],
            env={
                "PATH": os.environ["PATH"],
                **self.local.environment(),
                "JF_ACCESS_TOKEN": self.served.registry.token("reader"),
                "WEIGHBRIDGE_STATE": str(self.folder / "state"),
            },
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    def wait(self, condition: Any) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < deadline, "did not come about"
            time.sleep(0.1)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("guard")
    fake = folder / "fake"
    fake.mkdir()
    (fake / "entrypoint.py").write_text(SERVE)
    image = folder_image(fake).reference
    with LocalAws(folder=folder / "aws", images=[fake]) as aws, promoted_registry(folder / "channel") as served:
        yield Guarded(aws, folder, served, image)


def test_a_model_that_is_no_release_is_refused_by_the_hook(guarded: Guarded) -> None:
    outcome = guarded.deploy(STRANGER)
    assert not outcome.succeeded
    cause = outcome.failures[0]
    assert (cause.resource_type, cause.logical_id) == ("AWS::SageMaker::Model", "Model")
    assert "[Weighbridge::Admission::Prod]" in cause.reason
    assert "PrimaryContainer.Environment.WEIGHBRIDGE_RELEASE: is missing" in cause.reason
    assert STRANGER not in [each["EndpointName"] for each in guarded.aws("sagemaker").list_endpoints()["Endpoints"]]


def test_a_config_of_a_model_made_by_hand_is_refused_by_the_hook(guarded: Guarded) -> None:
    outcome = guarded.deploy(BORROWER)
    assert outcome.failures[0].resource_type == "AWS::SageMaker::EndpointConfig"
    assert f"ProductionVariants[0].ModelName: {BY_HAND}: PrimaryContainer" in outcome.failures[0].reason


def test_a_promoted_release_passes_the_hook(guarded: Guarded) -> None:
    outcome = guarded.deploy(GOVERNED)
    assert outcome.status == "CREATE_COMPLETE", outcome.failures


def test_the_reconciler_finds_what_was_made_by_hand_and_nothing_else(guarded: Guarded) -> None:
    assert guarded.reconcile()["opened"] > 0
    told = guarded.told()
    assert ("open", "ungoverned", BY_HAND) in told
    assert {endpoint for _, _, endpoint in told} == {BY_HAND}
    assert guarded.reconcile() == {"opened": 0, "repeated": 0, "resolved": 0}


def test_the_command_finds_the_same_and_is_clean_without_it(guarded: Guarded) -> None:
    folder = guarded.folder / "environments"
    status, found = guarded.command("--env", CHANNEL, "--environments", str(folder))
    assert status == 1
    assert {each["endpoint"] for each in found["findings"]} == {BY_HAND}
    document = yaml.safe_load((folder / f"{CHANNEL}.yaml").read_text())
    document["guard"] = {"reconciler": {"except_endpoints": ["made-by-*"]}}
    (guarded.folder / f"{CHANNEL}.yaml").write_text(yaml.safe_dump(document))
    status, found = guarded.command("--settings", str(guarded.folder / f"{CHANNEL}.yaml"))
    assert (status, found["findings"], found["endpoints"]) == (0, [], 1)


def test_a_revoked_release_that_runs_is_found_and_what_is_gone_is_resolved(guarded: Guarded) -> None:
    guarded.served.channel.revoke(
        releases=[guarded.release.digest], reason="leaks", signers=[guarded.served.security], now=datetime.now(UTC)
    )
    sagemaker = guarded.aws("sagemaker")
    sagemaker.delete_endpoint(EndpointName=BY_HAND)
    guarded.wait(lambda: BY_HAND not in [each["EndpointName"] for each in sagemaker.list_endpoints()["Endpoints"]])
    guarded.reconcile()
    told = guarded.told()
    assert ("open", "revoked", GOVERNED) in told
    assert ("resolved", "ungoverned", BY_HAND) in told
    assert {endpoint for state, _, endpoint in told if state == "open"} == {GOVERNED}
