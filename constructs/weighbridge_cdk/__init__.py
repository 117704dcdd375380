"""Constructs: each governs one part of the way of a model from Artifactory to a SageMaker endpoint, and stands alone."""

from weighbridge_cdk.admission_hook import AdmissionHook
from weighbridge_cdk.approvals import Approvals
from weighbridge_cdk.artifactory_connection import ArtifactoryConnection, Repositories
from weighbridge_cdk.auditor import Auditor
from weighbridge_cdk.autoscaling import VariantScaling
from weighbridge_cdk.channel_keeper import ChannelKeeper
from weighbridge_cdk.checks import GovernedModelChecks
from weighbridge_cdk.component_scaling import Copies
from weighbridge_cdk.dashboard import EndpointDashboard, EnvironmentDashboard, ShownModel
from weighbridge_cdk.egress import Egress
from weighbridge_cdk.endpoint_assertion import EndpointAssertion
from weighbridge_cdk.event_ledger import EventLedger
from weighbridge_cdk.governed_endpoint import GovernedEndpoint
from weighbridge_cdk.governed_inference_component import GovernedInferenceComponent
from weighbridge_cdk.governed_training import GovernedTraining
from weighbridge_cdk.inspector import Inspector
from weighbridge_cdk.layer import DependencyLayer
from weighbridge_cdk.ledger_forwarding import LedgerForwarding
from weighbridge_cdk.ledger_sealer import LedgerSealer
from weighbridge_cdk.library_function import LibraryFunction
from weighbridge_cdk.naming import resource_name
from weighbridge_cdk.network import NetworkPlacement, PrivateNetwork
from weighbridge_cdk.promoted_model import ChannelPin, PromotedModel
from weighbridge_cdk.reconciler import Reconciler, SourceRecords
from weighbridge_cdk.registrar import Registrar, RuntimePin
from weighbridge_cdk.registry_credentials import RegistryCredentials
from weighbridge_cdk.release_cache import ReleaseCache
from weighbridge_cdk.release_watcher import ReleaseWatcher
from weighbridge_cdk.resolution_records import ResolutionRecords
from weighbridge_cdk.sdk_defaults import SdkDefaults
from weighbridge_cdk.server import Server
from weighbridge_cdk.shared_key import SharedKey
from weighbridge_cdk.signing_keys import SignerUris, SigningKeys
from weighbridge_cdk.token_rotation import TokenRotation
from weighbridge_cdk.traffic import RollbackThresholds, Rollout
from weighbridge_cdk.training_pipeline import TrainingPipeline

__all__ = [
    "AdmissionHook",
    "Approvals",
    "ArtifactoryConnection",
    "Auditor",
    "ChannelKeeper",
    "ChannelPin",
    "Copies",
    "DependencyLayer",
    "Egress",
    "EndpointAssertion",
    "EndpointDashboard",
    "EnvironmentDashboard",
    "EventLedger",
    "GovernedEndpoint",
    "GovernedInferenceComponent",
    "GovernedModelChecks",
    "GovernedTraining",
    "Inspector",
    "LedgerForwarding",
    "LedgerSealer",
    "LibraryFunction",
    "NetworkPlacement",
    "PrivateNetwork",
    "PromotedModel",
    "Reconciler",
    "Registrar",
    "RegistryCredentials",
    "ReleaseCache",
    "ReleaseWatcher",
    "Repositories",
    "ResolutionRecords",
    "RollbackThresholds",
    "Rollout",
    "RuntimePin",
    "SdkDefaults",
    "Server",
    "SharedKey",
    "ShownModel",
    "SignerUris",
    "SigningKeys",
    "SourceRecords",
    "TokenRotation",
    "TrainingPipeline",
    "VariantScaling",
    "resource_name",
]
