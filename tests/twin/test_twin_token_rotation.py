"""The app's own rotation on the local AWS, in the middle of a pull; and that no secret stands anywhere afterwards."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from twin_sweep import everything, secret_values

from local.aws.settings import TwinEnvironment, reader_secret, write_settings
from local.registry.process import RegistryProcess
from local.registry.standard import USERS, models_repository, records_repository, standard_config
from tools.synthesis import synthesize
from weighbridge.errors import RegistryAuthError
from weighbridge.names import Digest
from weighbridge.pull import PullReport, pull
from weighbridge.registry import ArtifactoryClient, Retries, SecretsManagerToken, StaticToken
from weighbridge.release import BuiltRelease, Lineage, Runtime, build_release, files_in
from weighbridge.trust import generate_key_file

pytestmark = pytest.mark.twin

ENVIRONMENT = "staging"
PREFIX = f"weighbridge-{ENVIRONMENT}"
MODELS = models_repository(ENVIRONMENT)
TOKENS = {user: f"canary-of-{user}-{os.urandom(8).hex()}" for user in USERS}
IMAGE = f"registry.example.com/docker/inference@sha256:{'a' * 64}"
DIGEST = f"sha256:{'a' * 64}"
FILES, SIZE = 8, 1_500_000
PATIENCE_SECONDS = 60.0


@dataclass
class Rotated:
    """A registry with a release, and the app's registry stack, whose secret is rotated."""

    twin: Any
    folder: Path
    registry: RegistryProcess
    built: BuiltRelease
    first: str
    key: str

    def __post_init__(self) -> None:
        options = self.twin.aws.client_options()
        self.secrets: Any = boto3.client("secretsmanager", **options)
        self.functions: Any = boto3.client("lambda", **options)
        self.arn = self.secrets.describe_secret(SecretId=reader_secret(ENVIRONMENT))["ARN"]

    @property
    def function(self) -> str:
        return str(self.secrets.describe_secret(SecretId=self.arn)["RotationLambdaARN"]).rpartition(":")[2]

    def value(self, stage: str) -> str | None:
        try:
            text = self.secrets.get_secret_value(SecretId=self.arn, VersionStage=stage).get("SecretString")
        except self.secrets.exceptions.ResourceNotFoundException:
            return None
        return None if text is None else SecretsManagerToken.parse(text, secret_id=self.arn)

    def works(self, token: str) -> bool:
        client = ArtifactoryClient(url=self.registry.url, tokens=StaticToken(token=token), retries=Retries(attempts=1))
        try:
            client.ping()
        except RegistryAuthError:
            return False
        return True

    def rotate(self) -> None:
        before = self.value("AWSCURRENT")
        self.secrets.rotate_secret(SecretId=self.arn)
        wait_for(lambda: self.value("AWSCURRENT") != before)

    def upkeep(self) -> dict[str, Any]:
        """What the hourly rule does."""
        answer: dict[str, Any] = self.functions.invoke(FunctionName=self.function, Payload=b'{"Upkeep": "token"}')
        return answer

    def end_grace(self) -> None:
        """Let the time of grace be over at once: a second, where the settings say hours."""
        held = self.functions.get_function_configuration(FunctionName=self.function)["Environment"]["Variables"]
        assert held["WEIGHBRIDGE_TOKEN_GRACE_SECONDS"] == str(24 * 3600)
        variables = {**held, "WEIGHBRIDGE_TOKEN_GRACE_SECONDS": "1"}
        self.functions.update_function_configuration(FunctionName=self.function, Environment={"Variables": variables})


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "did not come about"
        time.sleep(0.1)


def register(registry: RegistryProcess, folder: Path) -> BuiltRelease:
    folder.mkdir()
    for number in range(FILES):
        (folder / f"part-{number}.bin").write_bytes(bytes([number]) * SIZE)
    built = build_release(
        name="minilm",
        version="1.0.0",
        files=files_in(folder),
        runtime=Runtime(image=IMAGE, lock=Digest.of(b"lock")),
        lineage=Lineage(),
    )
    client = ArtifactoryClient(url=registry.url, tokens=StaticToken(token=TOKENS["promoter"]))
    for path, source in files_in(folder).items():
        client.deploy_file(repository=MODELS, path=f"models/minilm/1.0.0/{path}", source=source)
    for path, data in built.sidecars.items():
        place = f"minilm/releases/{built.release.digest.hex}/{path}"
        client.deploy_bytes(repository=records_repository(ENVIRONMENT), path=place, data=data)
    return built


