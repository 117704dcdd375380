"""Several people on the command line: two promoters, an approver whom STS names, and the builder of an image."""

from __future__ import annotations

import contextlib
import io
import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import pytest
from botocore.credentials import ReadOnlyCredentials

from tests.integration.cli.cli_world import IMAGE, LOCK, MODEL, World, start_registry
from weighbridge.approvals import ApprovalOrder, Approver, IdentityProof, approve
from weighbridge.layout import ChannelLayout
from weighbridge.ledger import SqliteLedger
from weighbridge.names import Digest
from weighbridge.trust import load_signer

pytestmark = pytest.mark.twin
PEOPLE = {"AKIAANN": "ann", "AKIABOB": "bob", "AKIAEVE": "eve"}
USER = "arn:aws:iam::123456789012:user/"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """prod needs two promoters, two approvals, and a statement about the image; 1.0.0 is promoted to dev."""
    with start_registry(tmp_path_factory.mktemp("registry")) as registry:
        made = World(folder=tmp_path_factory.mktemp("cli"), registry=registry)
        made.found_channels()
        for name in ("prod-promoter-2", "prod-promoter-3", "approver", "builder"):
            made.cli("channel", "keygen", f"keys/{name}.pem").ok()
        keys = f"file:{made.folder}/keys"
        path = made.environments / "prod.yaml"
        text = path.read_text(encoding="utf-8")
        text = text.replace(
            f"promoters: [{keys}/prod-promoter.pem]",
            f"promoters: [{keys}/prod-promoter.pem, {keys}/prod-promoter-2.pem, {keys}/prod-promoter-3.pem]\n"
            f"    approver: {keys}/approver.pem\n    image_builder: {keys}/builder.pem",
        )
        text += f"""\
  policy:
    threshold: 2
    separation: true
    approvals: {{count: 2, days: 7}}
    principals:
      - {{key: "{keys}/prod-promoter.pem", name: pat}}
      - {{key: "{keys}/prod-promoter-2.pem", name: pat}}
      - {{key: "{keys}/prod-promoter-3.pem", name: quin}}
"""
        path.write_text(text, encoding="utf-8")
        made.cli("channel", "set-promoters", MODEL, "--env", "prod", "--threshold", "1", user="promoter").ok()
        made.upload_quickly("1.0.0")
        made.register("1.0.0").ok()
        made.cli("promote", f"{MODEL}:1.0.0", "--to", "dev", "--no-parameter", user="promoter").ok()
        policy = ("channel", "policy", MODEL, "--env", "prod", "--from-settings")
        refused = made.cli(*policy, user="promoter")
        assert refused.status == 4
        assert "could write another's name: let two of them sign" in refused.err
        made.cli("channel", "set-promoters", MODEL, "--env", "prod", user="promoter").ok()
        made.cli(*policy, user="promoter").ok()
        yield made


class Function:
    """The approvals function, as it runs in AWS but for STS, which here knows people by their access keys."""

    def __init__(self, world: World) -> None:
        self._world = world

    def caller(self, proof: IdentityProof, *, order: Digest) -> str:
        key = proof.headers["Authorization"].partition("Credential=")[2].partition("/")[0]
        return USER + PEOPLE[key]

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, object]:  # noqa: N803 - boto3's names
        assert FunctionName == "approvals-function"
        event, folder = json.loads(Payload), self._world.folder
        approver = Approver(
            client=self._world.client("promoter"),
            layout=ChannelLayout(channel="prod", models_repository="ml-prod-local", records_repository=self.records()),
            environment="prod",
            signer=load_signer(f"file:{folder}/keys/approver.pem"),
            ledger=SqliteLedger(path=folder / "ledger.sqlite"),
            witness=self,
            approvers={USER + "ann", USER + "bob"},
            days=7,
        )
        try:
            answer = approve(
                order=ApprovalOrder.read(event["order"]),
                proof=IdentityProof.read(event["proof"]),
                approver=approver,
                now=datetime.now(UTC),
            )
        except Exception as error:
            said = json.dumps({"errorMessage": str(error), "errorType": type(error).__name__}).encode()
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(said)}
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}

    def records(self) -> str:
        text = (self._world.environments / "prod.yaml").read_text(encoding="utf-8")
        return text.partition("records_repository: ")[2].partition("\n")[0]


