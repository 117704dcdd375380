"""AQL, search by checksum, and what the registry says of itself."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from contract_target import Place, Target


def find(place: Place, query: str, *, token: str | None = None) -> dict[str, Any]:
    answer = place.target.send("POST", "api/search/aql", token=token, data=query.encode(), Content_Type="text/plain")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def criteria(place: Place, **more: object) -> str:
    return json.dumps({"repo": place.target.generic, "path": {"$match": f"{place.folder}*"}, **more})


def test_files_are_found_by_path_and_name(place: Place) -> None:
    for name in ("a.bin", "b.bin", "c.txt"):
        place.put(f"sub/{name}", name.encode())
    query = f'items.find({criteria(place, name={"$match": "*.bin"})}).include("repo","path","name","size","sha256")'
    found = find(place, query)
    rows = sorted(found["results"], key=lambda row: row["name"])
    assert [row["name"] for row in rows] == ["a.bin", "b.bin"]
    assert rows[0]["path"] == place.at("sub")
    assert rows[0]["sha256"] == hashlib.sha256(b"a.bin").hexdigest()
    assert int(rows[0]["size"]) == 5
    assert found["range"]["total"] == 2


def test_files_are_found_by_digest_and_by_alternatives(place: Place) -> None:
    for name in ("a", "b", "c"):
        place.put(name, name.encode() + place.folder.encode())
    digest = hashlib.sha256(b"b" + place.folder.encode()).hexdigest()
    alternatives = {"$or": [{"sha256": {"$eq": digest}}, {"name": "c"}]}
    query = f'items.find({criteria(place, **alternatives)}).include("repo","path","name","sha256")'
    assert sorted(row["name"] for row in find(place, query)["results"]) == ["b", "c"]


def test_files_are_found_by_property(place: Place) -> None:
    client = place.target.client()
    for name in ("yes", "no"):
        path = place.put(name, name.encode())
        client.set_properties(repository=place.target.generic, path=path, properties={"promotion.stage": name})
    query = f'items.find({criteria(place, **{"@promotion.stage": "yes"})}).include("repo","path","name","property")'
    [row] = find(place, query)["results"]
    assert row["name"] == "yes"
    assert {"key": "promotion.stage", "value": "yes"} in row["properties"]


def test_rows_are_sorted_and_cut(place: Place) -> None:
    for name in ("a", "b", "c", "d"):
        place.put(name, name.encode())
    query = f'items.find({criteria(place)}).include("repo","path","name").sort({{"$desc":["name"]}}).offset(1).limit(2)'
    found = find(place, query)
    assert [row["name"] for row in found["results"]] == ["c", "b"]
    assert found["range"]["total"] == 2


def test_who_is_no_admin_must_include_repo_path_and_name(place: Place) -> None:
    place.put("a", b"a")
    refused = place.target.send(
        "POST",
        "api/search/aql",
        token=place.target.reader,
        data=f'items.find({criteria(place)}).include("name")'.encode(),
        Content_Type="text/plain",
    )
    assert refused.status_code in (400, 403)
    query = f'items.find({criteria(place)}).include("repo","path","name")'
    assert [row["name"] for row in find(place, query, token=place.target.reader)["results"]] == ["a"]


def test_a_query_that_is_not_understood_is_400(target: Target) -> None:
    for query in (b"items.find(", b"items.fnd({})", b'items.find({"nosuchfield":"x"})'):
        assert target.send("POST", "api/search/aql", data=query, Content_Type="text/plain").status_code == 400


def test_a_checksum_is_found_where_it_lies(place: Place) -> None:
    data = place.folder.encode()
    path = place.put("file", data)
    query = f"api/search/checksum?sha256={hashlib.sha256(data).hexdigest()}&repos={place.target.generic}"
    [result] = place.target.send("GET", query).json()["results"]
    assert result["uri"].endswith(f"/api/storage/{place.target.generic}/{path}")


def test_the_registry_is_up_and_says_its_version(target: Target) -> None:
    target.client().ping()
    major, minor, *_ = target.send("GET", "api/system/version").json()["version"].split(".")
    assert (int(major), int(minor)) >= (7, 84)


@pytest.mark.parametrize(("attribute", "kind"), [("generic", "generic"), ("models", "machinelearning")])
def test_a_repository_says_its_type(target: Target, attribute: str, kind: str) -> None:
    assert target.client(target.reader).repository_type(repository=getattr(target, attribute)) == kind
    listed = target.send("GET", "api/repositories?type=local").json()
    assert getattr(target, attribute) in [entry["key"] for entry in listed]
