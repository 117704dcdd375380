"""From (channel, model, release id) to a release, at deploy time; and what an environment remembers of it."""

from weighbridge.resolution.acceptance import Acceptance, AcceptanceStore, History, Mark, MarkKind, Scope
from weighbridge.resolution.alarms import Alarms, LoggedAlarms
from weighbridge.resolution.custom_resource import request_of
from weighbridge.resolution.dynamodb import DynamoDbAcceptances
from weighbridge.resolution.fit import Fit, fit
from weighbridge.resolution.folder_metadata import FolderMetadata
from weighbridge.resolution.gauge import counted
from weighbridge.resolution.kept_metadata import TrustedMetadataStore
from weighbridge.resolution.resolution import Resolution, ResolutionRequest
from weighbridge.resolution.resolver import Memory, Resolver
from weighbridge.resolution.s3_metadata import S3Metadata
from weighbridge.resolution.sqlite import SqliteAcceptances

__all__ = [
    "Acceptance",
    "AcceptanceStore",
    "Alarms",
    "DynamoDbAcceptances",
    "Fit",
    "FolderMetadata",
    "History",
    "LoggedAlarms",
    "Mark",
    "MarkKind",
    "Memory",
    "Resolution",
    "ResolutionRequest",
    "Resolver",
    "S3Metadata",
    "Scope",
    "SqliteAcceptances",
    "TrustedMetadataStore",
    "counted",
    "fit",
    "request_of",
]
