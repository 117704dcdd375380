"""A channel's authority and freshness: TUF metadata, promotions, policy, revocations and signed statements."""

from weighbridge.trust.approval import APPROVAL_TYPE, BREAK_GLASS_TYPE, Approval, Waiver
from weighbridge.trust.channel import Channel
from weighbridge.trust.create import ChannelSigners, init_channel
from weighbridge.trust.floor import Floor
from weighbridge.trust.gates import Approvals, Gates
from weighbridge.trust.judging import Gate
from weighbridge.trust.kept import export_kept, import_kept
from weighbridge.trust.partial import SignedPromotion
from weighbridge.trust.policy import Policy, check_release_against_policy, parse_policy
from weighbridge.trust.promotion import Promotion, PromotionRequest, Reason, parse_promotion
from weighbridge.trust.provenance import provenance
from weighbridge.trust.reader import ChannelReader
from weighbridge.trust.roles import Expiries, OnlineSigners, RoleKeys
from weighbridge.trust.signers import KmsSigner, generate_key_file, load_signer
from weighbridge.trust.state import ChannelState, Revocation
from weighbridge.trust.statements import (
    IMAGE_TYPE,
    Statement,
    bundle,
    sign_image_statement,
    sign_statement,
    verify_bundle,
)
from weighbridge.trust.stores import FolderStore, MetadataSource, MetadataStore, RegistrySource, RegistryStore

__all__ = [
    "APPROVAL_TYPE",
    "BREAK_GLASS_TYPE",
    "IMAGE_TYPE",
    "Approval",
    "Approvals",
    "Channel",
    "ChannelReader",
    "ChannelSigners",
    "ChannelState",
    "Expiries",
    "Floor",
    "FolderStore",
    "Gate",
    "Gates",
    "KmsSigner",
    "MetadataSource",
    "MetadataStore",
    "OnlineSigners",
    "Policy",
    "Promotion",
    "PromotionRequest",
    "Reason",
    "RegistrySource",
    "RegistryStore",
    "Revocation",
    "RoleKeys",
    "SignedPromotion",
    "Statement",
    "Waiver",
    "bundle",
    "check_release_against_policy",
    "export_kept",
    "generate_key_file",
    "import_kept",
    "init_channel",
    "load_signer",
    "parse_policy",
    "parse_promotion",
    "provenance",
    "sign_image_statement",
    "sign_statement",
    "verify_bundle",
]