def give_approval(world: World, access_key: str) -> tuple[int, str]:
    parameter = SimpleNamespace(
        get_parameter=lambda Name: {"Parameter": {"Value": "approvals-function"}},  # noqa: N803
        exceptions=SimpleNamespace(ParameterNotFound=KeyError),
    )
    with (
        mock.patch("weighbridge.cli.aws.Aws.ssm", return_value=parameter),
        mock.patch("weighbridge.cli.aws.Aws.functions", return_value=Function(world)),
        mock.patch(
            "weighbridge.cli.aws.Aws.frozen_credentials", return_value=ReadOnlyCredentials(access_key, "secret", None)
        ),
    ):
        done = world.cli(
            "approve", f"{MODEL}:1.0.0", "--channel", "prod", "--reason", "looks right", "--json", user="promoter"
        )
    return done.status, done.out or done.err


def failing(world: World, key: str) -> list[str]:
    done = world.cli(
        "promote",
        f"{MODEL}:1.0.0",
        "--to",
        "prod",
        "--dry-run",
        "--json",
        "--key",
        f"file:keys/{key}.pem",
        user="promoter",
    )
    return [gate["gate"] for gate in done.json["gates"] if not gate["passed"]]  # type: ignore[union-attr,index,call-overload,misc]


def promote(world: World, key: str) -> tuple[int, dict[str, object] | str]:
    done = world.cli(
        "promote", f"{MODEL}:1.0.0", "--to", "prod", "--no-parameter", "--json", "--key", f"file:keys/{key}.pem",
        user="promoter",
    )  # fmt: skip
    return done.status, done.json if done.status == 0 else done.line  # type: ignore[return-value]


def events(world: World, kind: str) -> list[object]:
    """Return the channels of the ledger's events of a kind."""
    with contextlib.closing(sqlite3.connect(world.folder / "ledger.sqlite")) as connection:
        found = [json.loads(row[0]) for row in connection.execute("SELECT data FROM events ORDER BY sequence")]
    return [item["event"]["channel"] for item in found if item["event"]["kind"] == kind]


def test_two_people_promote_what_two_others_approved(world: World, tmp_path: Path) -> None:
    assert failing(world, "prod-promoter") == ["statements"]
    world.cli(
        "image", "attest", IMAGE, "--source-commit", "d" * 40, "--lock", LOCK, "--env", "prod", user="promoter"
    ).ok()
    assert give_approval(world, "AKIAANN")[0] == 0
    assert failing(world, "prod-promoter") == ["approvals"]
    status, said = give_approval(world, "AKIAEVE")
    assert (status, "may not approve" in said) == (4, True)
    assert failing(world, "prod-promoter") == ["approvals"]
    status, said = give_approval(world, "AKIABOB")
    assert json.loads(said)["approver"] == USER + "bob"
    assert failing(world, "prod-promoter") == []

    with mock.patch("weighbridge.cli.promote._point", side_effect=AssertionError("nothing is promoted yet")):
        half = world.cli(
            "promote",
            f"{MODEL}:1.0.0",
            "--to",
            "prod",
            "--json",
            "--key",
            "file:keys/prod-promoter.pem",
            user="promoter",
        ).ok()
    first = half.json
    assert "1 more must run this" in half.err
    assert events(world, "promoted") == ["dev"]
    assert (first["missing"], first["changed"]) == (1, False)
    shown = world.cli("channel", "show", MODEL, "--env", "prod", "--json", user="reader").ok().json
    assert shown["promotions"] == []
    status, line = promote(world, "prod-promoter")
    assert (status, "signed this already" in str(line)) == (2, True)
    status, line = promote(world, "prod-promoter-2")
    assert (status, "another key" in str(line)) == (4, True)
    status, second = promote(world, "prod-promoter-3")
    assert (status, second["missing"], second["promoted_by"]) == (0, 0, "pat")  # type: ignore[index]
    assert events(world, "promoted") == ["dev", "prod"]
    text = world.cli("release", "show", MODEL, "--env", "prod", user="reader").ok().out
    assert "minilm:1.0.0" in text
