"""The apps in examples/ synthesize from the wheel alone: offline, byte for byte the same twice, clean under both packs."""

from __future__ import annotations

import filecmp
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from wheel_user import WheelUser, install

from tools.synthesis import ROOT
from weighbridge import __version__
from weighbridge_cdk.layer import layer_folder

APPS = {
    "one_endpoint": {"AWS::SageMaker::Endpoint", "AWS::SageMaker::Model", "Custom::WeighbridgePromotedModel"},
    "training_only": {"AWS::EC2::VPC", "AWS::S3::Bucket", "AWS::SageMaker::StudioLifecycleConfig"},
    "guard_only": {"AWS::CloudFormation::LambdaHook", "AWS::Events::Rule", "AWS::DynamoDB::Table"},
}
CONTEXT = json.dumps({"aws:cdk:disable-asset-staging": True})


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> WheelUser:
    """A user who has built no layer yet."""
    return install(folder=tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def user(newcomer: WheelUser) -> WheelUser:
    """The same user, with the layer that `python -m weighbridge_cdk.build_layer` would have fetched from an index."""
    layer = layer_folder(target="lambda")
    place = newcomer.home / ".cache" / "weighbridge" / "layers" / layer.name
    place.parent.mkdir(parents=True)
    place.symlink_to(layer)
    return newcomer


def synth(user: WheelUser, app: Path, *, outdir: Path, seed: str = "0") -> subprocess.CompletedProcess[str]:
    """Run the app as the CDK CLI does; CloudFormation's own rules are left out, both packs are not."""
    variables = {"CDK_OUTDIR": str(outdir), "CDK_CONTEXT_JSON": CONTEXT, "CDK_VALIDATION": "false"}
    return user.run("app.py", folder=app, variables={**variables, "PYTHONHASHSEED": seed})


def copy_of(name: str, *, folder: Path) -> Path:
    """Copy an example to where nothing of the checkout is beside it."""
    return Path(shutil.copytree(ROOT / "examples" / name, folder / name))


def types(outdir: Path) -> set[str]:
    (template,) = outdir.glob("*.template.json")
    return {found["Type"] for found in json.loads(template.read_text(encoding="utf-8"))["Resources"].values()}


def test_without_a_layer_the_app_says_what_builds_it(newcomer: WheelUser, tmp_path: Path) -> None:
    done = synth(newcomer, copy_of("guard_only", folder=tmp_path), outdir=tmp_path / "out")
    assert done.returncode != 0
    assert "`python -m weighbridge_cdk.build_layer`" in done.stderr


@pytest.mark.parametrize("name", APPS)
def test_an_example_synthesizes_twice_alike(user: WheelUser, name: str, tmp_path: Path) -> None:
    app = copy_of(name, folder=tmp_path)
    first, second = tmp_path / "first", tmp_path / "second"
    for outdir, seed in ((first, "1"), (second, "4711")):
        done = synth(user, app, outdir=outdir, seed=seed)
        assert done.returncode == 0, done.stderr
    names = sorted(path.name for path in first.iterdir())
    assert sorted(path.name for path in second.iterdir()) == names
    assert filecmp.cmpfiles(first, second, names, shallow=False) == (names, [], [])
    assert types(first) >= APPS[name]


def test_both_packs_judge_the_examples(user: WheelUser, tmp_path: Path) -> None:
    app = copy_of("guard_only", folder=tmp_path)
    unsafe = (
        "from aws_cdk import aws_s3, aws_sagemaker\n"
        "stack = Guard(app, 'unsafe')\n"
        "aws_s3.Bucket(stack, 'Open')\n"
        "aws_sagemaker.CfnModel(stack, 'Wild', execution_role_arn='arn:aws:iam::666666666666:role/any',\n"
        "    primary_container={'image': 'any:latest'})\n"
    )
    source = (app / "app.py").read_text(encoding="utf-8")
    (app / "app.py").write_text(source.replace("cdk.Validations", f"{unsafe}cdk.Validations"), encoding="utf-8")
    done = synth(user, app, outdir=tmp_path / "out")
    assert done.returncode != 0
    report = (tmp_path / "out" / "validation-report.json").read_text(encoding="utf-8")
    assert "AwsSolutions-S1" in report
    assert "unsafe/Wild" in report


def test_the_layer_is_built_from_the_lock(newcomer: WheelUser, tmp_path: Path) -> None:
    """With pip itself, from a folder of wheels instead of an index; a file whose digest is not the lock's is refused."""
    lock, folder = tmp_path / "lock.txt", tmp_path / "layers" / "lambda-1"
    by_path = ["-P", str(ROOT / "constructs" / "weighbridge_cdk" / "build_layer.py")]

    def build(program: list[str], *, locked: str) -> subprocess.CompletedProcess[str]:
        lock.write_text(f"weighbridge=={__version__} --hash=sha256:{locked}\n")
        return subprocess.run(
            [sys.executable, *program, "--lock", str(lock), "--folder", str(folder)],
            env={**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(newcomer.wheel.parent)},
            capture_output=True,
            text=True,
            check=False,
        )

    refused = build(by_path, locked="0" * 64)
    assert refused.returncode == 1
    assert "pip could not build the layer for lambda" in refused.stderr
    assert not folder.exists()
    done = build(["-m", "weighbridge_cdk.build_layer"], locked=hashlib.sha256(newcomer.wheel.read_bytes()).hexdigest())
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(folder)
    assert (folder / "python" / "weighbridge_cdk" / "layer.py").is_file()