def mint(registry: RegistryProcess) -> str:
    """A token of the reader as an administrator makes the first one: unlike those of the configuration, it can be revoked."""
    answer = requests.post(
        f"{registry.url.removesuffix('/artifactory')}/access/api/v1/tokens",
        headers={"Authorization": f"Bearer {TOKENS['admin']}"},
        json={"username": "reader", "expires_in": 86_400},
        timeout=10,
    )
    return str(answer.json()["access_token"])


def deploy(twin: Any, folder: Path, *, registry: RegistryProcess, key: Path, rotation: object) -> None:
    """Deploy as somebody does whose shell holds tokens, and whose settings name a key file."""
    signers = dict.fromkeys(("targets", "registrar", "revocations", "snapshot", "timestamp"), f"file:{key}")
    environment = TwinEnvironment(
        name=ENVIRONMENT,
        root_digest=DIGEST,
        models=(),
        trust={"keys": {"root": [f"file:{key}"], "promoters": [f"file:{key}"], **signers}},
        registry={"rotation": rotation},
        guard={"reconciler": {"enabled": False}},
    )
    settings = write_settings([environment], folder=folder / "environments", registry_url=registry.url)
    context = {"weighbridge:environments": str(settings), "weighbridge:layer": "host"}
    app = synthesize(outdir=folder / "app", validation=False, context=context)
    cdk = replace(
        twin.cdk(folder / "cdk", app=str(app.folder)),
        variables={"CDK_VALIDATION": "false", "JF_ACCESS_TOKEN": TOKENS["promoter"], "HF_TOKEN": TOKENS["scientist"]},
    )
    # Without change sets, in which the emulator overlooks that a stack got new outputs.
    done = cdk.deploy(f"{PREFIX}/network", f"{PREFIX}/registry", arguments=["--method=direct"])
    assert done.succeeded, [outcome.failures for outcome in done.outcomes.values()]


@pytest.fixture(scope="module")
def rotated(twin: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rotated]:
    folder = tmp_path_factory.mktemp("rotation")
    key = folder / "keys" / "signer.pem"
    key.parent.mkdir()
    generate_key_file(key)
    config = standard_config(hub_url=None, tokens=TOKENS)
    with (
        pytest.MonkeyPatch.context() as shell,
        RegistryProcess(folder=folder / "registry", config=config) as registry,
    ):
        shell.setenv("JF_ACCESS_TOKEN", TOKENS["promoter"])
        deploy(twin, folder / "first", registry=registry, key=key, rotation=None)
        first = mint(registry)
        secrets = boto3.client("secretsmanager", **twin.aws.client_options())
        secrets.put_secret_value(SecretId=reader_secret(ENVIRONMENT), SecretString=first)
        built = register(registry, folder / "model")
        deploy(twin, folder / "second", registry=registry, key=key, rotation={"days": 30})
        secret = "".join(line for line in key.read_text().splitlines() if not line.startswith("-"))[:40]
        yield Rotated(twin, folder, registry, built, first, secret)


class SlowPull:
    """A pull in a thread, whose progress waits at two places until it is told to go on."""

    def __init__(self, rotated: Rotated, destination: Path) -> None:
        self.arrived = 0
        self.reached = [threading.Event(), threading.Event()]
        self.allowed = [threading.Event(), threading.Event()]
        self.report: PullReport | None = None
        tokens = SecretsManagerToken(client=rotated.secrets, secret_id=rotated.arn)
        self.client = ArtifactoryClient(url=rotated.registry.url, tokens=tokens, retries=Retries(attempts=1))
        self.tokens = tokens
        self._thread = threading.Thread(target=self._run, args=(rotated, destination))
        self._thread.start()

    def _run(self, rotated: Rotated, destination: Path) -> None:
        self.report = pull(
            client=self.client, release=rotated.built.release, repository=MODELS, destination=destination,
            workers=1, progress=self._progress,
        )  # fmt: skip

    def _progress(self, count: int) -> None:
        self.arrived += count
        for place, share in enumerate((0.25, 0.5)):
            if self.arrived >= FILES * SIZE * share and not self.reached[place].is_set():
                self.reached[place].set()
                assert self.allowed[place].wait(PATIENCE_SECONDS)

    def wait_at(self, place: int) -> None:
        assert self.reached[place].wait(PATIENCE_SECONDS)

    def go_on(self, place: int) -> None:
        self.allowed[place].set()

    def end(self) -> PullReport:
        self._thread.join(PATIENCE_SECONDS)
        assert self.report is not None
        return self.report


