"""Settings: environments/*.yaml, read strictly into frozen values. See docs/settings.md."""

from weighbridge.settings.loading import load_environments, load_settings
from weighbridge.settings.schema import (
    AlarmSettings,
    ChannelSettings,
    CreatedNetwork,
    CredentialsSettings,
    EndpointSettings,
    EnvironmentSettings,
    ExistingNetwork,
    GuardSettings,
    IamSettings,
    KeeperSettings,
    KeySettings,
    ModelSettings,
    ReconcilerSettings,
    RegistrySettings,
    RolloutSettings,
    TrainingSettings,
    TrustSettings,
)

__all__ = [
    "AlarmSettings",
    "ChannelSettings",
    "CreatedNetwork",
    "CredentialsSettings",
    "EndpointSettings",
    "EnvironmentSettings",
    "ExistingNetwork",
    "GuardSettings",
    "IamSettings",
    "KeeperSettings",
    "KeySettings",
    "ModelSettings",
    "ReconcilerSettings",
    "RegistrySettings",
    "RolloutSettings",
    "TrainingSettings",
    "TrustSettings",
    "load_environments",
    "load_settings",
]
