"""The training stack: jobs that can sign nothing, and a registrar whose every key does one job."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import aws_cdk as cdk
import pytest
import yaml
from aws_cdk import aws_dynamodb as dynamodb
from template_view import Resource, Template, as_list, logical_id, only, resources, statements, text

from tools.synthesis import ROOT, synthesize
from weighbridge.errors import InputError
from weighbridge.names import Digest
from weighbridge_cdk import (
    ArtifactoryConnection,
    ChannelPin,
    GovernedTraining,
    Registrar,
    Repositories,
    RuntimePin,
    SignerUris,
)

SIGNERS = {
    name: f"awskms:arn:aws:kms:eu-central-1:111111111111:key/{name}"
    for name in ("statements", "promotions", "snapshot", "timestamp")
}
REGISTRAR_ENVIRONMENT = {
    "WEIGHBRIDGE_CHANNEL",
    "WEIGHBRIDGE_ENVIRONMENT",
    "WEIGHBRIDGE_INCOMING_REPOSITORY",
    "WEIGHBRIDGE_MODELS_REPOSITORY",
    "WEIGHBRIDGE_NOTICES_TOPIC",
    "WEIGHBRIDGE_PROMOTER_KEY",
    "WEIGHBRIDGE_RECORDS_REPOSITORY",
    "WEIGHBRIDGE_REGISTRAR_KEY",
    "WEIGHBRIDGE_REGISTRY_URL",
    "WEIGHBRIDGE_ROOT",
    "WEIGHBRIDGE_RUNTIME_IMAGE",
    "WEIGHBRIDGE_RUNTIME_LOCK",
    "WEIGHBRIDGE_SEQUENCES_TABLE",
    "WEIGHBRIDGE_SNAPSHOT_KEY",
    "WEIGHBRIDGE_TIMESTAMP_KEY",
    "WEIGHBRIDGE_TOKEN_SECRET_ID",
}


@pytest.fixture(scope="session")
def training(templates: dict[str, Template]) -> Template:
    return templates["weighbridge-dev-training"]


def of_role(template: Template, *, starting: str) -> list[Resource]:
    """Every statement of the role whose logical id starts so."""
    role = {"Ref": logical_id(template, "AWS::IAM::Role", starting=starting)}
    policies = [
        each["Properties"]
        for each in resources(template, "AWS::IAM::Policy").values()
        if role in each["Properties"]["Roles"]
    ]
    assert policies
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


def registrar_of(template: Template) -> Resource:
    """The properties of the registrar's function."""
    found: Resource = only(template, "AWS::Lambda::Function", starting="Registrar")["Properties"]
    return found


def actions(found: list[Resource]) -> set[str]:
    return {action for statement in found for action in as_list(statement["Action"])}


def test_only_the_channel_that_takes_registrations_trains(templates: dict[str, Template]) -> None:
    assert [name for name in templates if name.endswith("-training")] == ["weighbridge-dev-training"]


def test_a_training_job_may_sign_nothing_and_publish_nothing(training: Template) -> None:
    allowed = actions(of_role(training, starting="TrainingRole"))
    assert not allowed & {"kms:Sign", "kms:GetPublicKey", "sns:Publish", "ssm:PutParameter"}
    assert not [action for action in allowed if action.startswith(("dynamodb:", "sagemaker:", "lambda:", "iam:"))]


def test_a_training_job_reads_its_own_token_alone(training: Template) -> None:
    found = [s for s in of_role(training, starting="TrainingRole") if "secretsmanager:GetSecretValue" in s["Action"]]
    (statement,) = found
    assert statement["Resource"] == {
        "Ref": logical_id(training, "AWS::SecretsManager::Secret", starting="TrainingAccess")
    }
    keys = [s["Resource"] for s in of_role(training, starting="TrainingRole") if "kms:Decrypt" in as_list(s["Action"])]
    registrars = logical_id(training, "AWS::KMS::Key", starting="RegistrarAccess")
    assert registrars not in str(keys)


def test_a_training_job_reads_inputs_and_writes_outputs_and_changes_no_input(training: Template) -> None:
    found = of_role(training, starting="TrainingRole")
    for action, prefix in (("s3:GetObject", "/input/*"), ("s3:PutObject", "/output/*")):
        (statement,) = [s for s in found if action in as_list(s["Action"])]
        assert statement["Resource"]["Fn::Join"][1][-1] == prefix
    assert not [action for action in actions(found) if action.startswith("s3:Delete")]


