"""The strict parser: one object, one reading of it, and nothing that cannot be written again."""

from __future__ import annotations

import pytest

from weighbridge.canonical import dump, parse_object
from weighbridge.errors import TrustError


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":"\\ud800"}', b'{"a":["x",{"b":"\\uDFFF y"}]}', b'{"\\ud83d":1}', b'{"a":"\\ude00\\ud83d"}',
        b'{"a":1,"a":1}', b'{"a":1.0}', b'{"a":NaN}', b'{"a":"\xff"}', b"[]", b"", b'{"a":' + b"[" * 100_000,
    ],
    ids=["half a pair", "nested half", "half in a key", "pair turned round", "duplicate", "float", "nan", "bytes", "list", "nothing",
         "deep"],
)  # fmt: skip
def test_anything_else_is_refused_by_its_rule(data: bytes) -> None:
    with pytest.raises(TrustError) as refusal:
        parse_object(data, what="record")
    assert refusal.value.rule == "refused.json"


def test_an_escaped_pair_is_the_character() -> None:
    found = parse_object(b'{"a":"\\ud83d\\ude00"}', what="record")
    assert found == {"a": "\N{GRINNING FACE}"}
    assert parse_object(dump(found), what="record") == found
