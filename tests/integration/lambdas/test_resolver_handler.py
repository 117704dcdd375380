"""The resolver's function, from CloudFormation's event to the PUT of its answer."""

from __future__ import annotations

import json
import threading

import boto3
import pytest
from aws_memory import BUCKET, TABLE, AwsMemory
from channel_world import LAYOUT, TOKEN, RegistryWorld
from cloudformation_caller import Context, ResponseBucket
from trust_world import MODEL, NOW

from lambdas.resolver import handler as resolver
from weighbridge.names import Digest, ReleaseId
from weighbridge.resolution import DynamoDbAcceptances, ResolutionRequest, Resolver, Scope

ENVIRONMENT = {
    "WEIGHBRIDGE_ACCEPTANCE_TABLE": TABLE,
    "WEIGHBRIDGE_CHANNEL": LAYOUT.channel,
    "WEIGHBRIDGE_METADATA_BUCKET": BUCKET,
    "WEIGHBRIDGE_MODELS_REPOSITORY": LAYOUT.models_repository,
    "WEIGHBRIDGE_RECORDS_REPOSITORY": LAYOUT.records_repository,
}


class Deployed:
    """The function with its environment, and CloudFormation before it."""

    def __init__(self, served: RegistryWorld, bucket: ResponseBucket, aws: AwsMemory) -> None:
        self.served = served
        self.bucket = bucket
        self.aws = aws

    def call(self, event: dict[str, object], *, context: Context | None = None) -> dict[str, object]:
        resolver.handler(event, context or Context())
        return self.bucket.last

    def create(self, release_id: object, **properties: object) -> dict[str, object]:
        return self.call(self.event("Create", release_id, **properties))

    def event(self, kind: str, release_id: object, *, old: object = None, **properties: object) -> dict[str, object]:
        wanted = {"ModelName": MODEL, "ReleaseId": str(release_id), "InstanceType": "ml.c6i.xlarge", **properties}
        return self.bucket.event(kind, wanted, old=None if old is None else {**wanted, "ReleaseId": str(old)})


@pytest.fixture
def deployed(
    served: RegistryWorld, bucket: ResponseBucket, aws: AwsMemory, monkeypatch: pytest.MonkeyPatch
) -> Deployed:
    secret = boto3.client("secretsmanager").create_secret(Name="reader", SecretString=json.dumps({"token": TOKEN}))
    variables = {
        **ENVIRONMENT,
        "WEIGHBRIDGE_REGISTRY_URL": served.registry.url,
        "WEIGHBRIDGE_ROOT": str(served.world.root),
        "WEIGHBRIDGE_TOKEN_SECRET_ID": secret["ARN"],
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(resolver, "system_clock", lambda: NOW)
    return Deployed(served, bucket, aws)


def test_create_answers_with_the_release(deployed: Deployed) -> None:
    release = deployed.served.release("1.0.0")
    answer = deployed.create(deployed.served.publish(release).release_id)
    assert answer["Status"] == "SUCCESS"
    data = answer["Data"]
    assert isinstance(data, dict)
    assert (data["Version"], data["ReleaseDigest"]) == ("1.0.0", str(release.digest))
    assert data["VolumeSizeInGB"] == 31
    assert len(deployed.served.registry.seen) == 8
    assert TOKEN not in json.dumps(answer)


def test_update_moves_to_the_next_release_and_the_compensating_one_comes_back(deployed: Deployed) -> None:
    served = deployed.served
    first, second = (served.publish(served.release(version)).release_id for version in ("1.0.0", "2.0.0"))
    created = deployed.create(first)
    updated = deployed.call(deployed.event("Update", second, old=first))
    served.registry.stop()
    back = deployed.call(deployed.event("Update", first, old=second))
    assert back == created, "the same attributes, under the same physical id"
    assert updated["PhysicalResourceId"] == created["PhysicalResourceId"]
    assert updated["Data"] != created["Data"]


def test_the_way_back_needs_neither_registry_nor_token_nor_bucket(deployed: Deployed) -> None:
    served = deployed.served
    release_id = served.publish(served.release("1.0.0")).release_id
    created = deployed.create(release_id)
    served.registry.stop()
    boto3.client("secretsmanager").delete_secret(SecretId="reader", ForceDeleteWithoutRecovery=True)
    for item in deployed.aws.s3.list_objects_v2(Bucket=BUCKET)["Contents"]:
        deployed.aws.s3.delete_object(Bucket=BUCKET, Key=item["Key"])
    assert deployed.call(deployed.event("Update", release_id, old="9@whatever")) == created


def test_a_revoked_release_comes_back_too(deployed: Deployed, capsys: pytest.CaptureFixture[str]) -> None:
    served = deployed.served
    release = served.release("1.0.0")
    first = served.publish(release).release_id
    created = deployed.create(first)
    served.revoke(release.digest)
    second = served.publish(served.release("2.0.0")).release_id
    deployed.call(deployed.event("Update", second, old=first))
    capsys.readouterr()
    assert deployed.call(deployed.event("Update", first, old=second)) == created
    alarms = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["Alarm"] for line in alarms if line["event"] == "alarm"} == {"backwards", "revoked"}


def test_a_duplicate_delivery_gives_the_same_answer(deployed: Deployed) -> None:
    served = deployed.served
    event = deployed.event("Create", served.publish(served.release("1.0.0")).release_id)
    first = deployed.call(event)
    served.publish(served.release("2.0.0"))
    assert deployed.call(event) == first
    assert len(deployed.bucket.answers) == 2


