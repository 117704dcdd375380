"""The hook's judgement: the accepted release passes, everything else is refused with field and fix."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from guard_world import (
    ACCEPTED,
    IMAGE,
    REFERENCE,
    FakeCatalogue,
    Memory,
    accepted,
    admission,
    config,
    container,
    model,
)

from lambdas.admission_hook import handler as hook
from weighbridge.admission.judge import KINDS
from weighbridge.checks import RULES
from weighbridge.checks.rule import COMPONENT, ENDPOINT, ENDPOINT_CONFIG, MODEL
from weighbridge.errors import CloudError
from weighbridge.names import Digest, ReleaseId
from weighbridge.rollout import StackReader, in_rollback
from weighbridge.trust import Floor

ROLLED_BACK = {"DeploymentConfig": {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}]}}}
OTHER = Digest.of(b"other")
WHERE = "PrimaryContainer.Environment"


def test_a_model_of_an_accepted_release_passes() -> None:
    assert admission().judge(MODEL, model()) == ()


def test_a_mirrored_image_of_the_same_digest_passes() -> None:
    mirrored = {**container(), "Image": f"111111111111.dkr.ecr.eu-central-1.amazonaws.com/x@{IMAGE.partition('@')[2]}"}
    assert admission().judge(MODEL, model(PrimaryContainer=mirrored)) == ()


@pytest.mark.parametrize(
    ("properties", "said"),
    [
        ({}, "PrimaryContainer: is missing"),
        (model(PrimaryContainer=container(WEIGHBRIDGE_RELEASE=None)), f"{WHERE}.WEIGHBRIDGE_RELEASE: is missing"),
        (model(PrimaryContainer=container(WEIGHBRIDGE_PROMOTION="")), f"{WHERE}.WEIGHBRIDGE_PROMOTION: is missing"),
        (model(PrimaryContainer={"Image": IMAGE, "Environment": {"WEIGHBRIDGE_RELEASE": {"Ref": "X"}}}), "is missing"),
        (model(PrimaryContainer=container(WEIGHBRIDGE_RELEASE="minilm:1.0.0")), "is not of the form HOST/REPOSITORY"),
        (
            model(PrimaryContainer=container(WEIGHBRIDGE_RELEASE=REFERENCE.replace("minilm", "else"))),
            "of else was never accepted in channel prod",
        ),
        (
            model(PrimaryContainer=container(WEIGHBRIDGE_PROMOTION=str(ReleaseId(sequence=4, digest=OTHER)))),
            f"4@{OTHER} of minilm was never accepted",
        ),
        (
            model(PrimaryContainer=container(WEIGHBRIDGE_RELEASE=REFERENCE.partition("@")[0] + f"@{OTHER}")),
            f"the promotion was accepted for 1.0.0@{ACCEPTED.release}",
        ),
        (model(PrimaryContainer=container(WEIGHBRIDGE_ROOT=str(OTHER))), f"{WHERE}.WEIGHBRIDGE_ROOT: is '{OTHER}'"),
        (model(PrimaryContainer=container(WEIGHBRIDGE_CHANNEL="dev")), f"{WHERE}.WEIGHBRIDGE_CHANNEL: is 'dev'"),
        (
            model(PrimaryContainer=container(WEIGHBRIDGE_REGISTRY_URL="https://evil.example.com/artifactory")),
            f"{WHERE}.WEIGHBRIDGE_REGISTRY_URL: is 'https://evil",
        ),
        (model(PrimaryContainer={**container(), "Image": f"x@{OTHER}"}), f"PrimaryContainer.Image: is 'x@{OTHER}'"),
        (model(PrimaryContainer={**container(), "Image": "x:latest"}), "[WB-M2]"),
        (model(VpcConfig={}), "VpcConfig: A container outside a VPC"),
        (model(PrimaryContainer={**container(), "ModelDataUrl": "https://hub/x"}), "PrimaryContainer.ModelDataUrl:"),
        (model(PrimaryContainer=container(HF_TOKEN="hf_x")), f"{WHERE}.HF_TOKEN: Environment values"),
        (model(EnableNetworkIsolation=True), "[WB-M8]"),
        (model(Containers=[container(), {"Image": IMAGE}]), "Containers[1].Environment.WEIGHBRIDGE_RELEASE: is missing"),
    ],
)  # fmt: skip
def test_a_model_outside_the_supply_chain_is_refused(properties: dict[str, Any], said: str) -> None:
    reasons = admission().judge(MODEL, properties)
    assert any(said in reason for reason in reasons), reasons


def test_a_revoked_release_is_refused() -> None:
    memory = Memory()
    memory.revoke()
    (reason,) = admission(memory=memory).judge(MODEL, model())
    assert f"{ACCEPTED.release_id} is revoked: leaks: promote another version" in reason


def test_an_acceptance_of_another_version_does_not_count() -> None:
    memory = Memory(acceptances=(accepted(version="2.0.0"),))
    assert "accepted for 2.0.0@" in admission(memory=memory).judge(MODEL, model())[0]


@pytest.mark.parametrize("floor", [None, "", "root=2,timestamp=4", "timestamp=9", "root"])
def test_a_container_may_not_be_told_a_lower_floor_than_was_accepted(floor: str | None) -> None:
    memory = Memory(acceptances=(accepted(floor=Floor({"root": 2, "timestamp": 5})),))
    (reason,) = admission(memory=memory).judge(MODEL, model(PrimaryContainer=container(WEIGHBRIDGE_FLOOR=floor)))
    assert f"{WHERE}.WEIGHBRIDGE_FLOOR: is {floor!r}, the promotion was accepted at root=2,timestamp=5" in reason


def test_a_higher_floor_passes() -> None:
    memory = Memory(acceptances=(accepted(floor=Floor({"root": 2})),))
    higher = model(PrimaryContainer=container(WEIGHBRIDGE_FLOOR="root=3,timestamp=1"))
    assert admission(memory=memory).judge(MODEL, higher) == ()


def test_a_config_is_judged_by_the_models_that_it_names() -> None:
    judge = admission(
        catalogue=FakeCatalogue(models={"model": model(), "stranger": {"PrimaryContainer": {"Image": "x"}}})
    )
    assert judge.judge(ENDPOINT_CONFIG, config()) == ()
    assert judge.judge(ENDPOINT_CONFIG, {"KmsKeyId": "k", "ProductionVariants": [{"VariantName": "all"}]}) == ()
    assert any(
        reason.startswith("ProductionVariants[0].ModelName: stranger: PrimaryContainer.Environment.WEIGHBRIDGE_RELEASE")
        for reason in judge.judge(ENDPOINT_CONFIG, config(ModelName="stranger"))
    )
    (missing,) = judge.judge(ENDPOINT_CONFIG, config(ModelName="gone"))
    assert "'gone' is no model that exists" in missing
    shadow = {**config(), "ShadowProductionVariants": [{"ModelName": "stranger"}]}
    assert any("ShadowProductionVariants[0]" in reason for reason in judge.judge(ENDPOINT_CONFIG, shadow))
    assert "[WB-C2]" in judge.judge(ENDPOINT_CONFIG, config(EnableSSMAccess=True))[0]


def test_an_endpoint_is_judged_by_its_config_and_the_models_behind() -> None:
    judge = admission(catalogue=FakeCatalogue(configs={"config": config(), "loose": config(ModelName="gone")}))
    assert judge.judge(ENDPOINT, {"EndpointConfigName": "config", **ROLLED_BACK}) == ()
    assert "[WB-E1]" in judge.judge(ENDPOINT, {"EndpointConfigName": "config"})[0]
    (reason,) = judge.judge(ENDPOINT, {"EndpointConfigName": "loose", **ROLLED_BACK})
    assert reason.startswith("EndpointConfigName: loose: ProductionVariants[0].ModelName: 'gone'")
    assert "no config that exists" in judge.judge(ENDPOINT, {"EndpointConfigName": {"Ref": "X"}, **ROLLED_BACK})[0]


def test_a_component_is_judged_by_its_rules_and_its_model() -> None:
    judge = admission(catalogue=FakeCatalogue(models={"model": model(), "loose": model(VpcConfig={})}))
    assert judge.judge(COMPONENT, {"Specification": {"ModelName": "model"}, **ROLLED_BACK}) == ()
    (unwatched,) = judge.judge(COMPONENT, {"Specification": {"ModelName": "model"}})
    assert unwatched.startswith("DeploymentConfig.AutoRollbackConfiguration.Alarms: ")
    assert unwatched.endswith("[WB-I2]")
    (missing,) = judge.judge(COMPONENT, {"Specification": {"ModelName": "gone"}, **ROLLED_BACK})
    assert missing.startswith("Specification.ModelName: 'gone' is no model that exists")
    several = {"Specifications": [{"ModelName": "model"}, {"ModelName": "loose"}], **ROLLED_BACK}
    (network,) = judge.judge(COMPONENT, several)
    assert network.startswith("Specifications[1].ModelName: loose: VpcConfig")


@pytest.mark.parametrize(
    ("specification", "field"),
    [
        ({"Specification": {"Container": container()}}, "Specification.Container"),
        ({"Specification": {"ModelName": "model", "Container": container()}}, "Specification.Container"),
        ({"Specifications": [{"BaseInferenceComponentName": "base"}]}, "Specifications[0].ModelName"),
        ({}, "Specification"),
    ],
)
def test_a_component_that_names_no_model_alone_is_refused_even_with_an_accepted_image(
    specification: dict[str, Any], field: str
) -> None:
    (reason,) = admission().judge(COMPONENT, {**specification, **ROLLED_BACK})
    assert reason.startswith(f"{field}: ")
    assert reason.endswith("[WB-I1]")


def test_what_nobody_taught_it_is_refused() -> None:
    assert "is not judged here" in admission().judge("AWS::S3::Bucket", {})[0]


def test_it_applies_every_rule_of_the_synth_to_the_kinds_that_it_judges() -> None:
    assert {rule.id for rule in RULES if set(rule.kinds) & set(KINDS)} == {rule.id for rule in RULES}


def call(properties: object, kind: str = MODEL) -> dict[str, Any]:
    return {
        "clientRequestToken": "token-1",
        "stackId": "arn:aws:cloudformation:eu-central-1:111111111111:stack/mine/1",
        "hookTypeName": "Weighbridge::Admission::Prod",
        "actionInvocationPoint": "CREATE_PRE_PROVISION",
        "requestData": {
            "targetName": kind,
            "targetType": kind,
            "targetLogicalId": "Model",
            "targetModel": {"resourceProperties": properties, "previousResourceProperties": None},
        },
    }


@pytest.fixture(autouse=True)
def going_forward(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hook, "_rolling_back", lambda _: False)


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hook, "_admission", admission)


@pytest.mark.usefixtures("judged")
def test_the_function_answers_as_the_hook_expects(capsys: pytest.CaptureFixture[str]) -> None:
    assert hook.handler(call(model()), None) == {
        "hookStatus": "SUCCESS",
        "message": "Model: within the supply chain",
        "clientRequestToken": "token-1",
    }
    answer = hook.handler(call(model(VpcConfig={})), None)
    assert (answer["hookStatus"], answer["errorCode"]) == ("FAILED", "NonCompliant")
    assert "VpcConfig" in str(answer["message"])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["event"] for line in lines] == ["admitted", "refused"]


@pytest.mark.usefixtures("judged")
def test_a_refusal_fits_into_what_cloud_control_shows_and_is_one_line() -> None:
    variables = {f"KEY_{number}_TOKEN": "x\ny" for number in range(60)}
    answer = hook.handler(call(model(PrimaryContainer=container(**variables))), None)
    message = str(answer["message"])
    assert len(message) == 1024
    assert message.endswith(" ...")
    assert "\n" not in message


@pytest.mark.usefixtures("judged")
@pytest.mark.parametrize(
    "event",
    [
        {},
        {"requestData": {"payload": "https://s3/x"}},
        call(None),
        {"requestData": {"targetModel": {}, "targetName": 1}},
    ],
)
def test_an_event_that_is_not_understood_is_refused(event: dict[str, Any]) -> None:
    answer = hook.handler(event, None)
    assert (answer["hookStatus"], answer["errorCode"]) == ("FAILED", "InternalFailure")


@pytest.mark.parametrize("error", [CloudError("dynamodb:Query on table x: no answer"), RuntimeError("a fault")])
def test_whatever_goes_wrong_is_a_refusal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    def broken() -> None:
        raise error

    monkeypatch.setattr(hook, "_admission", broken)
    answer = hook.handler(call(model()), None)
    assert (answer["hookStatus"], answer["errorCode"]) == ("FAILED", "InternalFailure")
    assert json.loads(capsys.readouterr().err)["event"] == "not-judged"


def test_without_its_variables_the_function_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WEIGHBRIDGE_CHANNEL", raising=False)
    monkeypatch.setenv("WEIGHBRIDGE_ENVIRONMENT", "prod")
    answer = hook.handler(call(model()), None)
    assert "WEIGHBRIDGE_CHANNEL: not set" in str(answer["message"])


@pytest.mark.parametrize("admits", [admission, None], ids=["refused", "not judged"])
def test_a_stack_that_is_rolled_back_is_not_stopped(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], admits: Any
) -> None:
    event = call(model(VpcConfig={}))
    monkeypatch.setattr(hook, "_admission", admits)
    monkeypatch.setattr(hook, "_rolling_back", lambda stack: stack == event["stackId"])
    answer = hook.handler(event, None)
    assert answer["hookStatus"] == "SUCCESS"
    assert "its stack is being rolled back" in str(answer["message"])
    assert json.loads(capsys.readouterr().out)["event"] == "admitted-in-rollback"


@pytest.mark.parametrize(("status", "expected"), [("UPDATE_ROLLBACK_IN_PROGRESS", True), ("UPDATE_IN_PROGRESS", False)])
def test_whether_a_stack_is_rolled_back_is_what_cloudformation_says(status: str, expected: bool) -> None:
    assert rolling_back(status) is expected


def test_a_stack_that_cannot_be_read_counts_as_going_forward() -> None:
    assert rolling_back(None) is False


def rolling_back(status: str | None) -> bool:
    class Stacks:
        def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803
            if status is None:
                raise EndpointConnectionError(endpoint_url=StackName)
            return {"Stacks": [{"StackStatus": status}]}

    return in_rollback(StackReader(client=Stacks(), stack_id="stack"))  # type: ignore[arg-type]