def test_a_training_job_pulls_listed_images_into_its_own_subnets(training: Template) -> None:
    found = of_role(training, starting="TrainingRole")
    (pulls,) = [s for s in found if "ecr:BatchGetImage" in as_list(s["Action"])]
    assert len(pulls["Resource"]) == 2
    assert "weighbridge-training" in str(pulls["Resource"])
    (interfaces,) = [s for s in found if "ec2:CreateNetworkInterface" in as_list(s["Action"])]
    assert len(interfaces["Resource"]) == 4, "any interface, two subnets, one security group"


def test_the_role_trusts_sagemaker_of_this_account(training: Template) -> None:
    role = only(training, "AWS::IAM::Role", starting="TrainingRole")["Properties"]
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_the_environment_of_jobs_is_an_output_without_a_secret(training: Template) -> None:
    value = str(training["Outputs"]["TrainingEnvironment"]["Value"])
    for name in ("REGISTRY_URL", "HUB_REPOSITORY", "INCOMING_REPOSITORY", "TOKEN_SECRET_ID"):
        assert f"WEIGHBRIDGE_{name}" in value


def test_each_key_of_the_registrar_does_one_job(training: Template) -> None:
    keys = {
        name: each["Properties"]
        for name, each in resources(training, "AWS::KMS::Key").items()
        if each["Properties"].get("KeyUsage") == "SIGN_VERIFY"
    }
    assert len(keys) == 4, "the inspector's is the fourth"
    assert all(properties["KeySpec"] == "ECC_NIST_P256" for properties in keys.values())
    assert all(each["DeletionPolicy"] == "Retain" for each in resources(training, "AWS::KMS::Key").values())
    variables = registrar_of(training)["Environment"]["Variables"]
    uris = [str(variables[f"WEIGHBRIDGE_{name}_KEY"]) for name in ("REGISTRAR", "PROMOTER", "TIMESTAMP")]
    assert len(set(uris)) == 3
    assert variables["WEIGHBRIDGE_SNAPSHOT_KEY"] == variables["WEIGHBRIDGE_TIMESTAMP_KEY"]


def test_only_registrar_and_inspector_sign_and_each_with_its_own_keys_alone(training: Template) -> None:
    signing = {name: s for name, s in statements(training) if "kms:Sign" in as_list(s["Action"])}
    (statement,) = [s for name, s in signing.items() if name.startswith("RegistrarKeys")]
    assert len([name for name in signing if name.startswith("Inspector")]) == len(signing) - 1 == 1
    assert set(statement["Action"]) == {"kms:Sign", "kms:GetPublicKey"}
    assert len(statement["Resource"]) == 3
    assert "*" not in str(statement["Resource"])


def test_the_registrar_gets_what_it_registers_with(training: Template) -> None:
    function = registrar_of(training)
    variables = function["Environment"]["Variables"]
    assert set(variables) == REGISTRAR_ENVIRONMENT
    settings = yaml.safe_load((ROOT / "environments" / "dev.yaml").read_text())
    assert variables["WEIGHBRIDGE_RUNTIME_IMAGE"] == settings["training"]["runtime_image"]
    assert variables["WEIGHBRIDGE_RUNTIME_LOCK"] == settings["training"]["runtime_lock"]
    assert variables["WEIGHBRIDGE_INCOMING_REPOSITORY"] == settings["registry"]["incoming_repository"]
    assert function["Timeout"] == 900
    assert function["MemorySize"] >= 1769, "one core to hash with"
    assert "EphemeralStorage" not in function, "weights are streamed"
    assert function["VpcConfig"]["SubnetIds"]


def test_the_registrar_may_change_no_job_and_delete_nothing(training: Template) -> None:
    allowed = actions(of_role(training, starting="RegistrarFunctionRole"))
    assert {action for action in allowed if action.startswith("sagemaker:")} == {
        "sagemaker:DescribeTrainingJob", "sagemaker:ListTags"
    }  # fmt: skip
    assert {action for action in allowed if action.startswith("dynamodb:")} == {"dynamodb:GetItem", "dynamodb:PutItem"}
    (release_ids,) = [
        s for s in of_role(training, starting="RegistrarFunctionRole") if "ssm:PutParameter" in as_list(s["Action"])
    ]
    assert "parameter/weighbridge/dev/*/release-id" in str(release_ids["Resource"])


def test_notices_and_lost_events_are_encrypted(training: Template) -> None:
    assert "KmsMasterKeyId" in only(training, "AWS::SNS::Topic")["Properties"]
    assert only(training, "AWS::SQS::Queue")["Properties"]["SqsManagedSseEnabled"] is True


