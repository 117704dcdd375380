"""What runs, compared: the governed endpoint is clean, and each way of leaving the supply chain is found, once and for what it is."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from guard_world import ACCEPTED, IMAGE, Memory, config, container, model
from running_world import FakeSageMaker, described, look, promotion, state

from weighbridge.errors import CloudError, NothingPromotedError, RegistryUnavailableError, TrustError
from weighbridge.names import Digest, ReleaseId
from weighbridge.reconciliation import KINDS, Report, Survey

OTHER = Digest.of(b"other")


def kinds(report: Report) -> list[str]:
    return sorted(each.kind for each in report.findings)


def with_model(**changes: Any) -> FakeSageMaker:
    return FakeSageMaker(models={"model": model(**changes)})


def deployed(*images: str | None) -> FakeSageMaker:
    shown = [{"SpecifiedImage": IMAGE} if each is None else {"ResolvedImage": each} for each in images]
    variants = [{"VariantName": "primary", "DeployedImages": shown}]
    return FakeSageMaker(endpoints={"minilm": described("minilm", ProductionVariants=variants)})


def test_a_governed_endpoint_is_clean() -> None:
    report = look(FakeSageMaker())
    assert (report.findings, report.endpoints, report.failures, report.held) == ((), 1, (), frozenset())


@pytest.mark.parametrize(
    ("sagemaker", "expected", "said"),
    [
        (with_model(PrimaryContainer={"Image": IMAGE}), ["ungoverned"], "WEIGHBRIDGE_RELEASE is missing"),
        (
            FakeSageMaker(models={"model": {"PrimaryContainer": {"Image": "mine:latest"}}}),
            ["breaks-rule", "ungoverned"],
            "VpcConfig",
        ),
        (
            FakeSageMaker(models={"model": {"VpcConfig": model()["VpcConfig"]}}),
            ["ungoverned"],
            "no container of its own",
        ),
        (
            with_model(PrimaryContainer=container(WEIGHBRIDGE_PROMOTION=str(ReleaseId(sequence=9, digest=OTHER)))),
            ["not-accepted"],
            f"9@{OTHER} of minilm was never accepted",
        ),
        (
            with_model(PrimaryContainer=container(WEIGHBRIDGE_ROOT=str(OTHER), WEIGHBRIDGE_CHANNEL="dev")),
            ["config-drift"],
            "WEIGHBRIDGE_CHANNEL is 'dev'",
        ),
        (with_model(PrimaryContainer={**container(), "Image": f"x@{OTHER}"}), ["image-differs"], f"x@{OTHER}"),
        (deployed(f"x@{OTHER}"), ["image-differs"], f"runs x@{OTHER}, released are sha256:"),
        (deployed("x:latest"), ["image-differs"], "runs x:latest"),
        (deployed(), ["image-differs"], "does not say which image runs"),
        (FakeSageMaker(models={}), ["model-deleted"], "model 'model' is gone"),
        (FakeSageMaker(configs={}), ["config-deleted"], "config 'config' is gone"),
        (FakeSageMaker(configs={"config": config(EnableSSMAccess=True)}), ["breaks-rule"], "EnableSSMAccess"),
    ],
)
def test_what_left_the_supply_chain_is_found(sagemaker: FakeSageMaker, expected: list[str], said: str) -> None:
    report = look(sagemaker)
    assert kinds(report) == expected
    assert any(said in each.message for each in report.findings), report.findings


def test_a_digest_that_was_specified_counts_where_none_was_resolved() -> None:
    assert look(deployed(None)).findings == ()


def test_a_revoked_release_that_runs_is_found_by_channel_or_by_mark_and_once() -> None:
    assert kinds(look(FakeSageMaker(), channel=state(revoked=True))) == ["revoked"]
    marked = Memory()
    marked.revoke()
    assert kinds(look(FakeSageMaker(), memory=marked)) == ["revoked"]
    report = look(FakeSageMaker(), memory=marked, channel=state(revoked=True))
    assert kinds(report) == ["revoked"]
    assert (report.revoked, report.severe) == (1, 1)
    assert report.findings[0].message.count("leaks") == 1


def test_a_revoked_release_is_found_under_a_promotion_that_nobody_accepted() -> None:
    report = look(FakeSageMaker(), memory=Memory(acceptances=()), channel=state(revoked=True))
    assert kinds(report) == ["not-accepted", "revoked"]


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (promotion(4, release=OTHER, days_ago=15), ["behind"]),
        (promotion(4, release=OTHER, days_ago=13), []),
        (promotion(4, days_ago=99), []),
    ],
    ids=["older than 14 days", "newer", "the same release again"],
)
def test_an_endpoint_is_behind_when_another_release_was_promoted_long_ago(head: Any, expected: list[str]) -> None:
    assert kinds(look(FakeSageMaker(), channel=state(promotion(), head))) == expected


@pytest.mark.parametrize("status", ["Creating", "Deleting", "Failed", "OutOfService"])
def test_what_serves_nothing_is_left_alone(status: str) -> None:
    report = look(FakeSageMaker(endpoints={"minilm": described("minilm", EndpointStatus=status)}, models={}))
    assert (report.findings, report.endpoints) == ((), 0)


def test_nothing_is_decided_about_images_while_an_endpoint_changes() -> None:
    changing = deployed(f"x@{OTHER}")
    changing.endpoints["minilm"]["EndpointStatus"] = "Updating"
    report = look(changing)
    assert (report.findings, report.held) == ((), frozenset({"minilm"}))


@pytest.mark.parametrize("gone", [FakeSageMaker(models={}), FakeSageMaker(configs={})])
def test_what_hides_behind_a_deleted_model_or_config_is_severe_and_resolves_nothing(gone: FakeSageMaker) -> None:
    report = look(gone)
    assert (report.severe, report.held) == (1, frozenset({"minilm"}))


def test_components_are_looked_at_one_by_one() -> None:
    bare = {"KmsKeyId": "k", "ProductionVariants": [{"VariantName": "all"}]}
    components = {
        "good": {"Specification": {"Container": {**container(), "DeployedImage": {"ResolvedImage": IMAGE}}}},
        "idle": {"Specification": {"ModelName": "model"}},
        "bad": {"Specification": {"Container": {"Image": "mine:1", "ArtifactUrl": "s3://bucket/weights"}}},
    }
    report = look(FakeSageMaker(configs={"config": bare}, components=components))
    assert kinds(report) == ["breaks-rule", "ungoverned"]
    assert {each.place.partition("/")[0] for each in report.findings} == {"bad"}


def test_shadow_variants_are_looked_at_too() -> None:
    shadowed = {**config(), "ShadowProductionVariants": [{"VariantName": "shadow", "ModelName": "mine"}]}
    models = {"model": model(), "mine": model(PrimaryContainer={"Image": IMAGE})}
    report = look(FakeSageMaker(configs={"config": shadowed}, models=models))
    assert [(each.kind, each.place) for each in report.findings] == [("ungoverned", "shadow")]


def test_endpoints_that_are_excepted_are_not_looked_at() -> None:
    report = look(FakeSageMaker(models={}), except_endpoints=("mini*",))
    assert (report.findings, report.endpoints) == ((), 0)


def test_what_sagemaker_does_not_tell_is_a_failure_beside_what_is_found() -> None:
    endpoints = {"minilm": described("minilm"), "other": described("other"), "stuck": described("stuck")}
    report = look(FakeSageMaker(endpoints=endpoints, broken={"stuck"}), channel=state(revoked=True))
    assert {each.endpoint for each in report.findings} == {"minilm", "other"}
    assert report.held == {"stuck"}
    assert "sagemaker:DescribeEndpoint on stuck" in report.failures[0]


def test_an_endpoint_that_is_gone_since_it_was_listed_is_no_failure() -> None:
    sagemaker = FakeSageMaker()
    sagemaker.describe_endpoint = lambda EndpointName: sagemaker._find("DescribeEndpoint", {}, EndpointName)  # type: ignore[method-assign] # noqa: N803
    assert look(sagemaker) == Report(findings=(), endpoints=0, held=frozenset(), failures=())


@pytest.mark.parametrize(
    "error", [RegistryUnavailableError("no answer"), TrustError("expired", rule="refused.expired")]
)
def test_a_channel_that_cannot_be_read_is_a_failure_and_nothing_of_its_models_is_resolved(error: Exception) -> None:
    report = look(FakeSageMaker(), channel=error)
    assert (report.findings, report.held) == ((), frozenset({"minilm"}))
    assert report.failures == (f"channel of minilm: {error}",)


def test_a_model_that_the_channel_does_not_know_is_no_failure() -> None:
    assert look(FakeSageMaker(), channel=NothingPromotedError("not known here")).failures == ()


def test_without_a_list_there_is_no_report() -> None:
    with pytest.raises(CloudError, match="sagemaker:ListEndpoints"):
        look(FakeSageMaker(broken={"list"}))


def test_every_page_of_the_list_is_read() -> None:
    client = boto3.client("sagemaker", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="y")
    entry = {
        "EndpointArn": "arn:aws:sagemaker:eu-central-1:111111111111:endpoint/a",
        "CreationTime": 0,
        "LastModifiedTime": 0,
        "EndpointStatus": "InService",
    }
    with Stubber(client) as stub:
        stub.add_response("list_endpoints", {"Endpoints": [{**entry, "EndpointName": "b"}], "NextToken": "more"}, {})
        stub.add_response("list_endpoints", {"Endpoints": [{**entry, "EndpointName": "a"}]}, {"NextToken": "more"})
        assert Survey(client=client).names() == ("a", "b")


def test_ids_are_the_same_each_time_and_differ_by_place() -> None:
    sagemaker = FakeSageMaker(models={"model": {"Containers": [{"Image": "a"}, {"Image": "b"}]}})
    ids = [each.id(environment="prod") for each in look(sagemaker).findings]
    assert len(set(ids)) == len(ids)
    assert ids == [each.id(environment="prod") for each in look(sagemaker).findings]
    assert "weighbridge/prod/ungoverned/minilm/primary/Containers[0]" in ids


def test_findings_name_the_release_where_the_container_does() -> None:
    (finding,) = look(FakeSageMaker(), channel=state(revoked=True)).findings
    assert finding.release is not None
    assert finding.release.endswith(str(ACCEPTED.release))


def test_the_documentation_shows_the_kinds_as_they_are() -> None:
    import re
    from pathlib import Path

    text = (Path(__file__).resolve().parents[3] / "docs" / "guard.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \| ([A-Z]+) \| (.+?) \|$", text, flags=re.MULTILINE)
    assert rows == [(kind, about.severity, about.title) for kind, about in KINDS.items()]
