"""GovernedModelChecks: each rule says no and yes, the documentation says what the rules say, and a synth stops."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_sagemaker as sagemaker
from template_view import Template

from tools.synthesis import ROOT
from weighbridge_cdk import GovernedModelChecks
from weighbridge_cdk.checks import RULES

DIGEST = f"sha256:{'a' * 64}"
IMAGE = f"111111111111.dkr.ecr.eu-central-1.amazonaws.com/inference@{DIGEST}"
RELEASE = {
    "WEIGHBRIDGE_RELEASE": {"Fn::GetAtt": ["Release", "ReleaseReference"]},
    "WEIGHBRIDGE_PROMOTION": {"Ref": "Id"},
}
GOOD: dict[str, dict[str, Any]] = {
    "AWS::SageMaker::Model": {
        "PrimaryContainer": {
            "Image": {"Fn::GetAtt": ["Release", "ImageUri"]},
            "Environment": {
                **RELEASE,
                "WEIGHBRIDGE_TOKEN_SECRET_ID": {"Ref": "Secret"},
                "HF_ENDPOINT": "https://registry.example.com/artifactory/api/huggingfaceml/hub",
                "HF_TRUST_REMOTE_CODE": "false",
                "MAX_TOKENS": "512",
            },
        },
        "VpcConfig": {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
        "EnableNetworkIsolation": False,
    },
    "AWS::SageMaker::EndpointConfig": {
        "KmsKeyId": {"Fn::GetAtt": ["Key", "Arn"]},
        "ProductionVariants": [{"VariantName": "primary", "EnableSSMAccess": False}],
        "DataCaptureConfig": {"EnableCapture": True, "KmsKeyId": "key"},
    },
    "AWS::SageMaker::Endpoint": {
        "DeploymentConfig": {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}]}}
    },
    "AWS::SageMaker::InferenceComponent": {
        "Specification": {"ModelName": {"Fn::GetAtt": ["Model", "ModelName"]}},
        "DeploymentConfig": {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}]}},
    },
    "AWS::Lambda::Function": {
        "Environment": {"Variables": {"WEIGHBRIDGE_TOKEN_SECRET_ID": {"Ref": "Secret"}, "API_KEY_ARN": "arn:aws:x"}}
    },
}
MODEL, CONFIG, ENDPOINT, COMPONENT, FUNCTION = GOOD
ENVIRONMENT = "PrimaryContainer.Environment"
VARIABLES = "Environment.Variables"

# The rule that says no, the resource, the property that is changed (None takes it away), and where the finding is.
BAD: list[tuple[str, str, str, Any, str]] = [
    ("WB-M1", MODEL, f"{ENVIRONMENT}.WEIGHBRIDGE_RELEASE", None, ENVIRONMENT),
    ("WB-M1", MODEL, f"{ENVIRONMENT}.WEIGHBRIDGE_PROMOTION", "", ENVIRONMENT),
    ("WB-M1", MODEL, "PrimaryContainer", None, "PrimaryContainer"),
    ("WB-M1", MODEL, "Containers", [{"Image": IMAGE, "Environment": RELEASE}, {"Image": IMAGE}], "Containers[1].Environment"),
    ("WB-M2", MODEL, "PrimaryContainer.Image", "registry.example.com/inference:1.0", "PrimaryContainer.Image"),
    ("WB-M2", MODEL, "PrimaryContainer.Image", f"registry.example.com/inference@{DIGEST[:-1]}", "PrimaryContainer.Image"),
    ("WB-M2", MODEL, "PrimaryContainer.Image", {"Fn::Join": ["", [{"Ref": "Registry"}, "/inference:latest"]]}, "PrimaryContainer.Image"),
    ("WB-M2", MODEL, "PrimaryContainer.Image", {"Fn::Sub": "${Registry}/inference:latest"}, "PrimaryContainer.Image"),
    ("WB-M3", MODEL, "VpcConfig", None, "VpcConfig"),
    ("WB-M3", MODEL, "VpcConfig.SecurityGroupIds", [], "VpcConfig"),
    ("WB-M4", MODEL, "PrimaryContainer.ModelDataUrl", "https://example.com/weights.tar.gz", "PrimaryContainer.ModelDataUrl"),
    ("WB-M4", MODEL, "PrimaryContainer.ModelDataSource", {"S3DataSource": {}}, "PrimaryContainer.ModelDataSource"),
    ("WB-M4", MODEL, "PrimaryContainer.ModelPackageName", "package", "PrimaryContainer.ModelPackageName"),
    ("WB-M5", MODEL, f"{ENVIRONMENT}.HF_ENDPOINT", "https://huggingface.co", f"{ENVIRONMENT}.HF_ENDPOINT"),
    ("WB-M5", MODEL, f"{ENVIRONMENT}.WEIGHTS", "https://cdn-lfs.hf.co/x/y", f"{ENVIRONMENT}.WEIGHTS"),
    ("WB-M6", MODEL, f"{ENVIRONMENT}.HF_TRUST_REMOTE_CODE", "True", f"{ENVIRONMENT}.HF_TRUST_REMOTE_CODE"),
    ("WB-M6", MODEL, f"{ENVIRONMENT}.SM_VLLM_TRUST_REMOTE_CODE", "1", f"{ENVIRONMENT}.SM_VLLM_TRUST_REMOTE_CODE"),
    ("WB-M6", MODEL, f"{ENVIRONMENT}.OPTION_TRUST_REMOTE_CODE", "true", f"{ENVIRONMENT}.OPTION_TRUST_REMOTE_CODE"),
    ("WB-M6", MODEL, f"{ENVIRONMENT}.ARGS", "--port 8080 --trust-remote-code", f"{ENVIRONMENT}.ARGS"),
    ("WB-M7", MODEL, f"{ENVIRONMENT}.HF_TOKEN", "abc", f"{ENVIRONMENT}.HF_TOKEN"),
    ("WB-M7", MODEL, f"{ENVIRONMENT}.HF_TOKEN", {"Ref": "Token"}, f"{ENVIRONMENT}.HF_TOKEN"),
    ("WB-M7", MODEL, f"{ENVIRONMENT}.URL", "https://user:word@example.com", f"{ENVIRONMENT}.URL"),
    ("WB-M7", FUNCTION, f"{VARIABLES}.X", "AKIAIOSFODNN7EXAMPLE", f"{VARIABLES}.X"),
    ("WB-M7", FUNCTION, f"{VARIABLES}.X", {"Fn::Join": ["", ["{{resolve:secretsmanager:", {"Ref": "S"}, "}}"]]}, f"{VARIABLES}.X"),
    ("WB-M7", FUNCTION, f"{VARIABLES}.DB_PASSWORD", "word", f"{VARIABLES}.DB_PASSWORD"),
    ("WB-M8", MODEL, "EnableNetworkIsolation", True, "EnableNetworkIsolation"),
    ("WB-C1", CONFIG, "KmsKeyId", None, "KmsKeyId"),
    ("WB-C2", CONFIG, "ProductionVariants", [{}, {"EnableSSMAccess": True}], "ProductionVariants[1].EnableSSMAccess"),
    ("WB-C2", CONFIG, "ShadowProductionVariants", [{"EnableSSMAccess": "true"}], "ShadowProductionVariants[0].EnableSSMAccess"),
    ("WB-C3", CONFIG, "DataCaptureConfig.KmsKeyId", None, "DataCaptureConfig.KmsKeyId"),
    ("WB-E1", ENDPOINT, "DeploymentConfig.AutoRollbackConfiguration", None, "DeploymentConfig.AutoRollbackConfiguration.Alarms"),
    ("WB-C4", CONFIG, "ProductionVariants", [{"ManagedInstanceScaling": {"Status": "ENABLED"}}], "VpcConfig"),
    ("WB-C5", CONFIG, "ProductionVariants", [{"CoreDumpConfig": {"DestinationS3Uri": "s3://x/"}}], "ProductionVariants[0].CoreDumpConfig.KmsKeyId"),
    ("WB-I1", COMPONENT, "Specification", None, "Specification"),
    ("WB-I1", COMPONENT, "Specification.ModelName", None, "Specification.ModelName"),
    ("WB-I1", COMPONENT, "Specification.Container", {"Image": IMAGE}, "Specification.Container"),
    ("WB-I1", COMPONENT, "Specifications", [{"Container": {"Image": IMAGE}}], "Specifications[0].Container"),
    ("WB-I2", COMPONENT, "DeploymentConfig", None, "DeploymentConfig.AutoRollbackConfiguration.Alarms"),
    ("WB-E1", ENDPOINT, "DeploymentConfig", None, "DeploymentConfig.AutoRollbackConfiguration.Alarms"),
]  # fmt: skip
# What looks alike and is allowed.
ALLOWED: list[tuple[str, str, Any]] = [
    (MODEL, "PrimaryContainer.Image", IMAGE),
    (MODEL, "PrimaryContainer.Image", {"Fn::Join": ["", [{"Ref": "Registry"}, f"/inference@{DIGEST}"]]}),
    (MODEL, "PrimaryContainer.Image", {"Fn::Join": ["", ["registry/inference@", {"Ref": "Digest"}]]}),
    (MODEL, f"{ENVIRONMENT}.ARGS", "--trust-remote-code=false"),
    (MODEL, f"{ENVIRONMENT}.HF_HUB_OFFLINE", "1"),
    (MODEL, f"{ENVIRONMENT}.NOTE", "see example.com/not-huggingface.company"),
    (FUNCTION, f"{VARIABLES}.TOKENIZERS_PARALLELISM", "false"),
    (CONFIG, "DataCaptureConfig", {"EnableCapture": False}),
    (CONFIG, "DataCaptureConfig", None),
    (CONFIG, "ProductionVariants", [{"ModelName": "m", "ManagedInstanceScaling": {"Status": "ENABLED"}}]),
    (CONFIG, "ProductionVariants", [{"CoreDumpConfig": {"DestinationS3Uri": "s3://x/", "KmsKeyId": "key"}}]),
]


def changed(kind: str, place: str, value: Any) -> dict[str, Any]:
    properties = copy.deepcopy(GOOD[kind])
    *parents, last = place.split(".")
    target = properties
    for name in parents:
        target = target[name]
    if value is None:
        del target[last]
    else:
        target[last] = value
    return properties


def findings(kind: str, properties: dict[str, Any]) -> list[tuple[str, str]]:
    return [(rule.id, place) for rule in RULES if kind in rule.kinds for place in rule.check(properties)]


@pytest.mark.parametrize("kind", GOOD)
def test_what_is_governed_breaks_no_rule(kind: str) -> None:
    assert findings(kind, GOOD[kind]) == []


@pytest.mark.parametrize(("rule", "kind", "place", "value", "where"), BAD)
def test_one_rule_refuses_one_change(rule: str, kind: str, place: str, value: Any, where: str) -> None:
    assert findings(kind, changed(kind, place, value)) == [(rule, where)]


@pytest.mark.parametrize(("kind", "place", "value"), ALLOWED)
def test_what_looks_alike_is_allowed(kind: str, place: str, value: Any) -> None:
    if value is None and place not in GOOD[kind]:
        pytest.fail(f"{place} is not there to be taken away")
    assert findings(kind, changed(kind, place, value)) == []


def test_every_rule_has_a_case() -> None:
    assert {rule for rule, *_ in BAD} == {rule.id for rule in RULES}
    assert len({rule.id for rule in RULES}) == len(RULES)


def test_the_documentation_says_what_the_rules_say() -> None:
    text = (ROOT / "docs" / "checks.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(WB-[A-Z0-9]+)` \| (.+?) \| (.+?) \| (.+?) \|$", text, flags=re.MULTILINE)
    assert rows == [(rule.id, ", ".join(rule.kinds), rule.reason, rule.fix) for rule in RULES]


def test_every_rule_has_a_file_of_its_own() -> None:
    files = {path.stem for path in (ROOT / "weighbridge/checks/rules").glob("*.py")} - {"__init__"}
    assert files == {rule.check.__module__.rpartition(".")[2] for rule in RULES}
    assert len(files) == len(RULES)


def test_the_shipped_templates_hold_what_is_checked(templates: dict[str, Template]) -> None:
    kinds = {each["Type"] for template in templates.values() for each in template["Resources"].values()}
    # No shipped environment has a component: tests/templates/test_governed_endpoint_component.py checks those.
    assert set(GOOD) - {COMPONENT} <= kinds
    for stack, template in templates.items():
        for name, each in template["Resources"].items():
            assert findings(each["Type"], each.get("Properties", {})) == [], f"{stack} {name}"


def synth(stack: cdk.Stack, outdir: Path) -> dict[str, list[str]]:
    """Synthesize under the pack alone; return the constructs with findings by rule."""
    app = stack.node.root
    assert isinstance(app, cdk.App)
    cdk.Validations.of(app).add_plugins(GovernedModelChecks())
    try:
        app.synth()
    except RuntimeError:
        report = json.loads((outdir / "validation-report.json").read_text())
        return {
            violation["ruleName"]: [each["constructPath"] for each in violation["violatingConstructs"]]
            for plugin in report["pluginReports"]
            for violation in plugin["violations"]
        }
    return {}


def ungoverned(stack: cdk.Stack) -> sagemaker.CfnModel:
    return sagemaker.CfnModel(
        stack,
        "Model",
        execution_role_arn="arn:aws:iam::111111111111:role/x",
        primary_container=sagemaker.CfnModel.ContainerDefinitionProperty(image="inference:latest"),
        vpc_config=sagemaker.CfnModel.VpcConfigProperty(subnets=["subnet-1"], security_group_ids=["sg-1"]),
    )


def test_a_synth_stops_at_an_ungoverned_model(new_stack: Callable[[], cdk.Stack], tmp_path: Path) -> None:
    stack = new_stack()
    ungoverned(stack)
    assert synth(stack, tmp_path / "out") == {"WB-M1": ["Alone/Model"], "WB-M2": ["Alone/Model"]}


def test_a_finding_can_be_acknowledged_where_it_arises(new_stack: Callable[[], cdk.Stack], tmp_path: Path) -> None:
    stack = new_stack()
    model = ungoverned(stack)
    for rule in ("WB-M1", "WB-M2"):
        cdk.Validations.of(model).acknowledge(cdk.Acknowledgment(id=f"GovernedModelChecks::{rule}", reason="a trial"))
    assert synth(stack, tmp_path / "out") == {}