def test_a_rotation_in_the_middle_of_a_pull_loses_nothing(rotated: Rotated, tmp_path: Path) -> None:
    since = rotated.registry.last_request()
    slow = SlowPull(rotated, tmp_path / "model")
    slow.wait_at(0)
    assert rotated.value("AWSCURRENT") == rotated.first
    rotated.rotate()
    second = rotated.value("AWSCURRENT")
    assert second is not None
    wait_for(lambda: rotated.secrets.describe_secret(SecretId=rotated.arn).get("LastRotatedDate"))
    assert (slow.tokens.token(), rotated.works(rotated.first), rotated.works(second)) == (rotated.first, True, True)
    slow.go_on(0)

    slow.wait_at(1)
    rotated.upkeep()
    assert (rotated.value("AWSPREVIOUS"), rotated.works(rotated.first)) == (rotated.first, True)
    rotated.end_grace()
    wait_for(lambda: "FunctionError" not in rotated.upkeep() and not rotated.works(rotated.first))
    assert rotated.value("AWSPREVIOUS") is None
    slow.go_on(1)

    report = slow.end()
    assert (report.files, report.bytes_registry, report.faults) == (FILES, FILES * SIZE, 0)
    for number in range(FILES):
        assert (tmp_path / "model" / f"part-{number}.bin").read_bytes() == bytes([number]) * SIZE
    assert slow.tokens.token() == second
    pulled = [entry for entry in rotated.registry.requests(since=since) if "models/minilm" in entry.path]
    assert [entry.status for entry in pulled].count(401) == 1
    assert {entry.user for entry in pulled if entry.status == 200} == {"reader"}


def test_a_rotation_that_fails_leaves_the_token_and_says_why(rotated: Rotated) -> None:
    before = rotated.value("AWSCURRENT")
    rotated.registry.stop()
    rotated.secrets.rotate_secret(SecretId=rotated.arn)
    wait_for(lambda: any("gave no answer" in line or "createSecret failed" in line for line in function_lines(rotated)))
    assert rotated.value("AWSCURRENT") == before
    rotated.registry.start()
    rotated.rotate()
    assert rotated.value("AWSCURRENT") != before


def function_lines(rotated: Rotated) -> list[str]:
    logs: Any = boto3.client("logs", **rotated.twin.aws.client_options())
    group = rotated.functions.get_function_configuration(FunctionName=rotated.function)["LoggingConfig"]["LogGroup"]
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
    return [event["message"] for page in pages for event in page["events"]]


def test_the_age_of_the_token_is_measured(rotated: Rotated) -> None:
    rotated.upkeep()
    measured = [
        json.loads(line) for line in function_lines(rotated) if '"TokenAgeHours"' in line and line.startswith("{")
    ]
    assert measured[-1]["Secret"] == rotated.arn
    assert measured[-1]["TokenAgeHours"] == 0


def test_no_secret_stands_in_anything_that_the_twin_shows_or_writes(rotated: Rotated) -> None:
    """Looks at everything that the tests of this session left in the local AWS; this file runs last."""
    values = secret_values(rotated.twin.aws) | set(TOKENS.values()) | {rotated.first, rotated.key}
    assert len(values) >= len(TOKENS) + 3
    folders = [rotated.folder / name for name in ("first", "second", "registry")]
    looked: dict[str, str] = {}
    found = []
    for where, text in everything(rotated.twin.aws, *folders):
        if where.endswith(("registry/config.json", "tokens.sqlite")):
            continue  # the registry's own list of users
        looked[where] = looked.get(where, "") + text
        found += [where for value in values if value in text]
    assert found == []
    # What is no secret is found, so that the sweep does see these places.
    assert rotated.arn in looked[f"function {rotated.function}"]
    assert "TokenAgeHours" in "".join(text for where, text in looked.items() if where.startswith("log "))
    assert reader_secret(ENVIRONMENT) in looked[f"template of {PREFIX}-registry"]
    assert "createSecret failed" in looked[str(rotated.twin.aws.folder / "aws.log")]
    assert "TokenAgeHours" in looked["alarms"]
