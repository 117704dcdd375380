"""`weighbridge diff`: where the ids come from, and its exit status: 0, 1 with --fail, 2 when it could not look or would be refused."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tools.synthesis import ROOT
from weighbridge.cli import diff as command
from weighbridge.cli.run import run
from weighbridge.difference import (
    DifferenceReport,
    ModelDifference,
    Places,
    Side,
    compare,
    named_id,
    parameter_id,
    running_id,
)
from weighbridge.errors import InputError
from weighbridge.names import Digest, ReleaseId
from weighbridge.reconciliation import Survey

REGION = "eu-central-1"
ONE, TWO = (ReleaseId(sequence=number, digest=Digest.of(str(number).encode())) for number in (1, 2))
REFERENCE = f"registry.example.com/ml-prod-models/minilm:1.0.0@{Digest.of(b'release')}"


def difference(before: ReleaseId, after: ReleaseId, refusal: str | None = None) -> ModelDifference:
    sides = (Side(release_id=before), Side(release_id=after, refusal=refusal))
    return ModelDifference(model="minilm", before=sides[0], after=sides[1], changes=compare(*sides))


def report(*models: ModelDifference, failures: tuple[str, ...] = ()) -> DifferenceReport:
    return DifferenceReport(environment="prod", models=models, failures=failures)


def call(monkeypatch: pytest.MonkeyPatch, outcome: DifferenceReport, *arguments: str) -> int:
    monkeypatch.setattr(command, "_report", lambda *_: outcome)
    monkeypatch.setattr(command, "_places", lambda *_, **__: Places(before=lambda *_: None, after=lambda *_: None))
    return run(["diff", "--settings", str(ROOT / "environments" / "prod.yaml"), *arguments])


@pytest.mark.parametrize(
    ("outcome", "status", "failing"),
    [
        (report(difference(ONE, ONE)), 0, 0),
        (report(difference(ONE, TWO)), 0, 1),
        (report(difference(ONE, TWO, "revoked")), 2, 2),
        (report(difference(ONE, ONE, "revoked")), 0, 0),
        (report(difference(ONE, ONE), failures=("other: registry: 503",)), 2, 2),
    ],
    ids=["same", "changes", "would be refused", "what runs is revoked", "could not look"],
)
def test_the_exit_status_says_what_was_found(
    monkeypatch: pytest.MonkeyPatch, outcome: DifferenceReport, status: int, failing: int
) -> None:
    assert call(monkeypatch, outcome) == status
    assert call(monkeypatch, outcome, "--fail") == failing


def test_json_is_one_object(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    call(monkeypatch, report(difference(ONE, TWO)), "--json")
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert [item["field"] for item in found["models"][0]["changes"]] == ["release_id"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("other",), "has no model 'other': it has minilm"),
        (("--json", "--markdown"), "--markdown: give it or --json"),
        (("--to", "3", "--to-head"), "--to-head: give it or --to"),
    ],
)
def test_what_does_not_go_together_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], says: str
) -> None:
    assert call(monkeypatch, report(), *arguments) == 2
    assert says in capsys.readouterr().err


@pytest.fixture
def _aws(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield


def endpoint(**variables: str) -> Survey:
    client = boto3.client("sagemaker", region_name=REGION)
    role = "arn:aws:iam::123456789012:role/serving"
    container = {"Image": "image", "Environment": variables}
    client.create_model(ModelName="model", PrimaryContainer=container, ExecutionRoleArn=role)  # type: ignore[arg-type]
    client.create_endpoint_config(
        EndpointConfigName="config",
        ProductionVariants=[
            {"VariantName": "a", "ModelName": "model", "InstanceType": "ml.c5.xlarge", "InitialInstanceCount": 1}
        ],
    )
    client.create_endpoint(EndpointName="endpoint", EndpointConfigName="config")
    return Survey(client=client)


@pytest.mark.usefixtures("_aws")
def test_what_runs_is_what_the_containers_were_started_with() -> None:
    survey = endpoint(WEIGHBRIDGE_RELEASE=REFERENCE, WEIGHBRIDGE_PROMOTION=str(ONE))
    assert running_id(survey=survey, endpoint="endpoint", model="minilm") == ONE
    assert running_id(survey=survey, endpoint="nobody", model="minilm") is None
    with pytest.raises(InputError, match="does not say which one promotion of other"):
        running_id(survey=survey, endpoint="endpoint", model="other")


@pytest.mark.usefixtures("_aws")
def test_an_endpoint_from_outside_the_supply_chain_says_nothing() -> None:
    with pytest.raises(InputError, match="weighbridge reconcile"):
        running_id(survey=endpoint(), endpoint="endpoint", model="minilm")


@pytest.mark.usefixtures("_aws")
def test_the_next_id_is_the_parameters() -> None:
    client = boto3.client("ssm", region_name=REGION)
    assert parameter_id(client=client, environment="prod", model="minilm") is None
    client.put_parameter(Name="/weighbridge/prod/minilm/release-id", Value=str(TWO), Type="String")
    assert parameter_id(client=client, environment="prod", model="minilm") == TWO


def test_an_id_that_is_no_id_is_refused() -> None:
    with pytest.raises(InputError, match=r"^--from: 'newest'"):
        named_id("newest", model="minilm", state=None, field="--from")  # type: ignore[arg-type]
