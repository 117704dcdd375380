"""The inspector's handler: the scanner looks too, what does not fit is blocked, the verdict is signed, no token is told."""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import pytest
from safetensors.numpy import save
from securesystemslib.signer import CryptoSigner

from local.process import environment_python
from tests.integration.lambdas.fake_session import FakeBoto3
from tests.unit.inspection.test_inspect_registered import demand
from tests.unit.promotion.promotion_world import MODEL, NOW, PromotionWorld, make_promotion_world
from weighbridge.canonical import Json
from weighbridge.errors import InputError, RegistryNotFoundError, TrustError
from weighbridge.inspection.released import InspectionAnswer
from weighbridge.registry import StaticToken

HANDLER = Path(__file__).parents[3] / "lambdas" / "inspector" / "handler.py"
ORDER = {"model": MODEL, "version": "1.0.0"}
TOKEN = "token-of-the-inspector"


@dataclass
class Context:
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:inspector"
    seconds: float = 900

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


@dataclass
class Bus:
    told: list[Json]

    def put_events(self, *, Entries: list[dict[str, str]]) -> dict[str, object]:  # noqa: N803
        self.told += [json.loads(entry["Detail"]) for entry in Entries]
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}


@pytest.fixture
def world(tmp_path: Path) -> PromotionWorld:
    return make_promotion_world(tmp_path)


@pytest.fixture
def inspector() -> CryptoSigner:
    return CryptoSigner.generate_ecdsa()


@pytest.fixture
def bus() -> Bus:
    return Bus(told=[])


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.fixture
def inspect(
    world: PromotionWorld, inspector: CryptoSigner, bus: Bus, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., InspectionAnswer]]:
    """Call the handler on the registry in memory; afterwards nothing lies in the scratch folder."""
    layout = world.channels["dev"].layout
    for name, value in {
        "ENVIRONMENT": "dev", "CHANNEL": "dev", "MODELS_REPOSITORY": layout.models_repository,
        "RECORDS_REPOSITORY": layout.records_repository, "REGISTRY_URL": world.registry.url,
        "TOKEN_SECRET_ID": "weighbridge/dev/artifactory-inspector", "INSPECTOR_KEY": "awskms:alias/inspector",
        "EVENTS_BUS": "events", "SCANNER": "hayward", "SCANNER_MIB": "2496",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"WEIGHBRIDGE_{name}", value)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", TOKEN)
    monkeypatch.setenv("PATH", f"{environment_python('scan').parent}:{os.environ['PATH']}")
    handler = loaded()
    monkeypatch.setattr(handler, "boto3", FakeBoto3({"events": bus, "kms": object(), "secretsmanager": object()}))
    monkeypatch.setattr(handler, "open_origin", lambda *_, **__: StaticToken(token=TOKEN))
    monkeypatch.setattr(handler, "ArtifactoryClient", lambda **_: world.registry)
    minutes = itertools.count(-10)
    monkeypatch.setattr(handler, "system_clock", lambda: NOW + timedelta(minutes=next(minutes)))
    monkeypatch.setattr(handler, "load_signer", lambda *_, **__: inspector)

    def call(event: dict[str, Json] | None = None, *, seconds: float = 900) -> InspectionAnswer:
        return handler.handler(ORDER if event is None else event, Context(seconds=seconds))  # type: ignore[no-any-return]

    yield call
    assert list(scratch.iterdir()) == []


