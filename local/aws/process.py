"""Start the local AWS as a process, and reach it.

with LocalAws(folder=folder) as aws:
    boto3.client("ssm", **aws.client_options())
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from local.aws.scope import ClientOptions, Scope, client_options, variables
from local.process import Server, environment_python


class LocalAws(Server):
    """MiniStack with SageMaker. Its state is in memory, and gone when it ends; logs and containers lie in `folder`."""

    def __init__(self, *, folder: Path, scope: Scope | None = None, port: int = 0, images: Sequence[Path] = ()) -> None:
        """Prepare it.

        Args:
            folder: for its log, what its buckets hold, and what its containers write.
            scope: account and region.
            port: TCP port on 127.0.0.1; 0 lets the system choose.
            images: folders with an `entrypoint.py`, each an image in place of this checkout's (tests).
        """
        self.folder = folder
        self.scope = scope or Scope()
        arguments: list[str | Path] = ["--folder", folder, "--port", str(port), "--account", self.scope.account]
        arguments += ["--region", self.scope.region]
        for image in images:
            arguments += ["--image", image]
        super().__init__(
            command=[environment_python("twin"), "-m", "local.aws", *arguments],
            log=folder / "aws.log",
            environment={"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1"},
        )

    @property
    def url(self) -> str:
        """The URL of every service."""
        return str(self.ready["url"])

    def image(self, kind: str) -> str:
        """Return the reference of the image `inference` or `training`, as it was when this AWS started."""
        images = self.ready["images"]
        assert isinstance(images, dict)
        return str(images[f"weighbridge-{kind}"])

    def environment(self) -> Mapping[str, str]:
        """Return the variables by which the CDK CLI and SDKs find this AWS, and no other."""
        return {
            **variables(url=self.url, scope=self.scope),
            "CDK_DEFAULT_ACCOUNT": self.scope.account,
            "CDK_DEFAULT_REGION": self.scope.region,
        }

    def client_options(self) -> ClientOptions:
        """Return what `boto3.client(NAME, **options)` needs, whatever the environment says."""
        return client_options(url=self.url, scope=self.scope)