def test_killed_before_the_answer_and_repeated_by_lambda(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    served = deployed.served
    release_id = served.publish(served.release("1.0.0")).release_id
    event = deployed.event("Create", release_id)
    with monkeypatch.context() as patch:
        patch.setattr(Resolver, "_answer", lambda *_, **__: (_ for _ in ()).throw(SystemExit(1)))
        assert deployed.call(event)["Status"] == "FAILED"
    served.registry.stop()
    assert deployed.call(event)["Status"] == "SUCCESS", "it was accepted before the function ended"


def test_what_is_not_done_in_time_is_answered(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    held = threading.Event()

    def hang(self: Resolver, request: ResolutionRequest) -> None:
        held.wait()

    monkeypatch.setattr(Resolver, "resolve", hang)
    answer = deployed.call(deployed.event("Create", f"1@sha256:{'0' * 64}"), context=Context(milliseconds=1))
    held.set()
    assert answer["Status"] == "FAILED"
    assert "time ran out" in str(answer["Reason"])


def test_delete_touches_nothing(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    served = deployed.served
    release_id = served.publish(served.release("1.0.0")).release_id
    deployed.create(release_id)
    seen = list(served.registry.seen)
    for name in ENVIRONMENT:
        monkeypatch.delenv(name)
    answer = deployed.call(deployed.event("Delete", "malformed", ModelName=None))
    assert answer["Status"] == "SUCCESS"
    assert served.registry.seen == seen
    store = DynamoDbAcceptances(client=deployed.aws.dynamodb, table=TABLE)
    assert store.find(Scope("dev", MODEL), release_id) is not None


def test_nothing_promoted_says_what_to_do(deployed: Deployed) -> None:
    answer = deployed.create(f"1@sha256:{'0' * 64}")
    assert answer["Status"] == "FAILED"
    assert "weighbridge promote" in str(answer["Reason"])
    assert "[refused.nothing-promoted]" in str(answer["Reason"])


def test_a_registry_that_is_down_is_answered(deployed: Deployed) -> None:
    release_id = deployed.served.publish(deployed.served.release("1.0.0")).release_id
    deployed.served.registry.stop()
    answer = deployed.create(release_id)
    assert answer["Status"] == "FAILED"
    assert "[registry.unavailable]" in str(answer["Reason"])


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("ReleaseId", "latest", "ResourceProperties.ReleaseId: 'latest' is not of the form SEQUENCE@sha256"),
        ("ModelName", "a b", "model name: 'a b' is not a legal name"),
        ("ModelName", ["minilm"], "ResourceProperties.ModelName: list is not text"),
        ("InstanceType", None, "ResourceProperties.InstanceType: is missing"),
        ("InstanceType", "ml.c6i", "InstanceType: 'ml.c6i' is not an instance type"),
    ],
)
def test_malformed_properties_are_answered(deployed: Deployed, name: str, value: object, line: str) -> None:
    release_id = deployed.served.publish(deployed.served.release("1.0.0")).release_id
    answer = deployed.create(release_id, **{name: value})
    assert answer["Status"] == "FAILED"
    assert line in str(answer["Reason"])


def test_a_missing_variable_is_answered_by_name(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WEIGHBRIDGE_METADATA_BUCKET")
    answer = deployed.create(f"1@sha256:{'0' * 64}")
    assert str(answer["Reason"]).startswith("WEIGHBRIDGE_METADATA_BUCKET: not set")


def test_an_empty_secret_is_answered_without_a_request(deployed: Deployed) -> None:
    release_id = deployed.served.publish(deployed.served.release("1.0.0")).release_id
    boto3.client("secretsmanager").update_secret(SecretId="reader", SecretString="{}")
    answer = deployed.create(release_id)
    assert "holds no token" in str(answer["Reason"])
    assert deployed.served.registry.seen == []


def test_the_log_holds_neither_token_nor_url(deployed: Deployed, capsys: pytest.CaptureFixture[str]) -> None:
    deployed.create(deployed.served.publish(deployed.served.release("1.0.0")).release_id)
    deployed.create("latest")
    written = capsys.readouterr()
    assert "answered" in written.out
    for secret in (TOKEN, "X-Amz-Signature", deployed.bucket.url):
        assert secret not in written.out + written.err


def test_every_line_of_a_resolution_bears_the_promotions_id_and_how_it_ended_is_counted(
    deployed: Deployed, capsys: pytest.CaptureFixture[str]
) -> None:
    served = deployed.served
    release = served.release("1.0.0")
    first = served.publish(release).release_id
    deployed.create(first)
    served.revoke(release.digest)
    second = served.publish(release, statements=served.statements(release)).release_id
    deployed.create(second)
    served.registry.stop()
    third = ReleaseId(sequence=9, digest=Digest.of(b"unknown"))
    deployed.create(third)
    said = capsys.readouterr()
    told = [json.loads(line) for line in (said.out + said.err).splitlines()]
    ended = [
        (
            line["event"],
            line["correlation_id"],
            line["Resolutions"],
            line["ResolutionRefusals"],
            line["ResolutionErrors"],
        )
        for line in told
        if line["event"] in ("resolved", "not-resolved")
    ]
    assert ended == [
        ("resolved", first.digest.hex[:16], 1, 0, 0),
        ("not-resolved", second.digest.hex[:16], 0, 1, 0),
        ("not-resolved", third.digest.hex[:16], 0, 0, 1),
    ]
    assert all("correlation_id" in line for line in told)
