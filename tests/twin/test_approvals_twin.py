"""Approvals on the local AWS: the deployed function asks STS, writes the row, signs with its own KMS key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.credentials import ReadOnlyCredentials

from local.aws.settings import TwinEnvironment, write_settings
from local.registry.process import RegistryProcess
from local.registry.standard import USERS, records_repository, standard_config
from tools.synthesis import synthesize
from weighbridge.approvals import ApprovalOrder, find_function, prove_identity, request_approval
from weighbridge.errors import TrustError
from weighbridge.names import Digest
from weighbridge.registry import ArtifactoryClient, StaticToken
from weighbridge.trust import APPROVAL_TYPE, Approval, Policy, load_signer, verify_bundle

pytestmark = pytest.mark.twin

CHANNEL = "prod"
STACK = f"weighbridge-{CHANNEL}-governance"
SECRET = f"weighbridge/{CHANNEL}/artifactory-approver"
ALIAS = f"alias/weighbridge-{CHANNEL}-approver"
RELEASE = Digest.of(b"a release")


class Deployed:
    """The governance stack with approvals, and two people: ann may approve, eve may not."""

    def __init__(self, twin: Any, folder: Path, registry: RegistryProcess) -> None:
        self.twin, self.folder, self.registry = twin, folder, registry
        self.people = {name: self._person(name) for name in ("ann", "eve")}
        file = "file:nobody.pem"
        keys = {"root": [file], "promoters": ["file:promoter.pem"], "approver": f"awskms:{ALIAS}"}
        keys |= {name: f"file:{name}.pem" for name in ("targets", "registrar", "revocations", "snapshot", "timestamp")}
        approvals = {"create_key": True, "approvers": [self.people["ann"][0]]}
        settings = write_settings(
            [
                TwinEnvironment(
                    name=CHANNEL, root_digest="sha256:" + "0" * 64, models=(), trust={"keys": keys, "approvals": approvals}
                )
            ],
            folder=folder / "environments",
            registry_url=registry.url,
        )  # fmt: skip
        context = {"weighbridge:environments": str(settings), "weighbridge:layer": "host"}
        synthesis = synthesize(outdir=folder / "app", validation=False, context=context)
        cdk = twin.cdk(folder / "cdk", app=str(synthesis.folder))
        outcomes = cdk.deploy(*(f"weighbridge-{CHANNEL}/{name}" for name in ("network", "governance"))).outcomes
        assert {outcome.status for outcome in outcomes.values()} == {"CREATE_COMPLETE"}
        self.outputs = dict(outcomes[STACK].outputs)
        self.aws("secretsmanager").put_secret_value(SecretId=SECRET, SecretString=registry.token("promoter"))

    def _person(self, name: str) -> tuple[str, ReadOnlyCredentials]:
        iam = self.aws("iam")
        arn = iam.create_user(UserName=name)["User"]["Arn"]
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return arn, ReadOnlyCredentials(key["AccessKeyId"], key["SecretAccessKey"], None)

    def aws(self, service: str) -> Any:
        return boto3.client(service, **self.twin.aws.client_options())

    def approve(self, name: str) -> Any:
        now = datetime.now(UTC).replace(microsecond=0)
        order = ApprovalOrder(
            channel=CHANNEL, name="minilm", version="1.0.0", release=RELEASE, reason="looked at", approved_at=now,
            expires=now + timedelta(days=1),
        )  # fmt: skip
        function = find_function(client=self.aws("ssm"), environment=CHANNEL)
        assert function == self.outputs["ApprovalsFunction"]
        region = self.twin.aws.client_options()["region_name"]
        proof = prove_identity(self.people[name][1], region=region, order=order.digest)
        return request_approval(client=self.aws("lambda"), function=function, order=order, proof=proof)

    def statements(self) -> list[bytes]:
        client = ArtifactoryClient(url=self.registry.url, tokens=StaticToken(token=self.registry.token("reader")))
        repository = records_repository(CHANNEL)
        files = client.listing(repository=repository, path=f"minilm/releases/{RELEASE.hex}/statements")
        return [client.read(repository=repository, path=file.path, limit=100_000) for file in files]


@pytest.fixture(scope="module")
def deployed(twin: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    folder = tmp_path_factory.mktemp("approvals")
    config = standard_config(hub_url=None, tokens={name: f"token-of-{name}-0123456789" for name in USERS})
    with RegistryProcess(folder=folder / "registry", config=config) as registry:
        yield Deployed(twin, folder, registry)


def test_who_asks_stands_in_the_statement_and_in_the_row(deployed: Deployed) -> None:
    arn = deployed.people["ann"][0]
    answer = deployed.approve("ann")
    assert answer["approver"] == arn
    key = load_signer(f"awskms:{ALIAS}", kms_client=deployed.aws("kms")).public_key
    policy = Policy(
        channel=CHANNEL, keys={key.keyid: key}, roles={"approver": (key.keyid,)},
        required_statements={APPROVAL_TYPE: ("approver",)},
    )  # fmt: skip
    (data,) = deployed.statements()
    (found,) = verify_bundle(
        data=data, expected=Digest.of(data), release=RELEASE, name="minilm", version="1.0.0", policy=policy
    )
    assert Approval.read(found.predicate).approver == arn
    rows = deployed.aws("dynamodb").scan(TableName=deployed.outputs["SequencesTable"])["Items"]
    assert [f"sha256:{row['digest']['S']}" for row in rows] == [answer["event"]]


def test_who_may_not_approve_is_told_so_and_leaves_nothing(deployed: Deployed) -> None:
    before = deployed.statements()
    with pytest.raises(TrustError, match="may not approve") as refusal:
        deployed.approve("eve")
    assert refusal.value.rule == "refused.approval"
    assert deployed.statements() == before


def test_an_identity_that_the_invoker_writes_into_the_event_is_nothing(deployed: Deployed) -> None:
    event = {
        "requestContext": {"authorizer": {"iam": {"userArn": deployed.people["ann"][0]}}},
        "order": {},
        "proof": {},
    }
    answer = deployed.aws("lambda").invoke(
        FunctionName=deployed.outputs["ApprovalsFunction"], Payload=json.dumps(event).encode()
    )
    assert "FunctionError" in answer
