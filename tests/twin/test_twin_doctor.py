"""The doctor in the whole twin: real boto3 against the local AWS, real HTTP against the registry."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import boto3
import pytest

from local.aws.process import LocalAws
from local.process import ROOT, environment_python
from tests.clients.doctor.doctor_clinic import ACCOUNT, REGION, ROLES, SECRET, settings_for
from tests.promoted_registry import promoted_registry
from weighbridge.doctor import CHECKS

pytestmark = pytest.mark.twin

TOPICS = ("registry", "transfer", "channel", "aws")
# The local AWS does not know these two calls.
UNKNOWN_HERE = {"aws.quota-instances", "aws.offerings"}


def test_the_readers_visit_finds_nothing_but_what_the_local_aws_cannot_tell(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text('{"hidden_size": 384}')
    with LocalAws(folder=tmp_path / "aws") as aws, promoted_registry(tmp_path, channel="dev") as world:
        _, promotion = world.promote(model)
        options = aws.client_options()
        token = world.registry.token("reader")
        boto3.client("secretsmanager", **options).create_secret(Name=SECRET, SecretString=token)
        keeper = "weighbridge/dev/artifactory-keeper"
        boto3.client("secretsmanager", **options).create_secret(Name=keeper, SecretString=token)
        boto3.client("ssm", **options).put_parameter(
            Name="/weighbridge/dev/minilm/release-id", Value=str(promotion.release_id), Type="String"
        )
        kms = boto3.client("kms", **options)
        keys = {
            role: kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
            for role in ROLES
        }
        here = {ACCOUNT: aws.scope.account, REGION: aws.scope.region}
        settings_for(world, tmp_path, keys={role: f"awskms:{key}" for role, key in keys.items()}, **here)
        words = [word for topic in (*TOPICS, "permissions.reader") for word in ("--only", topic)]
        command = ["-m", "weighbridge.cli", "doctor", "--json", "--settings", str(tmp_path / "dev.yaml"), *words]
        done = subprocess.run(
            [str(environment_python("dev")), *command],
            cwd=ROOT,
            env={**aws.environment(), "PATH": os.environ["PATH"], "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 2, done.stderr
    assert token not in done.stdout + done.stderr
    found = json.loads(done.stdout)["findings"]
    assert {finding["check"]: finding["severity"] for finding in found if finding["severity"] != "ok"} == dict.fromkeys(
        UNKNOWN_HERE, "could not check"
    )
    asked = {check.id for check in CHECKS if check.topic in TOPICS}
    assert {finding["check"] for finding in found} == {*asked, "permissions.reader"}
