"""How code in a VPC gets out of it: a proxy, and private certificate authorities, for functions and for containers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3_assets as s3_assets

from constructs import Construct
from weighbridge.authorities import BUNDLE, BUNDLE_DIGEST, trusting_variables, with_public_authorities
from weighbridge.errors import InputError
from weighbridge_cdk.assets import build_root

FILE_NAME = "ca-bundle.pem"
# Lambda unpacks layers below /opt: https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html
IN_FUNCTION = Path("/opt/weighbridge") / FILE_NAME
# The metadata of instances and of containers, where roles have their credentials, and the container itself.
_NEVER_PROXIED = ("127.0.0.1", "localhost", "169.254.169.254", "169.254.170.2")
# Training jobs take shorter values than models: botocore's model of SageMaker, TrainingEnvironmentValue.
_LONGEST = 512


@dataclass(frozen=True, slots=True)
class Egress:
    """`proxy_url` is `http://HOST:PORT`, None for none; `no_proxy` are hosts that are reached without it.

    `functions_alone` are further such hosts that only functions ask: variables of training jobs are short.
    `ca_bundle` is a file of certificates that are trusted besides the public authorities.
    """

    proxy_url: str | None = None
    no_proxy: tuple[str, ...] = ()
    ca_bundle: Path | None = None
    functions_alone: tuple[str, ...] = ()

    def function_proxy(self) -> dict[str, str]:
        """Return the environment variables of functions that name the proxy, none without one."""
        return self._variables((*_NEVER_PROXIED, *self.functions_alone, *self.no_proxy))

    def container_proxy(self) -> dict[str, str]:
        """Return the same for containers.

        Raises:
            InputError: when the hosts are more than a variable of a training job holds.
        """
        found = self._variables((*_NEVER_PROXIED, *self.no_proxy))
        hosts = found.get("NO_PROXY", "")
        if not cdk.Token.is_unresolved(hosts) and len(hosts) > _LONGEST:
            raise InputError(f"no_proxy: {len(hosts)} characters are more than {_LONGEST}: name domains, not hosts")
        return found

    def _variables(self, hosts: tuple[str, ...]) -> dict[str, str]:
        return {} if self.proxy_url is None else {"HTTPS_PROXY": self.proxy_url, "NO_PROXY": ",".join(hosts)}


class Authorities(Construct):
    """The public authorities (those of requests, a locked dependency) and those of a bundle, in one file: a layer for functions, an S3 object for
    containers, each made when it is first asked for. The file is named by its digest, so that nobody can replace it unseen.
    """

    def __init__(self, scope: Construct, construct_id: str, *, bundle: Path) -> None:
        """Put the file together.

        Args:
            bundle: PEM certificates.

        Raises:
            InputError: when it cannot be read.
        """
        super().__init__(scope, construct_id)
        self._bundle = bundle
        self._data = with_public_authorities(bundle)
        self.digest = hashlib.sha256(self._data).hexdigest()
        self._layer: lambda_.LayerVersion | None = None
        self._asset: s3_assets.Asset | None = None

    @staticmethod
    def of(scope: Construct, bundle: Path) -> Authorities:
        """Return the authorities of the stack that `scope` is in, created once.

        Raises:
            InputError: when the stack has those of another bundle.
        """
        stack = cdk.Stack.of(scope)
        found = stack.node.try_find_child("Authorities")
        if not isinstance(found, Authorities):
            return Authorities(stack, "Authorities", bundle=bundle)
        if found._bundle != bundle:
            raise InputError(f"ca_bundle: {stack.stack_name} has {found._bundle} already: give one bundle for a stack")
        return found

    @property
    def layer(self) -> lambda_.ILayerVersion:
        """A layer that puts the file at IN_FUNCTION."""
        if self._layer is None:
            self._layer = lambda_.LayerVersion(
                self,
                "Layer",
                code=lambda_.Code.from_asset(
                    str(self._folder().parent),
                    asset_hash=hashlib.sha256(f"layer {self.digest}".encode()).hexdigest(),
                    asset_hash_type=cdk.AssetHashType.CUSTOM,
                ),
                description=f"Certificate authorities, sha256 {self.digest[:16]}",
            )
        return self._layer

    @property
    def asset(self) -> s3_assets.Asset:
        """The file as an object of the bootstrap bucket."""
        if self._asset is None:
            self._asset = s3_assets.Asset(self, "File", path=str(self._folder() / FILE_NAME))
        return self._asset

    def _folder(self) -> Path:
        folder = build_root() / "authorities" / self.digest[:32] / "weighbridge"
        path = folder / FILE_NAME
        if not path.is_file() or path.read_bytes() != self._data:
            folder.mkdir(parents=True, exist_ok=True)
            draft = path.with_name(f".{FILE_NAME}")
            draft.write_bytes(self._data)
            draft.rename(path)
        return folder


def function_variables(egress: Egress | None) -> Mapping[str, str]:
    """Return the variables of a function that has the layer of its stack's authorities."""
    if egress is None:
        return {}
    trusted = {} if egress.ca_bundle is None else trusting_variables(IN_FUNCTION)
    return {**egress.function_proxy(), **trusted}


def container_variables(scope: Construct, *, egress: Egress | None, role: iam.IRole) -> Mapping[str, str]:
    """Return the variables of a container, and let its `role` read the file that it fetches when it starts.

    Args:
        scope: a policy is created on it, once.
        egress: see Egress.
        role: the container's own.
    """
    if egress is None:
        return {}
    if egress.ca_bundle is None:
        return egress.container_proxy()
    authorities = Authorities.of(scope, egress.ca_bundle)
    asset = authorities.asset
    where = f"{asset.s3_bucket_name}/{asset.s3_object_key}"
    objects = f"arn:{cdk.Aws.PARTITION}:s3:::{where}"
    statement = iam.PolicyStatement(actions=["s3:GetObject"], resources=[objects])
    iam.Policy(scope, "Authorities", statements=[statement], roles=[role])
    return {**egress.container_proxy(), BUNDLE: f"s3://{where}", BUNDLE_DIGEST: f"sha256:{authorities.digest}"}
