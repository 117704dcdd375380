"""The governance stack of prod on the local AWS, with keeper, ledger and auditor; and what logs SageMaker in to the registry."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3

from local.aws.settings import TwinEnvironment, reader_secret, write_settings
from local.registry.process import RegistryProcess
from local.registry.standard import records_repository
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

CHANNEL = "prod"
STACKS = ("network", "registry", "governance")
KEEPER, IMAGES = (f"weighbridge/{CHANNEL}/artifactory-{name}" for name in ("keeper", "images"))
READER = reader_secret(CHANNEL)
FUNCTION, LOG_GROUP = "AWS::Lambda::Function", "AWS::Logs::LogGroup"
IMAGES_USER = "image-reader"
FOUNDED = datetime.now(UTC).replace(microsecond=0) - timedelta(days=5)


class Governance:
    """A channel founded five days ago, and the stacks that keep it, tell of it and audit it."""

    def __init__(self, twin: Any, folder: Path, registry: RegistryProcess) -> None:
        self.twin, self.folder, self.registry = twin, folder, registry
        kms = self.aws("kms")
        self.sealer = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
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
            "snapshot": f"awskms:{made}", "timestamp": f"awskms:{made}", "sealer": f"awskms:{self.sealer}",
        }  # fmt: skip
        self.outputs = self._deploy({"keys": keys})

    def _deploy(self, trust: dict[str, object]) -> dict[str, str]:
        settings = write_settings(
            [
                TwinEnvironment(
                    name=CHANNEL,
                    root_digest=str(self.root),
                    models=("minilm",),
                    trust=trust,
                    registry={"images": {"repository": "docker-prod", "username": IMAGES_USER}},
                )
            ],
            folder=self.folder / "environments",
            registry_url=self.registry.url,
        )
        context = {"weighbridge:environments": str(settings), "weighbridge:layer": "host"}
        synthesis = synthesize(outdir=self.folder / "app", validation=False, context=context)
        cdk = self.twin.cdk(self.folder / "cdk", app=str(synthesis.folder))
        outcomes = cdk.deploy(*(f"weighbridge-{CHANNEL}/{name}" for name in STACKS)).outcomes
        assert {outcome.status for outcome in outcomes.values()} == {"CREATE_COMPLETE"}
        self.created = {
            (event.resource_type, name.removeprefix(f"weighbridge-{CHANNEL}-"), event.logical_id): event.physical_id
            for name, outcome in outcomes.items()
            for event in outcome.events
            if event.status == "CREATE_COMPLETE" and event.resource_type in (FUNCTION, LOG_GROUP)
        }
        return dict(outcomes[f"weighbridge-{CHANNEL}-governance"].outputs)

    def aws(self, service: str) -> Any:
        return boto3.client(service, **self.twin.aws.client_options())

    def client(self, user: str) -> ArtifactoryClient:
        return ArtifactoryClient(url=self.registry.url, tokens=StaticToken(token=self.registry.token(user)))

    def function(self, stack: str, logical_id: str) -> str:
        """The name of the stack's only function whose logical id begins so."""
        return self._created(FUNCTION, stack, logical_id)

    def log(self, stack: str, logical_id: str) -> list[str]:
        """The lines of the function's log, oldest first."""
        pages = self.aws("logs").get_paginator("filter_log_events")
        group = self._created(LOG_GROUP, stack, logical_id)
        return [event["message"].strip() for page in pages.paginate(logGroupName=group) for event in page["events"]]

    def _created(self, kind: str, stack: str, logical_id: str) -> str:
        (found,) = (
            physical_id
            for (known_kind, place, known), physical_id in self.created.items()
            if (known_kind, place) == (kind, stack) and known.startswith(logical_id)
        )
        return found

    def invoke(self, function: str, event: object = None) -> tuple[bool, Any, str]:
        """Call a function once; return whether it succeeded, its answer, and the end of its log."""
        answer = self.aws("lambda").invoke(
            FunctionName=function, LogType="Tail", Payload=json.dumps({} if event is None else event).encode()
        )
        said = base64.b64decode(answer.get("LogResult", "")).decode()
        return "FunctionError" not in answer, json.loads(answer["Payload"].read() or b"null"), said

    def give_token(self, secret: str, *, user: str) -> None:
        self.aws("secretsmanager").put_secret_value(SecretId=secret, SecretString=self.registry.token(user))

    def expires(self) -> datetime:
        source = RegistrySource(client=self.client("reader"), repository=records_repository(CHANNEL))
        folder = self.folder / f"reader-{len(list(self.folder.iterdir()))}"
        return ChannelReader(source=source, root=self.root, folder=folder).refresh("minilm").expires
