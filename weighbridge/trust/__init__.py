"""A channel's authority and freshness: TUF metadata, promotions, policy, revocations and signed statements."""

from weighbridge.trust.floor import Floor
from weighbridge.trust.policy import Policy, check_release_against_policy, parse_policy
from weighbridge.trust.promotion import Promotion, Reason, parse_promotion
from weighbridge.trust.reader import ChannelReader
from weighbridge.trust.state import ChannelState, Revocation
from weighbridge.trust.stores import FolderStore, MetadataSource, MetadataStore, RegistrySource, RegistryStore

__all__ = [
    "ChannelReader",
    "ChannelState",
    "Floor",
    "FolderStore",
    "MetadataSource",
    "MetadataStore",
    "Policy",
    "Promotion",
    "Reason",
    "RegistrySource",
    "RegistryStore",
    "Revocation",
    "check_release_against_policy",
    "parse_policy",
    "parse_promotion",
]
