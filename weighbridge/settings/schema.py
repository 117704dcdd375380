"""The settings of one environment, as frozen values. docs/settings.md explains every key."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from weighbridge.names import Digest
from weighbridge.settings.egress import EgressSettings
from weighbridge.settings.hosting import (
    AutoscalingSettings,
    CacheSettings,
    ComponentSettings,
    DataCaptureSettings,
    ServerSettings,
)
from weighbridge.settings.job import JobSettings
from weighbridge.settings.network import CreatedNetwork, ExistingNetwork
from weighbridge.settings.policy import PolicySettings
from weighbridge.settings.setup import SetupSettings


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """The channel that the environment follows. `promote_from` is the channel that promotions come from, if any."""

    name: str
    root_digest: Digest
    promote_from: str | None


@dataclass(frozen=True, slots=True)
class CredentialsSettings:
    """Where the registry token is kept.

    `secret_id` is a Secrets Manager name or ARN. With `create`, the registry stack creates the secret, empty, under that
    name; otherwise it exists, encrypted with the key `kms_key_arn` if that is a customer's own.
    """

    secret_id: str
    create: bool
    kms_key_arn: str | None


@dataclass(frozen=True, slots=True)
class IamSettings:
    """AWS roles are exchanged for tokens that live `expires_in` seconds: the readers', and those of every other identity
    for which no secret is named.

    The registry asks the STS of `region` who they are; None means the global one.
    """

    region: str | None
    expires_in: int


@dataclass(frozen=True, slots=True)
class RotationSettings:
    """Every `days` the stacks' secrets get a new token; the one before goes on for `grace_hours`."""

    days: int
    grace_hours: int


@dataclass(frozen=True, slots=True)
class ImageSettings:
    """Runtime and training images are pulled from the registry's Docker repository `repository`, as the user `username`.

    `secret` is the name of the secret that the registry stack creates, empty, for that user's token; None where the role
    of the function that logs in is exchanged for one.
    """

    repository: str
    username: str
    secret: str | None


@dataclass(frozen=True, slots=True)
class RegistrySettings:
    """Artifactory: `url` ends in `/artifactory`."""

    url: str
    models_repository: str
    records_repository: str
    incoming_repository: str | None
    hub_repository: str | None
    credentials: CredentialsSettings | IamSettings
    setup: SetupSettings = field(default_factory=SetupSettings)
    bases_repository: str | None = None
    rotation: RotationSettings | None = None
    images: ImageSettings | None = None

    @property
    def reader_secret(self) -> str | None:
        """The secret with the reader's token, or None where its role is exchanged for one."""
        return None if isinstance(self.credentials, IamSettings) else self.credentials.secret_id


@dataclass(frozen=True, slots=True)
class AlarmSettings:
    """When a rollout is taken back: over `evaluation_minutes`, each minute above the threshold."""

    server_errors_per_minute: int
    latency_p99_milliseconds: int
    evaluation_minutes: int


@dataclass(frozen=True, slots=True)
class RolloutSettings:
    """Blue/green: `canary_instances` take traffic first (None: all at once), watched for `wait_seconds`.

    With `linear_instances` traffic moves in steps of that many; `canary_instances` is None then.
    """

    canary_instances: int | None
    wait_seconds: int
    termination_wait_seconds: int
    linear_instances: int | None = None


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """One SageMaker endpoint. With `inference_component` the model is an inference component on it; `cuda` is that of its image."""

    instance_type: str
    instance_count: int
    rollout: RolloutSettings
    alarms: AlarmSettings
    server: ServerSettings | None = None
    cuda: str | None = None
    autoscaling: AutoscalingSettings | None = None
    data_capture: DataCaptureSettings | None = None
    inference_component: ComponentSettings | None = None
    termination_protection: bool = False

    @property
    def most_instances(self) -> int:
        """How many instances there may be at one time, without those of a rollout."""
        if self.inference_component is not None:
            return self.inference_component.instances
        return self.instance_count if self.autoscaling is None else self.autoscaling.maximum


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """One model that the environment serves."""

    name: str
    endpoint: EndpointSettings


@dataclass(frozen=True, slots=True)
class KeySettings:
    """Signer URIs (`file:PATH` or `awskms:KEY`) of the channel's TUF roles and of those who state something of a release."""

    root: tuple[str, ...]
    targets: str
    promoters: tuple[str, ...]
    registrar: str
    revocations: str
    snapshot: str
    timestamp: str
    inspector: str | None = None
    sealer: str | None = None
    former_sealers: tuple[str, ...] = ()
    approver: str | None = None
    image_builder: str | None = None
    breakglass: tuple[str, ...] = ()
    exceptions: str | None = None


@dataclass(frozen=True, slots=True)
class KeeperSettings:
    """Snapshot and timestamp are signed anew every `hours`. `secret` is the name of the secret that the governance stack
    creates, empty, for the keeper's own registry token; None where the keeper's role is exchanged for one."""

    secret: str | None
    hours: int


