"""A first channel whose registry is in memory, with the registrar's doors: real signatures, files as keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tests.unit.registration.memory_registry import INCOMING, MODELS, RECORDS, MemoryFrogml, MemoryRegistry
from weighbridge.errors import CloudError
from weighbridge.layout import ChannelLayout
from weighbridge.ledger import SqliteLedger
from weighbridge.names import Digest
from weighbridge.registration import JobRecord, upload
from weighbridge.registration.completion import Completion, complete
from weighbridge.registration.described_job import DescribedJob
from weighbridge.registration.notices import Notice
from weighbridge.registration.registrar import FirstChannelRegistrar, RegistrarEnvironment, SignerUris
from weighbridge.registry import SecretOrigin
from weighbridge.release import BaseModel, Dataset, Runtime
from weighbridge.trust import (
    ChannelReader,
    ChannelSigners,
    ChannelState,
    OnlineSigners,
    Policy,
    RegistrySource,
    RegistryStore,
    RoleKeys,
    generate_key_file,
    init_channel,
    load_signer,
)
from weighbridge.trust.provenance import PREDICATE_TYPE

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
ARN = "arn:aws:sagemaker:eu-central-1:111111111111:training-job/minilm-1"
IMAGE = f"111111111111.dkr.ecr.eu-central-1.amazonaws.com/weighbridge-training@sha256:{'1' * 64}"
RUNTIME = Runtime(
    image=f"111111111111.dkr.ecr.eu-central-1.amazonaws.com/weighbridge-inference@sha256:{'2' * 64}",
    lock=Digest.of(b"serve.txt"),
)
COMMIT = "c" * 40
ROLES = ("root", "targets", "revocations", "online", "registrar", "promoter")


def job(**changes: object) -> DescribedJob:
    """A completed job of weighbridge's; `changes` replace fields."""
    fields: dict[str, object] = {
        "name": "minilm-1",
        "arn": ARN,
        "status": "Completed",
        "failure": None,
        "image": IMAGE,
        "role": "arn:aws:iam::111111111111:role/training",
        "parameters": {"model_name": "minilm", "model_version": "1.0.0", "epochs": "3"},
        "environment": {"WEIGHBRIDGE_INCOMING_REPOSITORY": INCOMING},
        "inputs": {"train": "s3://data/input/train/", "test": "s3://data/input/test/"},
        "tags": {"weighbridge:commit": COMMIT, "weighbridge:owner": "ann"},
    }
    return DescribedJob(**{**fields, **changes})  # type: ignore[arg-type]


@dataclass
class Told:
    """Notices that were sent; `down` makes sending fail."""

    notices: list[Notice] = field(default_factory=list)
    down: bool = False

    def send(self, notice: Notice) -> None:
        if self.down:
            raise CloudError("sns:Publish: no answer")
        self.notices.append(notice)


@dataclass
class Parameter:
    """SSM with the parameters that were put."""

    values: dict[str, str] = field(default_factory=dict)

    class exceptions:  # noqa: N801
        class ParameterNotFound(Exception): ...  # noqa: N818

        class ParameterAlreadyExists(Exception): ...  # noqa: N818

    def get_parameter(self, *, Name: str) -> dict[str, dict[str, str]]:  # noqa: N803
        if Name not in self.values:
            raise self.exceptions.ParameterNotFound
        return {"Parameter": {"Value": self.values[Name]}}

    def put_parameter(self, *, Name: str, Value: str, Type: str, Overwrite: bool) -> None:  # noqa: N803
        if Name in self.values and not Overwrite:
            raise self.exceptions.ParameterAlreadyExists
        self.values[Name] = Value


