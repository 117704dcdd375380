"""How SageMaker logs in to a Docker repository of Artifactory, so that images need no copy in ECR."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sagemaker as sagemaker

from constructs import Construct
from weighbridge_cdk.artifactory_connection import ArtifactoryConnection
from weighbridge_cdk.library_function import LibraryFunction
from weighbridge_cdk.network import NetworkPlacement

FUNCTION_TIMEOUT = cdk.Duration.seconds(30)


class RegistryCredentials(Construct):
    """A function that gives SageMaker user name and token; only execution roles that were granted may call it.

    https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-containers-inference-private.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        connection: ArtifactoryConnection,
        username: str,
        placement: NetworkPlacement | None = None,
        layer: lambda_.ILayerVersion | None = None,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_YEAR,
    ) -> None:
        """Create the function.

        Args:
            connection: the registry, with the token of an identity that may read the Docker repository.
            username: that identity's user name in the registry.
            placement: the VPC to run in, for a token by exchange of the role; default: none.
            layer: the function's dependencies; default: the stack's DependencyLayer.
            log_retention: how long the function's logs are kept.
        """
        super().__init__(scope, construct_id)
        self.function = LibraryFunction(
            self,
            "Function",
            handler="image_credentials",
            description="Logs SageMaker in to the registry's Docker repository",
            timeout=FUNCTION_TIMEOUT,
            environment={**connection.environment(), "WEIGHBRIDGE_REGISTRY_USERNAME": username},
            placement=placement,
            layer=layer,
            log_retention=log_retention,
        )
        connection.grant_read(self.function.role)

    def grant_use(self, role: iam.IRole) -> iam.Grant:
        """Let containers of `role` be pulled: SageMaker calls the function as the execution role."""
        return iam.Grant.add_to_principal(
            grantee=role, actions=["lambda:InvokeFunction"], resource_arns=[self.function.function.function_arn]
        )

    def image_config(self) -> sagemaker.CfnModel.ImageConfigProperty:
        """Return how a model's image is pulled: through the model's VPC, which is needed, with these credentials."""
        return sagemaker.CfnModel.ImageConfigProperty(
            repository_access_mode="Vpc",
            repository_auth_config=sagemaker.CfnModel.RepositoryAuthConfigProperty(
                repository_credentials_provider_arn=self.function.function.function_arn
            ),
        )
