"""The keeper: from its function's environment to a channel that is believed longer, and the metrics of its end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from moto import mock_aws

from lambdas.channel_keeper import handler as keeper
from local.registry.process import RegistryProcess
from local.registry.standard import USERS, models_repository, records_repository, standard_config
from tests.integration.lambdas.fake_session import FakeBoto3
from tests.ledger_table import create_ledger_table
from weighbridge.errors import CloudError, InputError, RegistryAuthError, RegistryForbiddenError, TrustError
from weighbridge.names import Digest
from weighbridge.registry import ArtifactoryClient, StaticToken
from weighbridge.trust import (
    ChannelReader,
    ChannelSigners,
    Expiries,
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

FOUNDED = datetime(2026, 11, 1, 12, 0, 0, tzinfo=UTC)
NOW = FOUNDED + timedelta(days=6)
MODEL = "minilm"
RECORDS = records_repository("dev")
SECRET = "weighbridge/dev/artifactory-keeper"
TABLE = "sequences"


class Keys:
    """KMS's two calls, as the API reference has them; moto's answer lacks the key's spec. Every name is a key of its own."""

    def __init__(self) -> None:
        self._keys: dict[str, ec.EllipticCurvePrivateKey] = {}

    def _key(self, name: str) -> ec.EllipticCurvePrivateKey:
        return self._keys.setdefault(name, ec.generate_private_key(ec.SECP256R1()))

    def get_public_key(self, *, KeyId: str) -> dict[str, object]:  # noqa: N803
        der = self._key(KeyId).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return {"PublicKey": der, "KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}

    def sign(self, *, KeyId: str, Message: bytes, MessageType: str, SigningAlgorithm: str) -> dict[str, object]:  # noqa: N803
        assert (MessageType, SigningAlgorithm) == ("DIGEST", "ECDSA_SHA_256")
        return {"Signature": self._key(KeyId).sign(Message, ec.ECDSA(Prehashed(hashes.SHA256())))}


class Kept:
    """A channel founded at FOUNDED in a registry, whose keeper runs at `now`."""

    def __init__(self, folder: Path, registry: RegistryProcess, kms: Keys) -> None:
        self.folder = folder
        self.registry = registry
        self.now = NOW
        keys = {name: folder / f"{name}.pem" for name in ("root", "targets", "revocations", "promoter")}
        for path in keys.values():
            generate_key_file(path)
        signers = {name: load_signer(f"file:{path}") for name, path in keys.items()}
        signer = load_signer("awskms:online", kms_client=kms)  # type: ignore[arg-type]
        self.root: Digest = init_channel(
            store=RegistryStore(client=self.client("admin"), repository=RECORDS),
            channel="dev",
            signers=ChannelSigners(
                root=[signers["root"]],
                targets=[signers["targets"]],
                revocations=[signers["revocations"]],
                online=OnlineSigners(snapshot=signer, timestamp=signer),
            ),
            policy=Policy(channel="dev", keys={}, roles={}, required_statements={}),
            models={MODEL: RoleKeys.of([signers["promoter"]])},
            now=FOUNDED,
            expiries=Expiries(models=timedelta(days=20)),
        )

    def client(self, user: str) -> ArtifactoryClient:
        return ArtifactoryClient(url=self.registry.url, tokens=StaticToken(token=self.registry.token(user)))

    def expires(self, *, at: datetime) -> datetime:
        """Read the channel as a container does at `at`."""
        source = RegistrySource(client=self.client("reader"), repository=RECORDS)
        folder = self.folder / f"reader-{at.timestamp()}"
        reader = ChannelReader(source=source, root=self.root, folder=folder, now=at)
        return reader.refresh(MODEL).expires

    def sequences(self) -> set[str]:
        return {item["scope"]["S"] for item in boto3.client("dynamodb").scan(TableName=TABLE)["Items"]}


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kept]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    config = standard_config(hub_url=None, tokens={name: f"token-of-{name}-0123" for name in USERS})
    with RegistryProcess(folder=tmp_path / "registry", config=config) as registry, mock_aws():
        kms = Keys()
        monkeypatch.setattr(keeper, "boto3", FakeBoto3({"kms": kms}))
        create_ledger_table(boto3.client("dynamodb"), name=TABLE)
        boto3.client("secretsmanager").create_secret(Name=SECRET, SecretString=registry.token("keeper"))
        found = Kept(tmp_path, registry, kms)
        variables = {
            "WEIGHBRIDGE_CHANNEL": "dev",
            "WEIGHBRIDGE_MODELS_REPOSITORY": models_repository("dev"),
            "WEIGHBRIDGE_RECORDS_REPOSITORY": RECORDS,
            "WEIGHBRIDGE_REGISTRY_URL": registry.url,
            "WEIGHBRIDGE_ROOT": str(found.root),
            "WEIGHBRIDGE_SEQUENCES_TABLE": TABLE,
            "WEIGHBRIDGE_SNAPSHOT_KEY": "awskms:online",
            "WEIGHBRIDGE_TIMESTAMP_KEY": "awskms:online",
            "WEIGHBRIDGE_TOKEN_SECRET_ID": SECRET,
        }
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(keeper, "system_clock", lambda: found.now)
        yield found


