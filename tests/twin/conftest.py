"""One local AWS for the session; its stacks are the tests' own or the app's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from twin_governance import Governance

from local.aws.cdk import CdkCli, Deployment
from local.aws.images import folder_image
from local.aws.process import LocalAws
from local.registry.process import RegistryProcess
from local.registry.standard import USERS, standard_config
from tests.integration.sagemaker.local_sagemaker_world import SERVE

TRAIN = """
import json, os, pathlib, sys
if sys.argv[1] == "train":
    why = json.loads(os.environ.get("SM_HPS", "{}")).get("fail")
    if why:
        (pathlib.Path(os.environ["WEIGHBRIDGE_ML_ROOT"]) / "output" / "failure").write_text(why)
        sys.exit(1)
    print("trained", flush=True)
    sys.exit(0)
"""


@dataclass(frozen=True)
class Twin:
    """A bootstrapped local AWS whose one image behaves as its model's environment says."""

    aws: LocalAws
    image: str
    bootstrap: Deployment

    def cdk(self, folder: Path, *, app: str) -> CdkCli:
        return CdkCli(aws=self.aws, folder=folder, app=app)


@pytest.fixture(scope="session")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twin]:
    folder = tmp_path_factory.mktemp("twin")
    image = folder / "fake"
    image.mkdir()
    (image / "entrypoint.py").write_text(TRAIN + SERVE)
    with LocalAws(folder=folder / "aws", images=[image]) as aws:
        bootstrap = CdkCli(aws=aws, folder=folder / "cdk").bootstrap()
        yield Twin(aws=aws, image=folder_image(image).reference, bootstrap=bootstrap)


@pytest.fixture(scope="session")
def governance(twin: Twin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Governance]:
    folder = tmp_path_factory.mktemp("governance")
    config = standard_config(hub_url=None, tokens={name: f"token-of-{name}-0123456789" for name in USERS})
    with RegistryProcess(folder=folder / "registry", config=config) as registry:
        yield Governance(twin, folder, registry)