class RegistrarWorld:
    """Everything: `train` uploads as a job does, `complete` handles the end of a job in a new process."""

    def __init__(self, folder: Path, *, base_owners: tuple[str, ...] = ()) -> None:
        self.folder = folder
        self.registry = MemoryRegistry()
        self.ledger = SqliteLedger(path=folder / "ledger.sqlite")
        self.parameter = Parameter()
        self.told = Told()
        self.slept: list[float] = []
        self.layout = ChannelLayout(channel="dev", models_repository=MODELS, records_repository=RECORDS)
        self.uris = {name: f"file:{folder / name}.pem" for name in ROLES}
        for name in ROLES:
            generate_key_file(folder / f"{name}.pem")
        self.root = self._init(base_owners)
        self._readers = 0

    def _init(self, base_owners: tuple[str, ...]) -> Digest:
        signers = {name: load_signer(uri) for name, uri in self.uris.items()}
        key = signers["registrar"].public_key
        return init_channel(
            store=RegistryStore(client=self.registry, repository=RECORDS),
            channel="dev",
            signers=ChannelSigners(
                root=[signers["root"]],
                targets=[signers["targets"]],
                revocations=[signers["revocations"]],
                online=OnlineSigners(snapshot=signers["online"], timestamp=signers["online"]),
            ),
            policy=Policy(
                channel="dev",
                keys={key.keyid: key},
                roles={"registrar": (key.keyid,)},
                required_statements={PREDICATE_TYPE: ("registrar",)},
                base_owners=base_owners,
            ),
            models={"minilm": RoleKeys.of([signers["promoter"]])},
            now=NOW,
        )

    def train(
        self, *, version: str = "1.0.0", weights: bytes = b"w" * 3000, lost: tuple[str, ...] = (), job_arn: str = ARN
    ) -> None:
        """Upload as a training job does."""
        folder = self.folder / f"out-{version}"
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(weights)
        (folder / "config.json").write_bytes(b"{}")
        record = JobRecord(
            base_model=BaseModel(repository="org/tiny", revision="a" * 40),
            datasets=(Dataset(name="train", digest=Digest.of(b"train")),),
            parameters={"epochs": "3", "learning_rate": "0.001"},
            metrics={"accuracy_after": "0.9241"},
            training_job=job_arn,
        )
        upload(
            folder=folder,
            name="minilm",
            version=version,
            repository=INCOMING,
            record=record,
            client=self.registry,  # type: ignore[arg-type]
            token="secret",
            storage=MemoryFrogml(self.registry),
        )
        for path in lost:
            del self.registry.files[INCOMING, f"models/minilm/{version}/{path}"]

    def registrar(self) -> FirstChannelRegistrar:
        self._readers += 1
        return FirstChannelRegistrar(
            environment=RegistrarEnvironment(
                environment="dev",
                layout=self.layout,
                root=self.root,
                registry_url=self.registry.url,
                token=SecretOrigin(secret_id="registrar"),
                incoming=INCOMING,
                runtime=RUNTIME,
                signers=SignerUris(
                    registrar=self.uris["registrar"],
                    promoter=self.uris["promoter"],
                    snapshot=self.uris["online"],
                    timestamp=self.uris["online"],
                ),
                sequences_table="sequences",
                notices_topic="topic",
            ),
            client=self.registry,  # type: ignore[arg-type]
            ledger=self.ledger,
            kms=None,  # type: ignore[arg-type]
            ssm=self.parameter,  # type: ignore[arg-type]
            identity="arn:aws:lambda:eu-central-1:111111111111:function:registrar",
            folder=self.folder / f"process-{self._readers}",
            clock=lambda: NOW,
            sleep=self.slept.append,
        )

    def complete(self, described: DescribedJob | None = None) -> Completion:
        return complete(job=described or job(), incoming=INCOMING, registrar=self.registrar(), notices=self.told)

    def state(self) -> ChannelState:
        """The channel as a reader verifies it."""
        self._readers += 1
        reader = ChannelReader(
            source=RegistrySource(client=self.registry, repository=RECORDS),
            root=self.root,
            folder=self.folder / f"reader-{self._readers}",
            now=NOW,
        )
        return reader.refresh("minilm")

    def releases(self) -> set[str]:
        """The digests of all releases that lie in the channel."""
        return {
            path.split("/")[2]
            for repository, path in self.registry.files
            if repository == RECORDS and path.startswith("minilm/releases/") and path.endswith("/release.json")
        }