def loaded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("inspector_handler", HANDLER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def predicate(world: PromotionWorld) -> dict[str, Json]:
    """The newest inspection that was written."""
    from base64 import b64decode

    path = [item for item in world.registry.writes if "/statements/inspector." in item][-1]
    data = world.registry.files["dev-records", path.removeprefix("dev-records/")]
    found = json.loads(b64decode(json.loads(data)["envelopes"][0]["payload"]))["predicate"]
    assert isinstance(found, dict)
    return found


def test_the_scanner_judges_every_file_and_the_release_is_promoted(
    world: PromotionWorld, inspector: CryptoSigner, inspect: Callable[..., InspectionAnswer], bus: Bus
) -> None:
    done = world.register("1.0.0", weights=save({}))
    demand(world, inspector, "dev")
    assert inspect()["outcome"] == "clean"
    said = predicate(world)
    judged = sum(item.role != "code" for item in done.release.components)
    assert said["scanners"] == [{"name": "hayward", "version": "1.4.1", "complete": True, "files": judged}]
    assert said["only_own_validators"] is False
    world.promote("1.0.0", to="dev")
    assert len(bus.told) == 1
    writes = list(world.registry.writes)
    assert inspect()["detail"] == "every file is clean"
    assert world.registry.writes == writes


def test_without_a_scanner_the_statement_says_so_and_another_that_has_one_looks_again(
    world: PromotionWorld, inspect: Callable[..., InspectionAnswer], monkeypatch: pytest.MonkeyPatch
) -> None:
    world.register("1.0.0", weights=save({}))
    monkeypatch.setenv("WEIGHBRIDGE_SCANNER", "none")
    assert inspect()["outcome"] == "clean"
    assert (predicate(world)["scanners"], predicate(world)["only_own_validators"]) == ([], True)
    monkeypatch.setenv("WEIGHBRIDGE_SCANNER", "hayward")
    assert inspect()["outcome"] == "clean"
    assert predicate(world)["only_own_validators"] is False


@pytest.mark.parametrize(
    ("mebibytes", "seconds", "words"),
    [("513", 900, "memory holds"), ("2496", 39, "the time is up"), ("2496", 0, "the time is up")],
)
def test_what_does_not_fit_is_blocked_as_such(
    world: PromotionWorld,
    inspector: CryptoSigner,
    inspect: Callable[..., InspectionAnswer],
    monkeypatch: pytest.MonkeyPatch,
    mebibytes: str,
    seconds: float,
    words: str,
) -> None:
    header = json.dumps({"a": {"dtype": "U8", "shape": [2 << 20], "data_offsets": [0, 2 << 20]}}).encode()
    world.register("1.0.0", weights=len(header).to_bytes(8, "little") + header + bytes(2 << 20))
    demand(world, inspector, "dev")
    monkeypatch.setenv("WEIGHBRIDGE_SCANNER_MIB", mebibytes)
    answer = inspect(seconds=seconds)
    assert answer["outcome"] == "blocked"
    assert "model.safetensors: inspect.scanner.room" in answer["detail"]
    with pytest.raises(TrustError) as refusal:
        world.promote("1.0.0", to="dev")
    assert refusal.value.rule == "refused.inspection"
    monkeypatch.setenv("WEIGHBRIDGE_SCANNER_MIB", "2496")
    assert inspect()["outcome"] == "clean"
    world.promote("1.0.0", to="dev")


def test_a_disk_that_is_full_blocks(
    world: PromotionWorld, inspect: Callable[..., InspectionAnswer], monkeypatch: pytest.MonkeyPatch
) -> None:
    world.register("1.0.0", weights=save({}))

    class Full:
        free = 64 << 20

    monkeypatch.setattr("shutil.disk_usage", lambda _: Full())
    answer = inspect()
    assert (answer["outcome"], "inspect.scanner.room" in answer["detail"]) == ("blocked", True)


def test_a_scanner_that_is_missing_blocks(
    world: PromotionWorld, inspect: Callable[..., InspectionAnswer], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    world.register("1.0.0", weights=save({}))
    monkeypatch.setenv("PATH", str(tmp_path))
    answer = inspect()
    assert (answer["outcome"], "inspect.scanner.incomplete" in answer["detail"]) == ("blocked", True)
    assert predicate(world)["scanners"] == [{"name": "hayward", "version": "unknown", "complete": False, "files": 0}]


def test_a_blocked_release_is_an_answer(world: PromotionWorld, inspect: Callable[..., InspectionAnswer]) -> None:
    world.register("1.0.0", weights=pickle.dumps(os.system))
    answer = inspect()
    assert answer["outcome"] == "blocked"
    assert answer["detail"] == "1 files are blocked: model.safetensors: inspect.format.pickle"


def test_what_it_cannot_do_is_an_error_in_one_line_without_the_token(
    world: PromotionWorld, inspect: Callable[..., InspectionAnswer], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(RegistryNotFoundError):
        inspect()
    with pytest.raises(InputError):
        inspect({"model": MODEL})
    lines = [json.loads(line) for line in "".join(capsys.readouterr()).splitlines()]
    assert [line["event"] for line in lines] == ["not-inspected", "not-inspected"]
    assert TOKEN not in json.dumps(lines)


@pytest.mark.parametrize(("name", "value"), [("SCANNER", "clamav"), ("SCANNER", ""), ("SCANNER_MIB", "much")])
def test_an_environment_that_names_no_scanner_it_knows_is_refused(
    world: PromotionWorld,
    inspect: Callable[..., InspectionAnswer],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
) -> None:
    monkeypatch.setenv(f"WEIGHBRIDGE_{name}", value)
    with pytest.raises(InputError, match=f"WEIGHBRIDGE_{name}"):
        inspect()