@dataclass(frozen=True, slots=True)
class InspectorSettings:
    """`secret` is the name of the secret that the training stack creates, empty, for the inspector's own registry token;
    None where the inspector's role is exchanged for one. `scanner` looks beside our own validators (`hayward` or `none`);
    `memory_mib` and `storage_mib` are what the function may use: the scanner holds a file whole in both."""

    secret: str | None
    scanner: str = "hayward"
    memory_mib: int = 3008
    storage_mib: int = 3072


@dataclass(frozen=True, slots=True)
class ApprovalsSettings:
    """`secret` is the name of the secret that the governance stack creates, empty, for the approvals' own registry token; None
    where the function's role is exchanged for one. With `create_key` the stack creates the approver's key under its alias, with
    a key policy that lets nobody else sign; else the key exists. `approvers` are the ARNs of users and roles that may approve."""

    secret: str | None
    create_key: bool = False
    approvers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TrustSettings:
    """How the channel is signed.

    `ledger` is where promotion numbers are claimed: `dynamodb:TABLE` or `sqlite:PATH`. `keeper` is there when snapshot and
    timestamp are signed with keys in KMS, `inspector` when there is a key to sign inspections with. `events` is the ledger of
    what happened (`dynamodb:TABLE` or `sqlite:PATH`), `seals` where its seals lie (`s3:BUCKET` or `folder:PATH`).
    """

    keys: KeySettings
    ledger: str | None = None
    events: str | None = None
    seals: str | None = None
    keeper: KeeperSettings | None = None
    inspector: InspectorSettings | None = None
    policy: PolicySettings = field(default_factory=PolicySettings)
    approvals: ApprovalsSettings | None = None


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """Training jobs and the registrar that takes over their results, in the environment that has `incoming_repository`.

    `runtime_image` (`HOST/PATH@sha256:HEX`) and `runtime_lock` are what a trained model is served with. `training_secret`
    and `registrar_secret` are names of the Secrets Manager secrets that the training stack creates, empty, for the two
    identities' registry tokens. `job` is what the state machine starts jobs as, None where others start them.
    """

    runtime_image: str
    runtime_lock: Digest
    training_secret: str | None
    registrar_secret: str | None
    job: JobSettings | None = None


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """The channel `channel.promote_from`, as the reconciler reads it: its records, and the pinned digest of its root."""

    records_repository: str
    root_digest: Digest


@dataclass(frozen=True, slots=True)
class ReconcilerSettings:
    """Whether and how what runs is compared: every `minutes`; findings go to Security Hub too with `security_hub`.

    An endpoint counts as behind when a newer release was promoted `behind_days` ago. `except_endpoints` are names that are not
    looked at, `*` and `?` allowed. `queue` is where releases wait for promotion into this channel, None where nobody counts them.
    """

    enabled: bool = True
    minutes: int = 15
    security_hub: bool = False
    behind_days: int = 14
    except_endpoints: tuple[str, ...] = ()
    queue: QueueSettings | None = None


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """The guard's functions. `admission` is whether CloudFormation's hook is there, and what its refusals do.

    `except_stacks` are names of stacks that the hook leaves alone, `*` and `?` allowed.
    """

    admission: Literal["off", "warn", "fail"] = "warn"
    except_stacks: tuple[str, ...] = ()
    reconciler: ReconcilerSettings = field(default_factory=ReconcilerSettings)


@dataclass(frozen=True, slots=True)
class GovernanceSettings:
    """The account that holds the environment's keys, in the environment's region, and a copy of its ledger, in `region`.

    The rest are ARNs of the roles that may sign: `owners` with trust.keys.targets, `promoters` as promoters, `security` with
    revocations, `breakglass` each with the key of its place, `builders` with image_builder; functions of the environment
    may by themselves. `readers` may read the copy of the ledger when they name `external_id`.
    """

    account: str
    region: str
    owners: tuple[str, ...]
    promoters: tuple[str, ...]
    security: tuple[str, ...]
    breakglass: tuple[str, ...] = ()
    builders: tuple[str, ...] = ()
    readers: tuple[str, ...] = ()
    external_id: str | None = None


@dataclass(frozen=True, slots=True)
class EnvironmentSettings:
    """All that differs between environments. `alarm_topic` is the SNS topic that alarms of governance are sent to."""

    environment: str
    account: str
    region: str
    channel: ChannelSettings
    registry: RegistrySettings
    network: CreatedNetwork | ExistingNetwork
    image_repositories: tuple[str, ...]
    log_retention_days: int
    alarm_topic: str | None
    models: tuple[ModelSettings, ...]
    trust: TrustSettings | None
    training: TrainingSettings | None
    guard: GuardSettings = field(default_factory=GuardSettings)
    egress: EgressSettings = field(default_factory=EgressSettings)
    cache: CacheSettings | None = None
    governance: GovernanceSettings | None = None

    def model(self, name: str) -> ModelSettings | None:
        """Return the model of that name, or None."""
        return next((model for model in self.models if model.name == name), None)