def validity(out: str) -> dict[str, object]:
    (line,) = [found for text in out.splitlines() if (found := json.loads(text))["event"] == "channel-validity"]
    return line


def test_a_channel_that_would_expire_is_believed_for_another_week(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    late = NOW + timedelta(days=5)
    with pytest.raises(TrustError, match="expired"):
        kept.expires(at=late)
    keeper.handler({}, None)
    assert kept.expires(at=late) == NOW + timedelta(days=7)
    line = validity(capsys.readouterr().out)
    directive = line["_aws"]
    assert isinstance(directive, dict)
    (metrics,) = directive["CloudWatchMetrics"]
    assert (metrics["Namespace"], metrics["Dimensions"]) == ("weighbridge", [["Channel"]])
    assert {each["Name"] for each in metrics["Metrics"]} == {"HoursUntilExpiry", "HoursUntilRenewal"}
    assert (line["Channel"], line["HoursUntilExpiry"], line["HoursUntilRenewal"]) == ("dev", 7 * 24, 359 * 24)


def test_an_expired_channel_comes_back(kept: Kept) -> None:
    kept.now = FOUNDED + timedelta(days=30)
    keeper.handler({}, None)
    assert kept.expires(at=kept.now) == kept.now + timedelta(days=7)


def test_it_claims_versions_of_the_snapshot_alone(kept: Kept) -> None:
    keeper.handler({}, None)
    keeper.handler({}, None)
    assert kept.sequences() == {"dev#snapshot"}, "what the function's policy lets it claim"


def test_it_repeats_a_run_that_broke_off_before_the_timestamp(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    overwrite = RegistryStore.overwrite
    monkeypatch.setattr(RegistryStore, "overwrite", lambda *_: (_ for _ in ()).throw(CloudError("broken off")))
    with pytest.raises(CloudError, match="broken off"):
        keeper.handler({}, None)
    monkeypatch.setattr(RegistryStore, "overwrite", overwrite)
    keeper.handler({}, None)
    assert kept.expires(at=NOW + timedelta(days=5)) == NOW + timedelta(days=7)


def test_what_is_left_is_measured_when_signing_fails(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    boto3.client("secretsmanager").put_secret_value(SecretId=SECRET, SecretString=kept.registry.token("reader"))
    with pytest.raises(RegistryForbiddenError):
        keeper.handler({}, None)
    said = capsys.readouterr()
    assert validity(said.out)["HoursUntilExpiry"] == 24
    assert json.loads(said.err)["event"] == "channel-not-kept"


def test_a_foreign_key_signs_nothing(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIGHBRIDGE_TIMESTAMP_KEY", "awskms:another")
    with pytest.raises(InputError, match="is not one of its keys"):
        keeper.handler({}, None)
    assert kept.expires(at=NOW) == FOUNDED + timedelta(days=7)


def test_an_empty_secret_fails_with_one_clear_line(kept: Kept, capsys: pytest.CaptureFixture[str]) -> None:
    boto3.client("secretsmanager").create_secret(Name="empty")
    boto3.client("secretsmanager").put_secret_value(SecretId=SECRET, SecretString="{}")
    with pytest.raises(RegistryAuthError):
        keeper.handler({}, None)
    (line,) = capsys.readouterr().err.splitlines()
    found = json.loads(line)
    assert (found["level"], found["rule"]) == ("error", "registry.auth")
    assert "holds no token: store the bare token" in found["message"]


def test_a_missing_variable_is_named(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WEIGHBRIDGE_SEQUENCES_TABLE")
    with pytest.raises(InputError, match="WEIGHBRIDGE_SEQUENCES_TABLE: not set"):
        keeper.handler({}, None)
