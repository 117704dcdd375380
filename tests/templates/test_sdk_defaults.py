"""What a notebook gets from the training stack: the defaults config, and scripts that bring it."""

from __future__ import annotations

import json

import pytest
from template_view import Template, logical_id, only, resources

from weighbridge.jobs.sdk_defaults import lifecycle_script


@pytest.fixture(scope="session")
def training(templates: dict[str, Template]) -> Template:
    return templates["weighbridge-dev-training"]


def test_the_parameter_holds_the_jobs_role_network_and_key_and_no_secret(training: Template) -> None:
    parameter = only(training, "AWS::SSM::Parameter", starting="SdkDefaults")["Properties"]
    assert parameter["Name"] == "/weighbridge/dev/training/sdk-defaults"
    parts = parameter["Value"]["Fn::Join"][1]
    names = {json.dumps(part): f"TOKEN-{number}" for number, part in enumerate(parts) if isinstance(part, dict)}
    document = json.loads("".join(part if isinstance(part, str) else names[json.dumps(part)] for part in parts))
    job = document["SageMaker"]["TrainingJob"]
    role = {"Fn::GetAtt": [logical_id(training, "AWS::IAM::Role", starting="TrainingRole"), "Arn"]}
    key = {"Fn::GetAtt": [logical_id(training, "AWS::KMS::Key", starting="TrainingKey"), "Arn"]}
    assert job["RoleArn"] == names[json.dumps(role)]
    assert job["OutputDataConfig"]["KmsKeyId"] == job["ResourceConfig"]["VolumeKmsKeyId"] == names[json.dumps(key)]
    networking = document["SageMaker"]["PythonSDK"]["Modules"]["ModelTrainer"]["networking"]
    assert networking["subnets"] == job["VpcConfig"]["Subnets"]
    assert len(networking["subnets"]) == 2
    assert job["Environment"]["WEIGHBRIDGE_TOKEN_SECRET_ID"].startswith("TOKEN-"), "the secret's ARN"
    assert job["Environment"]["HF_ENDPOINT"].endswith("/api/huggingfaceml/huggingface-remote")
    assert len(job["Environment"]) <= 48, "the SDK's own limit"


def test_studio_and_notebook_instances_get_a_script_that_fetches_it(training: Template) -> None:
    spaces = [each["Properties"] for each in resources(training, "AWS::SageMaker::StudioLifecycleConfig").values()]
    assert {each["StudioLifecycleConfigAppType"] for each in spaces} == {"JupyterLab", "CodeEditor"}
    (start,) = only(training, "AWS::SageMaker::NotebookInstanceLifecycleConfig")["Properties"]["OnStart"]
    contents = [each["StudioLifecycleConfigContent"] for each in spaces] + [start["Content"]]
    for content in contents:
        script = content["Fn::Base64"]
        assert script.startswith("#!/bin/bash\nset -euo pipefail\n")
        assert '--region "eu-central-1" --name "/weighbridge/dev/training/sdk-defaults"' in script
        assert len(script) < 12_000, "16,384 in base64"
    assert "/home/ec2-user" in contents[-1]["Fn::Base64"]


def test_another_script_gets_another_name(training: Template, monkeypatch: pytest.MonkeyPatch) -> None:
    from weighbridge_cdk import sdk_defaults

    spaces = resources(training, "AWS::SageMaker::StudioLifecycleConfig").values()
    names = {each["Properties"]["StudioLifecycleConfigName"] for each in spaces}
    assert len(names) == 2
    mark = sdk_defaults._mark("dev")
    assert all(name.startswith("weighbridge-dev-") and name.endswith(mark) for name in names)
    monkeypatch.setattr(sdk_defaults, "lifecycle_script", lambda **words: lifecycle_script(**words) + "true\n")
    assert sdk_defaults._mark("dev") != mark, (
        "everything about it is create-only, and a name is taken while it is there"
    )
