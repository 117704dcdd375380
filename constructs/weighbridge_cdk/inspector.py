"""The inspector: between registration and publication, judge every file of a release and sign the verdict."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

from constructs import Construct
from weighbridge_cdk.artifactory_connection import ArtifactoryConnection
from weighbridge_cdk.event_ledger import EventLedger
from weighbridge_cdk.library_function import LibraryFunction
from weighbridge_cdk.network import NetworkPlacement
from weighbridge_cdk.signing_keys import KMS, grant_signing, signing_key

# Weights are streamed from the registry, hashed and validated as they pass. A scanner needs one file at a time on the disk and in
# its memory; what does not fit, or not into the time, is blocked, and `weighbridge inspect --release` does the same anywhere, under
# the same key (docs/inspection.md).
FUNCTION_TIMEOUT = cdk.Duration.minutes(15)
# What accounts without a raised quota may have at most.
MEMORY_MIB = 3008
STORAGE_MIB = 3072
# For the function itself, while the scanner runs in a process of its own with the rest.
OWN_MIB = 512


class Inspector(Construct):
    """A function and its key, which signs inspections and nothing else.

    The function is invoked with `{"model": NAME, "version": VERSION}` and answers with `outcome`, `clean` or `blocked`
    (weighbridge.inspection.released.InspectionAnswer). Its registry token may read models and records of the first channel
    and write `*/releases/*/statements/inspector.*` (docs/architecture.md).
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: str,
        connection: ArtifactoryConnection,
        channel: str,
        signer_uri: str | None = None,
        ledger: EventLedger | None = None,
        scanner: str = "hayward",
        memory_mib: int = MEMORY_MIB,
        storage_mib: int = STORAGE_MIB,
        placement: NetworkPlacement | None = None,
        layer: lambda_.ILayerVersion | None = None,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_YEAR,
    ) -> None:
        """Create the inspector.

        Args:
            environment: name of the environment, for the ledger.
            connection: the registry, with the token of the inspector's own identity.
            channel: name of the first channel, where releases are registered.
            signer_uri: the inspector's key (`awskms:KEY`), which no other role may sign with; default: a new one.
            ledger: the ledger of events, which is told of every verdict; default: nobody is told.
            scanner: whose second look there is beside our own validators: `hayward`, or `none`.
            memory_mib: of the function, 2,048 to 10,240; the scanner holds a file whole, so that one larger than this less 1,024 MiB
                is blocked.
            storage_mib: of the function's /tmp, 512 to 10,240; one file lies there while the scanner looks.
            placement: the VPC to run in; default: none.
            layer: the function's dependencies; default: the stack's DependencyLayer.
            log_retention: how long the function's logs are kept.
        """
        super().__init__(scope, construct_id)
        if signer_uri is None:
            key = signing_key(self, description="Signs what the inspector found in a release")
            signer_uri = f"{KMS}{key.key_arn}"
        self.signer_uri = signer_uri
        self.inspector = LibraryFunction(
            self,
            "Function",
            handler="inspector",
            description=f"Inspects what was registered in {channel} and signs the verdict",
            timeout=FUNCTION_TIMEOUT,
            memory_size=memory_mib,
            storage_size=storage_mib,
            environment={
                **connection.environment(),
                "WEIGHBRIDGE_ENVIRONMENT": environment,
                "WEIGHBRIDGE_CHANNEL": channel,
                "WEIGHBRIDGE_INSPECTOR_KEY": self.signer_uri,
                "WEIGHBRIDGE_SCANNER": scanner,
                "WEIGHBRIDGE_SCANNER_MIB": str(memory_mib - OWN_MIB),
                **({} if ledger is None else {"WEIGHBRIDGE_EVENTS_BUS": ledger.bus.event_bus_name}),
            },
            placement=placement,
            layer=layer,
            log_retention=log_retention,
        )
        connection.grant_read(self.inspector.role)
        grant_signing(self, "Signing", uris=(self.signer_uri,), role=self.inspector.role)
        if ledger is not None:
            ledger.grant_tell(self.inspector.role)

    @property
    def function(self) -> lambda_.Function:
        """The function, for who invokes it."""
        return self.inspector.function
