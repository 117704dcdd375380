"""Impact: what a dataset, base model or release touched, through every release that was made from it."""

from __future__ import annotations

import pytest
from lineage_world import REVISION, graph, promotion, release

from weighbridge.errors import InputError
from weighbridge.lineage import Impact, Suspect, impact
from weighbridge.names import Digest

BASE = release("base", base="org/base", datasets=["clean"])
POISONED = release("poisoned", base="org/base", datasets=["clean", "bad"])
ADAPTER = release("adapter", weights=["adapter"], parameters={"base_release": str(POISONED.digest)})
MERGED = release("merged", weights=["adapter", "more"])
DISTILLED = release("distilled", datasets=["adapter"])
APART = release("apart", base="org/other", datasets=["clean"])
ALL = graph(
    BASE, POISONED, ADAPTER, MERGED, DISTILLED, APART,
    promotions=[promotion(POISONED, channel="dev"), promotion(ADAPTER, channel="dev"), promotion(ADAPTER, channel="prod")],
)  # fmt: skip


def names(found: Impact) -> list[str]:
    return [item.release.name for item in found.touched]


def test_a_dataset_touches_what_was_made_from_it_and_from_that() -> None:
    found = impact(ALL, Suspect(dataset=str(Digest.of(b"bad"))))
    assert names(found) == ["adapter", "distilled", "merged", "poisoned"]
    why = {item.release.name: item.why for item in found.touched}
    assert why["poisoned"].startswith("dataset bad")
    assert why["adapter"] == "made from poisoned:1.0.0 (base release)"
    assert why["merged"] == "made from adapter:1.0.0 (same weights)"
    assert why["distilled"] == "made from adapter:1.0.0 (dataset)"
    merged = next(item for item in found.touched if item.release.name == "merged")
    assert merged.via == (POISONED.digest, ADAPTER.digest)
    assert found.channels == ("dev", "prod")


@pytest.mark.parametrize("spelling", ["bad", Digest.of(b"bad").hex, str(Digest.of(b"bad"))])
def test_a_dataset_is_named_by_digest_or_name(spelling: str) -> None:
    assert "poisoned" in names(impact(ALL, Suspect(dataset=spelling)))


@pytest.mark.parametrize("spelling", ["org/base", "Org/Base", f"org/base@{REVISION}"])
def test_a_base_model_touches_all_that_was_made_from_it(spelling: str) -> None:
    assert names(impact(ALL, Suspect(base_model=spelling))) == ["adapter", "base", "distilled", "merged", "poisoned"]


def test_another_revision_or_a_longer_name_touches_nothing() -> None:
    assert names(impact(ALL, Suspect(base_model="org/base@" + "b" * 40))) == []
    assert names(impact(ALL, Suspect(base_model="org/bas"))) == []


def test_a_release_touches_itself_and_what_was_made_from_it() -> None:
    assert names(impact(ALL, Suspect(release=ADAPTER.digest))) == ["adapter", "distilled", "merged"]
    assert names(impact(ALL, Suspect(release=APART.digest))) == ["apart"]
    assert names(impact(ALL, Suspect(release=Digest.of(b"unknown")))) == []


def test_releases_that_share_a_base_file_and_not_each_others_weights_are_apart() -> None:
    one, two = release("one", weights=["shared", "1"], datasets=["bad"]), release("two", weights=["shared", "2"])
    plain = release("plain", weights=["shared"])
    found = impact(graph(one, two, plain), Suspect(dataset="bad"))
    assert names(found) == ["one"]
    assert names(impact(graph(one, two, plain), Suspect(release=plain.digest))) == ["one", "plain", "two"]


def test_the_same_weights_under_another_version_are_touched() -> None:
    first = release("minilm", weights=["w"], datasets=["bad"])
    again = release("minilm", version="1.0.1", weights=["w"])
    assert len(impact(graph(first, again), Suspect(dataset="bad")).touched) == 2


def test_circles_end() -> None:
    one = release("one", weights=["w"], datasets=["bad"])
    two = release("two", weights=["w"], parameters={"base_release": str(one.digest)})
    assert names(impact(graph(one, two), Suspect(release=two.digest))) == ["one", "two"]


def test_what_could_not_be_read_is_said() -> None:
    assert impact(graph(failures=["channel prod: away"]), Suspect(dataset="bad")).failures == ("channel prod: away",)


def test_one_suspect_is_asked_for() -> None:
    with pytest.raises(InputError, match="give one of"):
        Suspect()
    with pytest.raises(InputError, match="give one of"):
        Suspect(dataset="bad", base_model="org/base")
