"""Explicit names fit SageMaker's rule, and distinct parts give distinct names."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings, strategies

from weighbridge_cdk import resource_name

ENDPOINT = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
MODEL = strategies.from_regex(r"[A-Za-z0-9_-]{1,12}(\.[A-Za-z0-9_-]{1,12}){0,3}", fullmatch=True)


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (("weighbridge", "prod", "minilm"), "weighbridge-prod-minilm"),
        (("weighbridge", "prod", "llama-3.1_8b"), "weighbridge-prod-llama-3-1-8b-c25484d6"),
    ],
)
def test_names_stay_as_they_are_once_given(parts: tuple[str, ...], name: str) -> None:
    assert resource_name(*parts) == name


@given(first=MODEL, second=MODEL)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_names_are_legal_and_distinct(first: str, second: str) -> None:
    names = [resource_name("weighbridge", "staging-europe", model) for model in (first, second)]
    assert all(ENDPOINT.fullmatch(name) for name in names)
    assert (names[0] == names[1]) == (first == second)
