"""The keeper on the local AWS: deployed with its alarms, refused without a token, and a fresh channel with one."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from local.aws.settings import TwinEnvironment, write_settings
from local.registry.process import RegistryProcess
from local.registry.standard import USERS, records_repository, standard_config
from tools.synthesis import synthesize
from weighbridge.registry import ArtifactoryClient, StaticToken
from weighbridge.trust import (
    ChannelReader,
    ChannelSigners,
    OnlineSigners,
    Policy,
    RegistrySource,
    RegistryStore,
    RoleKeys,
    generate_key_file,
    init_channel,
    load_signer,
)

pytestmark = pytest.mark.twin

CHANNEL = "prod"
STACK = f"weighbridge-{CHANNEL}-governance"
SECRET = f"weighbridge/{CHANNEL}/artifactory-keeper"
FOUNDED = datetime.now(UTC).replace(microsecond=0) - timedelta(days=5)


class Deployed:
    """A channel founded five days ago, and the governance stack that keeps it."""

    def __init__(self, twin: Any, folder: Path, registry: RegistryProcess) -> None:
        self.twin, self.folder, self.registry = twin, folder, registry
        kms = self.aws("kms")
        made = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
        uris = {name: f"file:{folder / name}.pem" for name in ("root", "targets", "revocations", "promoter")}
        for name in uris:
            generate_key_file(folder / f"{name}.pem")
        signers = {name: load_signer(uri) for name, uri in uris.items()}
        online = load_signer(f"awskms:{made}", kms_client=kms)
        self.root = init_channel(
            store=RegistryStore(client=self.client("admin"), repository=records_repository(CHANNEL)),
            channel=CHANNEL,
            signers=ChannelSigners(
                root=[signers["root"]],
                targets=[signers["targets"]],
                revocations=[signers["revocations"]],
                online=OnlineSigners(snapshot=online, timestamp=online),
            ),
            policy=Policy(channel=CHANNEL, keys={}, roles={}, required_statements={}),
            models={"minilm": RoleKeys.of([signers["promoter"]])},
            now=FOUNDED,
        )
        keys = {
            "root": [uris["root"]], "targets": uris["targets"], "revocations": uris["revocations"],
            "promoters": [uris["promoter"]], "registrar": "file:registrar.pem",
            "snapshot": f"awskms:{made}", "timestamp": f"awskms:{made}",
        }  # fmt: skip
        self.outputs = self._deploy({"keys": keys})

    def _deploy(self, trust: dict[str, object]) -> dict[str, str]:
        settings = write_settings(
            [TwinEnvironment(name=CHANNEL, root_digest=str(self.root), models=(), trust=trust)],
            folder=self.folder / "environments",
            registry_url=self.registry.url,
        )
        context = {"weighbridge:environments": str(settings), "weighbridge:layer": "host"}
        synthesis = synthesize(outdir=self.folder / "app", validation=False, context=context)
        cdk = self.twin.cdk(self.folder / "cdk", app=str(synthesis.folder))
        outcomes = cdk.deploy(*(f"weighbridge-{CHANNEL}/{name}" for name in ("network", "governance"))).outcomes
        assert {outcome.status for outcome in outcomes.values()} == {"CREATE_COMPLETE"}
        return dict(outcomes[STACK].outputs)

    def aws(self, service: str) -> Any:
        return boto3.client(service, **self.twin.aws.client_options())

    def client(self, user: str) -> ArtifactoryClient:
        return ArtifactoryClient(url=self.registry.url, tokens=StaticToken(token=self.registry.token(user)))

    def run(self) -> tuple[bool, str]:
        """Call the function once; return whether it succeeded, and the end of its log."""
        answer = self.aws("lambda").invoke(FunctionName=self.outputs["KeeperFunction"], LogType="Tail", Payload=b"{}")
        said = base64.b64decode(answer.get("LogResult", "")).decode() + answer["Payload"].read().decode()
        return "FunctionError" not in answer, said

    def expires(self) -> datetime:
        source = RegistrySource(client=self.client("reader"), repository=records_repository(CHANNEL))
        folder = self.folder / f"reader-{len(list(self.folder.iterdir()))}"
        return ChannelReader(source=source, root=self.root, folder=folder).refresh("minilm").expires


@pytest.fixture(scope="module")
def deployed(twin: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    folder = tmp_path_factory.mktemp("keeper")
    config = standard_config(hub_url=None, tokens={name: f"token-of-{name}-0123456789" for name in USERS})
    with RegistryProcess(folder=folder / "registry", config=config) as registry:
        yield Deployed(twin, folder, registry)


def test_its_alarms_and_its_schedule_are_there(deployed: Deployed) -> None:
    alarms = deployed.aws("cloudwatch").describe_alarms()["MetricAlarms"]
    found = {alarm["MetricName"] for alarm in alarms if alarm["AlarmName"].startswith(STACK)}
    assert found == {"Errors", "HoursUntilExpiry", "HoursUntilRenewal"}
    rules = deployed.aws("events").list_rules(NamePrefix=STACK)["Rules"]
    assert [rule["ScheduleExpression"] for rule in rules] == ["rate(12 hours)"]


def test_without_a_token_it_fails_and_says_so_and_with_one_the_channel_is_fresh(deployed: Deployed) -> None:
    before = deployed.expires()
    assert before == FOUNDED + timedelta(days=7)
    succeeded, said = deployed.run()
    assert not succeeded
    assert "token" in said
    assert SECRET in said
    deployed.aws("secretsmanager").put_secret_value(SecretId=SECRET, SecretString=deployed.registry.token("keeper"))
    succeeded, said = deployed.run()
    assert succeeded, said
    assert deployed.expires() > before + timedelta(days=4)
    (line,) = [json.loads(text) for text in said.splitlines() if '"channel-validity"' in text]
    assert line["HoursUntilExpiry"] in (167, 168)
