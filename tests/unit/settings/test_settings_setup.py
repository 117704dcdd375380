"""The section `registry.setup`: read strictly, with defaults where it is absent."""

from __future__ import annotations

import pytest

from weighbridge.canonical import Json
from weighbridge.errors import SettingsError
from weighbridge.settings.section import Section
from weighbridge.settings.setup import IdentitySettings, SetupSettings, read_setup

ROLE = "arn:aws:iam::111111111111:role/reader"


def section(values: dict[str, Json]) -> Section:
    return Section(file="dev.yaml", path="registry.setup", values=values)


def test_what_is_absent_has_defaults() -> None:
    assert read_setup(None) == read_setup(section({})) == SetupSettings()


def test_identities_are_read() -> None:
    found = read_setup(section({"identities": {"reader": {"users": ["r"], "groups": ["g"], "iam_role": ROLE}}}))
    assert found.identities == {"reader": IdentitySettings(users=("r",), groups=("g",), iam_role=ROLE)}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"webhook": "x"}, "registry.setup.webhook: unknown key"),
        ({"identities": {"owner": {"users": ["o"]}}}, "registry.setup.identities.owner: unknown key"),
        ({"identities": {"reader": {}}}, "registry.setup.identities.reader: names nobody"),
        (
            {"identities": {"reader": {"users": ["r"], "iam_role": "arn:aws:iam::111111111111:role/service-role/r"}}},
            "registry.setup.identities.reader.iam_role: .* without a path",
        ),
        ({"identities": {"reader": {"groups": ["g"], "iam_role": ROLE}}}, "iam_role: is exchanged for a user's token"),
    ],
)
def test_what_is_not_understood_is_refused(values: dict[str, Json], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        read_setup(section(values))
