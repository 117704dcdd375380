"""Parts of the local AWS that need no emulator."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.aws.gateway import is_sagemaker
from local.aws.resolved_parameters import ResolvedParameter, with_resolved_values
from local.aws.resources.sagemaker import EndpointHandler, ModelHandler
from local.aws.resources.secrets import RotationScheduleHandler
from local.aws.rotation import Rotation
from local.aws.settings import TwinEnvironment, write_settings
from weighbridge.settings import CreatedNetwork, load_environments

DIGEST = f"sha256:{'b' * 64}"
URL = "http://127.0.0.1:8081/artifactory"


def test_the_settings_that_are_written_are_settings_of_the_app(tmp_path: Path):
    dev = TwinEnvironment(name="dev", root_digest=DIGEST, models=("minilm",))
    prod = TwinEnvironment(name="prod", root_digest=DIGEST, models=("minilm",), promote_from="dev", instance_count=2)
    folder = write_settings([dev, prod], folder=tmp_path / "environments", registry_url=URL)
    found = {settings.environment: settings for settings in load_environments(folder)}
    assert {name: str(settings.channel.root_digest) for name, settings in found.items()} == {
        "dev": DIGEST,
        "prod": DIGEST,
    }
    assert found["dev"].registry.incoming_repository == "ml-incoming-local"
    assert found["prod"].registry.models_repository == "ml-prod-local"
    assert found["prod"].models[0].endpoint.rollout.canary_instances == 1
    assert found["dev"].models[0].endpoint.rollout.canary_instances is None
    assert isinstance(found["prod"].network, CreatedNetwork)
    assert len({settings.network.cidr for settings in found.values()}) == 2


@pytest.mark.parametrize(
    ("method", "path", "target", "expected"),
    [
        ("POST", "/", b"SageMaker.CreateModel", True),
        ("POST", "/endpoints/minilm/invocations", None, True),
        ("GET", "/endpoints/minilm/invocations", None, False),
        ("POST", "/", b"AmazonSSM.GetParameter", False),
        ("POST", "/bucket/endpoints/minilm/invocations", None, False),
    ],
)
def test_requests_of_sagemaker_are_told_from_all_others(method, path, target, expected):
    headers = [] if target is None else [(b"X-Amz-Target", target)]
    assert is_sagemaker({"type": "http", "method": method, "path": path, "headers": headers}) is expected


def answer(*stacks: str) -> str:
    parameter = (
        "<member><ParameterKey>ReleaseId</ParameterKey><ParameterValue>1@sha256:aa</ParameterValue></member>"
        "<member><ParameterKey>Other</ParameterKey><ParameterValue>x</ParameterValue></member>"
    )
    members = (f"<member><StackId>{stack}</StackId><Parameters>{parameter}</Parameters></member>" for stack in stacks)
    return f"<Stacks>{''.join(members)}</Stacks>"


def test_a_resolved_value_stands_beside_the_parameters_name_in_its_own_stack_alone():
    resolved = {"b": {"ReleaseId": ResolvedParameter(name="/id?a<b", value="1@sha256:aa")}}
    first, second = with_resolved_values(answer("a", "b"), stacks=resolved).split("<StackId>b</StackId>")
    assert "ResolvedValue" not in first
    assert "<ParameterValue>/id?a&lt;b</ParameterValue><ResolvedValue>1@sha256:aa</ResolvedValue>" in second
    assert second.count("ResolvedValue>") == 2
    assert "<ParameterKey>Other</ParameterKey><ParameterValue>x</ParameterValue>" in second


class Api:
    """Answers DescribeEndpoint with one state after the other."""

    def __init__(self, *states: dict[str, str] | None) -> None:
        self.states = list(states)
        self.calls: list[tuple[str, dict[str, object]]] = []

    def call(self, operation, request):
        self.calls.append((operation, dict(request)))
        if operation == "DescribeEndpoint":
            state = self.states.pop(0)
            if state is None:
                raise ValueError('Could not find endpoint "arn"')
            return state
        return {"EndpointArn": "arn:endpoint/minilm", "ModelArn": "arn:model/x"}


def test_an_endpoint_that_fails_to_be_created_is_deleted_and_its_reason_told():
    api = Api({"EndpointStatus": "Creating"}, {"EndpointStatus": "Failed", "FailureReason": "no ping"}, None)
    handler = EndpointHandler(api)
    with pytest.raises(RuntimeError, match="Failed: no ping"):
        handler.create("Endpoint", {"EndpointName": "minilm", "EndpointConfigName": "c"})
    assert ("DeleteEndpoint", {"EndpointName": "minilm"}) in api.calls


def test_an_update_that_ends_in_service_is_done_on_whichever_config():
    serving = {"EndpointStatus": "InService", "EndpointConfigName": "old"}
    api = Api(serving, {"EndpointStatus": "Updating"}, {**serving, "FailureReason": "no ping"})
    handler = EndpointHandler(api)
    arn, _ = handler.create("Endpoint", {"EndpointName": "minilm", "EndpointConfigName": "old"})
    new = {"EndpointName": "minilm", "EndpointConfigName": "new", "RetainAllVariantProperties": True, "Tags": []}
    assert handler.update(arn, {}, new) == (arn, {"EndpointName": "minilm"})
    update = {"EndpointName": "minilm", "EndpointConfigName": "new", "RetainAllVariantProperties": True}
    assert ("UpdateEndpoint", update) in api.calls


def test_a_model_without_a_name_gets_one_that_sagemaker_takes_and_no_other_has():
    api = Api()
    handler = ModelHandler(api)
    long = "PromotedModel" * 10
    names = {str(handler.create(long, {"PrimaryContainer": {}})[1]["ModelName"]) for _ in range(3)}
    assert len(names) == 3
    assert max(map(len, names)) <= 63


@pytest.mark.parametrize("said", [{}, {"RotateImmediatelyOnUpdate": True}, {"RotateImmediatelyOnUpdate": "true"}])
def test_a_schedule_that_rotates_at_once_is_refused_before_anything_is_switched_on(said):
    calls: list[str] = []
    handler = RotationScheduleHandler(Rotation(invoke=lambda function, _event: (calls.append(function), False)))
    properties = {"SecretId": "token", "RotationLambdaARN": "arn:aws:lambda:eu-central-1:1:function:rotate", **said}
    with pytest.raises(ValueError, match=r"RotateImmediatelyOnUpdate: .*rotate by hand"):
        handler.create("Schedule", properties)
    assert calls == []
