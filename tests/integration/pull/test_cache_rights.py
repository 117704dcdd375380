"""The rights that ReleaseCache gives are those that a container needs: a start fills it, another starts from it alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import boto3
import pytest
from faulty_server import FaultyServer
from loopback_s3 import running_s3
from pull_world import MODELS, RECORDS, make_world
from test_pull_standby import FILES, Place

from tests.unit.trust import trust_world
from tools.synthesis import ROOT
from weighbridge.names import Digest
from weighbridge.serving.chain import open_bucket
from weighbridge_cdk import (
    ArtifactoryConnection,
    ChannelPin,
    GovernedEndpoint,
    PrivateNetwork,
    PromotedModel,
    ReleaseCache,
    Repositories,
)

ACTIONS = {"GET": "s3:GetObject", "PUT": "s3:PutObject", "POST": "s3:PutObject"}


@pytest.fixture
def place(server: FaultyServer, tmp_path: Path) -> Iterator[Place]:
    (tmp_path / "channel").mkdir()
    with running_s3() as s3:
        s3.missing = 403
        found = Place(make_world(tmp_path, server, FILES), trust_world.make_world(tmp_path / "channel"), s3)
        found.promote()
        yield found


def template(place: Place, folder: Path) -> dict[str, Any]:
    """A stack that serves the place's model from a cache."""
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = cdk.App(
        outdir=str(folder), analytics_reporting=False, builtin_cloud_formation_validation=False, context=context
    )
    stack = cdk.Stack(app, "Cached")
    model = PromotedModel(
        stack,
        "Promoted",
        model_name="minilm",
        release_id=f"1@{Digest.of(b'promotion')}",
        instance_type="ml.c6i.xlarge",
        channel=ChannelPin(name="dev", root_digest=place.channel.root),
        connection=ArtifactoryConnection(
            stack,
            "Artifactory",
            url="https://registry.example.com/artifactory",
            repositories=Repositories(models=MODELS, records=RECORDS),
        ),
    )
    network = PrivateNetwork(stack, "Network", cidr="10.1.0.0/20", availability_zones=["eu-central-1a"])
    endpoint = GovernedEndpoint(
        stack, "Endpoint", endpoint_name="minilm", model=model, placement=network.placement, instance_count=1
    )
    endpoint.add_cache(ReleaseCache(stack, "Cache"))
    app.synth()
    found: dict[str, Any] = json.loads((folder / "Cached.template.json").read_text())
    return found


def allowed(found: dict[str, Any]) -> set[tuple[str, str]]:
    """Every (action, pattern of keys) that the container's role may do in the bucket."""
    (policy,) = [each for name, each in found["Resources"].items() if name.startswith("EndpointExecutionRoleCache")]
    pairs: set[tuple[str, str]] = set()
    for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
        if statement["Action"] in ACTIONS.values():
            resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
            pairs |= {(statement["Action"], each["Fn::Join"][1][-1].removeprefix("/")) for each in resources}
    return pairs


def test_a_second_instance_starts_from_the_cache_alone_within_its_rights(place: Place, tmp_path: Path) -> None:
    rights = allowed(template(place, tmp_path / "out"))
    first = place.start()
    place.world.server.close()
    assert place.start() == first
    asked = {(ACTIONS[method], key) for method, key, _ in place.s3.seen}
    beyond = [each for each in asked if not any(each[0] == do and fnmatchcase(each[1], keys) for do, keys in rights)]
    assert beyond == []
    idle = {each for each in rights if not any(each[0] == do and fnmatchcase(key, each[1]) for do, key in asked)}
    assert idle == {("s3:PutObject", "leases/*")}, "leases are for files of 8 MiB and more"


def test_rights_end_at_the_channel_and_the_model(place: Place, tmp_path: Path) -> None:
    rights = allowed(template(place, tmp_path / "out"))
    for key in (
        "other",
        "state/prod/x/minilm.json",
        f"state/dev/{place.channel.root.hex}/other.json",
        "records/other/x",
    ):
        assert not any(fnmatchcase(key, keys) for _, keys in rights), key
    assert ("s3:GetObject", "leases/*") not in rights


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "eu-central-1"])
def test_urls_are_signed_as_encrypted_objects_need_it(region: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("DEFAULT_REGION", region), ("ACCESS_KEY_ID", "a"), ("SECRET_ACCESS_KEY", "b")):
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in open_bucket("weights-cache").url_for(Digest.of(b"x"))
