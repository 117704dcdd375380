"""Approvals: a person proves who they are to STS, one function writes that into a statement and signs it."""

from weighbridge.approvals.environment import ApprovalsEnvironment
from weighbridge.approvals.grant import Approver, approve
from weighbridge.approvals.identity import IdentityProof, StsWitness, prove_identity
from weighbridge.approvals.order import (
    ApprovalAnswer,
    ApprovalOrder,
    approvals_parameter,
    find_function,
    request_approval,
)

__all__ = [
    "ApprovalAnswer",
    "ApprovalOrder",
    "ApprovalsEnvironment",
    "Approver",
    "IdentityProof",
    "StsWitness",
    "approvals_parameter",
    "approve",
    "find_function",
    "prove_identity",
    "request_approval",
]
