"""An approval: known caller, row first, then the signature; whatever fails leaves no statement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner, Signature

from weighbridge.approvals import ApprovalAnswer, ApprovalOrder, Approver, IdentityProof, approve
from weighbridge.approvals.grant import iam_identity
from weighbridge.errors import CloudError, ConflictError, InputError, TrustError
from weighbridge.layout import ChannelLayout
from weighbridge.ledger import SqliteLedger
from weighbridge.ledger.events import Event
from weighbridge.names import Digest
from weighbridge.trust import APPROVAL_TYPE, Approval, Policy, verify_bundle

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ROLE = "arn:aws:iam::111111111111:role/AWSReservedSSO_approve_1"
BOB = "arn:aws:sts::111111111111:assumed-role/AWSReservedSSO_approve_1/bob@example.com"
LAYOUT = ChannelLayout(channel="prod", models_repository="m", records_repository="r")
ORDER = ApprovalOrder(
    channel="prod", name="minilm", version="1.0.0", release=Digest.of(b"release"), reason="evaluated", approved_at=NOW,
    expires=NOW + timedelta(days=7),
)  # fmt: skip
PROOF = IdentityProof(headers={"Authorization": "x", "X-Amz-Date": "y"})


@dataclass
class Scene:
    """Everything that granting touches, in the order in which it was touched."""

    folder: Path
    key: CryptoSigner = field(default_factory=CryptoSigner.generate_ecdsa)
    caller_arn: str = BOB
    seen: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    told: list[Event] = field(default_factory=list)
    failing: str | None = None

    def touch(self, what: str) -> None:
        if self.failing == what:
            raise CloudError(f"{what} is away")
        self.seen.append(what)

    def caller(self, proof: IdentityProof, *, order: Digest) -> str:
        assert (proof, order) == (PROOF, ORDER.digest)
        self.touch("sts")
        return self.caller_arn

    def claim(self, *, scope: str, sequence: int, digest: Digest) -> None:
        self.touch("row")
        SqliteLedger(path=self.folder / "l.sqlite").claim(scope=scope, sequence=sequence, digest=digest)

    def claimed(self, *, scope: str, sequence: int) -> Digest | None:
        return SqliteLedger(path=self.folder / "l.sqlite").claimed(scope=scope, sequence=sequence)

    def emit(self, *, event: Event) -> None:
        self.touch("event")
        self.told.append(event)

    @property
    def public_key(self) -> object:
        return self.key.public_key

    def sign(self, payload: bytes) -> Signature:
        self.touch("signature")
        return self.key.sign(payload)

    def read(self, *, repository: str, path: str, limit: int) -> bytes:
        return self.files[path]

    def deploy_bytes(self, *, repository: str, path: str, data: bytes, overwrite: bool = False) -> None:
        assert not overwrite
        self.touch("file")
        self.files[path] = data

    def approve(self, **changes: object) -> ApprovalAnswer:
        approver = Approver(
            client=self, layout=LAYOUT, environment="prod", signer=self, ledger=self, witness=self,  # type: ignore[arg-type]
            approvers={ROLE}, days=7, events=self,
        )  # fmt: skip
        arguments = {"order": ORDER, "proof": PROOF, "approver": approver, "now": NOW}
        return approve(**{**arguments, **changes})  # type: ignore[arg-type]


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(folder=tmp_path)


def test_the_statement_names_the_caller_that_sts_named_and_the_row_comes_first(scene: Scene) -> None:
    answer = scene.approve()
    assert scene.seen == ["sts", "row", "event", "signature", "file"]
    ((path, data),) = scene.files.items()
    key = scene.key.public_key
    policy = Policy(
        channel="prod", keys={key.keyid: key}, roles={"approver": (key.keyid,)},
        required_statements={APPROVAL_TYPE: ("approver",)},
    )  # fmt: skip
    (found,) = verify_bundle(
        data=data, expected=Digest.of(data), release=ORDER.release, name="minilm", version="1.0.0", policy=policy
    )
    approval = Approval.read(found.predicate)
    assert (approval.approver, approval.event, answer["approver"]) == (BOB, answer["event"], BOB)
    assert path.startswith(f"minilm/releases/{ORDER.release.hex}/statements/approver.")
    assert (scene.told[0].kind, scene.told[0].actor) == ("approved", BOB)


@pytest.mark.parametrize(("what", "seen"), [("sts", []), ("row", ["sts"]), ("event", ["sts", "row"])])
def test_without_row_or_event_nothing_is_signed(scene: Scene, what: str, seen: list[str]) -> None:
    scene.failing = what
    with pytest.raises(CloudError):
        scene.approve()
    assert (scene.seen, scene.files) == (seen, {})


@pytest.mark.parametrize(
    "caller",
    [
        "arn:aws:sts::999999999999:assumed-role/AWSReservedSSO_approve_1/bob@example.com",
        "arn:aws:sts::111111111111:assumed-role/training/job",
        "arn:aws:iam::111111111111:root",
        "arn:aws:iam::111111111111:user/AWSReservedSSO_approve_1",
    ],
)
def test_who_is_not_an_approver_approves_nothing(scene: Scene, caller: str) -> None:
    scene.caller_arn = caller
    with pytest.raises(TrustError) as refusal:
        scene.approve()
    assert (refusal.value.rule, scene.seen) == ("refused.approver", ["sts"])


CHANGES: Mapping[str, Mapping[str, object]] = {
    "channel": {"channel": "staging"},
    "too long": {"expires": NOW + timedelta(days=8)},
    "yesterday": {"approved_at": NOW - timedelta(days=1)},
    "tomorrow": {"approved_at": NOW + timedelta(hours=1)},
}


@pytest.mark.parametrize("what", CHANGES)
def test_orders_that_are_not_taken(scene: Scene, what: str) -> None:
    with pytest.raises(InputError):
        scene.approve(order=replace(ORDER, **CHANGES[what]))  # type: ignore[arg-type]
    assert scene.seen == []


def test_an_order_again_is_the_same_row_and_another_under_its_number_is_refused(scene: Scene) -> None:
    first = scene.approve()
    assert scene.approve()["event"] == first["event"]
    other = replace(ORDER, reason="another")
    scene.caller = lambda proof, order: BOB  # type: ignore[method-assign,assignment]
    with pytest.raises(ConflictError):
        scene.approve(order=other)


def test_a_role_stands_behind_its_sessions() -> None:
    assert iam_identity(BOB) == ROLE
    assert iam_identity("arn:aws:iam::111111111111:user/ann") == "arn:aws:iam::111111111111:user/ann"


@pytest.mark.parametrize(
    "value", [None, {}, {"order": 1}, {**ORDER.to_json(), "more": "x"}, {**ORDER.to_json(), "release": "x"}]
)
def test_malformed_orders(value: object) -> None:
    with pytest.raises(InputError):
        ApprovalOrder.read(value)


@pytest.mark.parametrize(
    "value",
    [
        None,
        {"Authorization": "x"},
        {"Authorization": "x", "X-Amz-Date": "y\r\nHost: evil"},
        {"Authorization": "x", "X-Amz-Date": "y", "Host": "sts.evil.example"},
        {"Authorization": "x", "X-Amz-Date": 1},
    ],
)
def test_malformed_proofs(value: object) -> None:
    with pytest.raises(InputError) as refusal:
        IdentityProof.read(value)
    assert refusal.value.rule == "input.proof"


def test_orders_and_proofs_survive_their_way() -> None:
    assert ApprovalOrder.read(ORDER.to_json()) == ORDER
    assert IdentityProof.read(PROOF.to_json()) == PROOF
