"""The SageMaker model of a promoted release, and the role of its containers: what every kind of endpoint shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import aws_kms as kms
from aws_cdk import aws_sagemaker as sagemaker

from constructs import Construct
from weighbridge.errors import InputError
from weighbridge_cdk.egress import container_variables
from weighbridge_cdk.execution_role import ExecutionRole
from weighbridge_cdk.network import NetworkPlacement
from weighbridge_cdk.promoted_model import PromotedModel
from weighbridge_cdk.registry_credentials import RegistryCredentials
from weighbridge_cdk.release_cache import ReleaseCache
from weighbridge_cdk.server import Server


class ServingModel:
    """Creates key, role and model as children of `scope`, and keeps the container in step with what is added."""

    def __init__(
        self,
        scope: Construct,
        *,
        endpoint_name: str,
        model: PromotedModel,
        placement: NetworkPlacement,
        image_repositories: Sequence[str] = (),
        image_registry_credentials: RegistryCredentials | None = None,
        encryption_key: kms.IKey | None = None,
        component_name: str | None = None,
    ) -> None:
        self.promoted = model
        self._scope = scope
        self._endpoint_name = endpoint_name
        self._credentials = image_registry_credentials
        self._server: Server | None = None
        self._cache: ReleaseCache | None = None
        self.encryption_key = encryption_key or kms.Key(
            scope, "Key", enable_key_rotation=True, description=f"Encrypts the volumes of {endpoint_name}"
        )
        self.execution_role = ExecutionRole(
            scope,
            "ExecutionRole",
            endpoint_name=endpoint_name,
            connection=model.connection,
            placement=placement,
            encryption_key=self.encryption_key,
            image_repositories=image_repositories,
            component_name=component_name,
        )
        if image_registry_credentials is not None:
            image_registry_credentials.grant_use(self.execution_role.role)
        role = self.execution_role
        self._egress = container_variables(role, egress=placement.egress, role=role.role)
        self.model = sagemaker.CfnModel(
            scope,
            "Model",
            execution_role_arn=self.execution_role.role.role_arn,
            primary_container=self._container(),
            vpc_config=sagemaker.CfnModel.VpcConfigProperty(
                subnets=placement.subnet_ids, security_group_ids=placement.security_group_ids
            ),
        )
        self.model.node.add_dependency(self.execution_role)

    def become(self, server: Server) -> None:
        """Let the container become `server` once the release is verified.

        Raises:
            InputError: when called twice, or the server may not run; see `Server.container_environment`.
        """
        if self._server is not None:
            raise InputError(f"{self._endpoint_name}: has a server already: a container becomes one")
        self._server = server
        self.model.primary_container = self._container()

    def pull_from(self, cache: ReleaseCache) -> None:
        """Let the container pull from `cache` first, and fill it.

        Raises:
            InputError: when called twice.
        """
        if self._cache is not None:
            raise InputError(f"{self._endpoint_name}: has a cache already: a container asks one")
        self._cache = cache
        cache.grant_use(self.execution_role.role, model=self.promoted, scope=self.execution_role)
        self.model.primary_container = self._container()

    def _container(self) -> sagemaker.CfnModel.ContainerDefinitionProperty:
        cached: Mapping[str, str] = {} if self._cache is None else self._cache.container_environment()
        return sagemaker.CfnModel.ContainerDefinitionProperty(
            image_config=None if self._credentials is None else self._credentials.image_config(),
            image=self.promoted.image_uri,
            environment={
                **(self._server or Server()).container_environment(),
                **self.promoted.container_environment(),
                **cached,
                **self._egress,
            },
        )


def check_zones(placement: NetworkPlacement, *, instances: int, endpoint_name: str) -> None:
    """Refuse several instances in one subnet: they would all be gone with its zone.

    Raises:
        InputError: naming what to give.
    """
    if instances > 1 and len(placement.subnet_ids) < 2:
        raise InputError(
            f"{endpoint_name}: one subnet for {instances} instances: give subnets in at least two availability zones, or one "
            "instance"
        )
