"""Copies inside the registry and properties."""

from __future__ import annotations

import json

import pytest
from contract_target import Place

from weighbridge.errors import RegistryConflictError, RegistryNotFoundError
from weighbridge.registry import Location


def test_a_file_is_copied_to_an_explicit_target(place: Place) -> None:
    target = place.target
    source = Location(target.models, place.put("1/weights", b"weights", repository=target.models))
    goal = Location(target.copies, place.at("1/weights"))
    copied = target.client().copy_file(source=source, target=goal)
    assert (copied.repository, copied.path, copied.size) == (target.copies, place.at("1/weights"), 7)
    assert target.client().read(repository=target.copies, path=goal.path, limit=10) == b"weights"
    assert target.client().copy_file(source=source, target=goal) == copied


def test_a_copy_never_replaces_other_bytes(place: Place) -> None:
    target = place.target
    source = Location(target.models, place.put("1/weights", b"weights", repository=target.models))
    goal = Location(target.copies, place.put("1/weights", b"others", repository=target.copies))
    with pytest.raises(RegistryConflictError, match="never replaced"):
        target.client().copy_file(source=source, target=goal)
    assert target.client().read(repository=target.copies, path=goal.path, limit=10) == b"others"


def test_copying_what_is_missing_is_404(place: Place) -> None:
    target = place.target
    missing, goal = Location(target.models, place.at("no")), Location(target.copies, place.at("no"))
    with pytest.raises(RegistryNotFoundError):
        target.client().copy_file(source=missing, target=goal)
    path = f"api/copy/{target.models}/{missing.path}?to=/{goal}"
    assert target.send("POST", path).status_code == 404


def test_a_folder_is_nested_under_a_target_that_exists(place: Place) -> None:
    target = place.target
    place.put("v1/weights", b"weights", repository=target.models)
    path = f"api/copy/{target.models}/{place.at('v1')}?to=/{target.copies}/{place.at('v1')}&suppressLayouts=1"
    for _ in range(2):
        answer = target.send("POST", path)
        assert answer.status_code == 200
        assert {message["level"].upper() for message in answer.json()["messages"]} == {"INFO"}
    found = target.client().listing(repository=target.copies, path=place.at("v1"))
    assert [file.path for file in found] == [place.at("v1/v1/weights"), place.at("v1/weights")]


def test_a_dry_run_copies_nothing(place: Place) -> None:
    target, path = place.target, place.put("f", b"x", repository=place.target.models)
    answer = target.send("POST", f"api/copy/{target.models}/{path}?to=/{target.copies}/{path}&dry=1")
    assert answer.status_code == 200
    with pytest.raises(RegistryNotFoundError):
        target.client().info(repository=target.copies, path=path)


def test_properties_are_set_changed_and_removed(place: Place) -> None:
    client, where = place.target.client(), {"repository": place.target.generic, "path": place.put("file", b"x")}
    assert client.properties(**where) == {}
    client.set_properties(**where, properties={"weighbridge.release": "sha256:ab", "stage": "dev"})
    client.set_properties(**where, properties={"stage": "prod, and more; a=b", "absent": None})
    assert client.properties(**where) == {
        "weighbridge.release": ("sha256:ab",),
        "stage": ("prod, and more; a=b",),
    }
    client.set_properties(**where, properties={"stage": None, "weighbridge.release": None})
    assert client.properties(**where) == {}


def test_properties_of_a_folder_stay_with_the_folder(place: Place) -> None:
    client, repository = place.target.client(), place.target.generic
    path = place.put("folder/file", b"x")
    client.set_properties(repository=repository, path=place.at("folder"), properties={"stage": "dev"})
    assert client.properties(repository=repository, path=place.at("folder")) == {"stage": ("dev",)}
    assert client.properties(repository=repository, path=path) == {}


def test_a_patch_without_the_switch_reaches_what_lies_below(place: Place) -> None:
    path = place.put("folder/file", b"x")
    answer = place.target.send(
        "PATCH",
        f"api/metadata/{place.target.generic}/{place.at('folder')}",
        data=json.dumps({"props": {"stage": "dev"}}).encode(),
        Content_Type="application/json",
    )
    assert answer.status_code == 204
    found = place.target.client().properties(repository=place.target.generic, path=path)
    assert found == {"stage": ("dev",)}


def test_properties_in_a_url_are_escaped_with_a_backslash(place: Place) -> None:
    path = place.put("file", b"x")
    url = f"api/storage/{place.target.generic}/{path}?properties=list=a,b;text=x%5C,y%5C=z&recursive=0"
    assert place.target.send("PUT", url).status_code == 204
    found = place.target.client().properties(repository=place.target.generic, path=path)
    assert {name: sorted(values) for name, values in found.items()} == {"list": ["a", "b"], "text": ["x,y=z"]}
    gone = f"api/storage/{place.target.generic}/{path}?properties=list,text"
    assert place.target.send("DELETE", gone).status_code == 204
    assert place.target.client().properties(repository=place.target.generic, path=path) == {}


def test_no_properties_is_404(place: Place) -> None:
    answer = place.target.send("GET", f"api/storage/{place.target.generic}/{place.put('f', b'x')}?properties")
    assert answer.status_code == 404
    assert "propert" in answer.json()["errors"][0]["message"].lower()


def test_a_reader_sets_no_properties(place: Place) -> None:
    path = place.put("file", b"x")
    answer = place.target.send(
        "PATCH",
        f"api/metadata/{place.target.generic}/{path}?recursiveProperties=0",
        token=place.target.reader,
        data=b'{"props": {"stage": "prod"}}',
        Content_Type="application/json",
    )
    assert answer.status_code == 403
    assert place.target.client().properties(repository=place.target.generic, path=path) == {}
