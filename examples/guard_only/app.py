"""Guard rings around endpoints that other apps deploy: a hook before, a reconciler after. Its README says what to change."""

from __future__ import annotations

import aws_cdk as cdk
import cdk_nag

from constructs import Construct
from weighbridge.names import Digest
from weighbridge.registry import IamOrigin
from weighbridge_cdk import (
    AdmissionHook,
    ArtifactoryConnection,
    ChannelPin,
    GovernedModelChecks,
    Reconciler,
    Repositories,
    ResolutionRecords,
)

ACCOUNT, REGION = "666666666666", "eu-central-1"
CHANNEL = ChannelPin(
    name="prod",
    root_digest=Digest.parse("sha256:9cecd7de7fec1047d00806d655cb06bee5df6ed8c5ce50c31e15ac3d0a3ba398"),
)


class Guard(cdk.Stack):
    """Offers `records`, which the PromotedModels of this account have to remember in."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id, env=cdk.Environment(account=ACCOUNT, region=REGION))
        self.records = ResolutionRecords(self, "Records")
        connection = ArtifactoryConnection(
            self,
            "Artifactory",
            url="https://registry.example.com/artifactory",
            repositories=Repositories(models="ml-prod-models", records="ml-prod-records"),
            iam_exchange=IamOrigin(region=REGION),
        )
        AdmissionHook(
            self,
            "Admission",
            environment_name="prod",
            channel=CHANNEL,
            registry_url=connection.url,
            records=self.records,
            failure_mode="WARN",
            except_stacks=["sandbox-*"],
        )
        Reconciler(
            self,
            "Reconciler",
            environment_name="prod",
            connection=connection,
            channel=CHANNEL,
            records=self.records,
            except_endpoints=["sandbox-*"],
        )


app = cdk.App(analytics_reporting=False)
Guard(app, "model-guard")
cdk.Validations.of(app).add_plugins(cdk_nag.AwsSolutionsChecks(), GovernedModelChecks())
app.synth()