def test_keys_of_the_settings_are_used_and_none_is_made(tmp_path: Path) -> None:
    settings = yaml.safe_load((ROOT / "environments" / "dev.yaml").read_text())
    key = "awskms:arn:aws:kms:eu-central-1:111111111111:key/"
    settings["trust"] = {
        "keys": {
            "root": ["file:/offline/root.pem"], "targets": "file:/offline/targets.pem", "revocations": f"{key}revoke",
            "promoters": ["awskms:alias/weighbridge-promoter"], "registrar": f"{key}registrar",
            "snapshot": f"{key}online", "timestamp": f"{key}online",
        }
    }  # fmt: skip
    folder = tmp_path / "environments"
    folder.mkdir()
    (folder / "dev.yaml").write_text(yaml.safe_dump(settings))
    context = {"weighbridge:environments": str(folder)}
    found = synthesize(outdir=tmp_path / "out", validation=False, context=context)
    template = yaml.safe_load(found.templates()["weighbridge-dev-training"].read_text())
    assert not [k for k in resources(template, "AWS::KMS::Key").values() if "KeyUsage" in k["Properties"]]
    by_key, by_alias = [s for _, s in statements(template) if "kms:Sign" in as_list(s["Action"])]
    assert set(by_key["Resource"]) == {f"{key.removeprefix('awskms:')}{name}" for name in ("registrar", "online")}
    assert by_alias["Condition"] == {"StringEquals": {"kms:RequestAlias": ["alias/weighbridge-promoter"]}}
    variables = only(template, "AWS::Lambda::Function")["Properties"]["Environment"]["Variables"]
    assert variables["WEIGHBRIDGE_PROMOTER_KEY"] == "awskms:alias/weighbridge-promoter"


@pytest.mark.parametrize(
    "same", [("statements", "promotions"), ("promotions", "timestamp"), ("statements", "snapshot")]
)
def test_a_key_with_two_jobs_is_refused(same: tuple[str, str]) -> None:
    with pytest.raises(InputError, match="one key would do two jobs"):
        SignerUris(**{**SIGNERS, same[0]: SIGNERS[same[1]]})


def check_listening(template: Template) -> None:
    """Without a state machine, the registrar hears of every job that ended by itself."""
    rule = only(template, "AWS::Events::Rule")["Properties"]
    assert rule["EventPattern"] == {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Training Job State Change"],
        "detail": {"TrainingJobStatus": ["Completed", "Failed", "Stopped"]},
    }
    (target,) = rule["Targets"]
    queue = {"Fn::GetAtt": [logical_id(template, "AWS::SQS::Queue"), "Arn"]}
    assert target["DeadLetterConfig"] == {"Arn": queue}
    repeated = only(template, "AWS::Lambda::EventInvokeConfig")["Properties"]
    assert repeated["MaximumRetryAttempts"] == 2
    assert repeated["DestinationConfig"] == {"OnFailure": {"Destination": queue}}


def test_registrar_and_training_work_alone(
    new_stack: Callable[[], cdk.Stack], template_of: Callable[[cdk.Stack], Template]
) -> None:
    stack = new_stack()
    repositories = Repositories(models="models", records="records")
    connection = ArtifactoryConnection(
        stack, "Artifactory", url="https://registry.example.com/artifactory", repositories=repositories
    )
    table = dynamodb.Table(
        stack,
        "Sequences",
        partition_key=dynamodb.Attribute(name="scope", type=dynamodb.AttributeType.STRING),
        sort_key=dynamodb.Attribute(name="sequence", type=dynamodb.AttributeType.NUMBER),
        point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
            point_in_time_recovery_enabled=True
        ),
    )
    Registrar(
        stack,
        "Registrar",
        environment="dev",
        connection=connection,
        incoming_repository="incoming",
        channel=ChannelPin(name="dev", root_digest=Digest.of(b"root")),
        runtime=RuntimePin(image=f"example.com/image@sha256:{'1' * 64}", lock=Digest.of(b"lock")),
        sequences=table,
    )
    GovernedTraining(stack, "Training", connection=connection, hub_repository="hub", incoming_repository="incoming")
    template = template_of(stack)
    check_listening(template)
    assert "VpcConfig" not in only(template, "AWS::Lambda::Function")["Properties"]
    assert "ecr:" not in text(template)
    assert "ec2:" not in text(template)
