"""The section `registry.setup`: read strictly, with defaults where it is absent."""

from __future__ import annotations

import pytest

from weighbridge.canonical import Json
from weighbridge.errors import SettingsError
from weighbridge.settings.section import Section
from weighbridge.settings.setup import IdentitySettings, SetupSettings, WebhookSettings, read_setup

ROLE = "arn:aws:iam::111111111111:role/reader"


def section(values: dict[str, Json]) -> Section:
    return Section(file="dev.yaml", path="registry.setup", values=values)


def test_what_is_absent_has_defaults() -> None:
    assert read_setup(None) == read_setup(section({})) == SetupSettings()


def test_identities_are_read() -> None:
    found = read_setup(section({"identities": {"reader": {"users": ["r"], "groups": ["g"], "iam_role": ROLE}}}))
    assert found.identities == {"reader": IdentitySettings(users=("r",), groups=("g",), iam_role=ROLE)}


def test_webhooks_are_read() -> None:
    hook: dict[str, Json] = {"name": "catalogue", "url": "https://hooks.example.com/a?b=c", "secret_id": "w"}
    other: dict[str, Json] = {**hook, "name": "other", "events": ["moved"]}
    assert read_setup(section({"webhooks": [hook, other]})).webhooks == (
        WebhookSettings("catalogue", "https://hooks.example.com/a?b=c", "w", ("deployed", "copied")),
        WebhookSettings("other", "https://hooks.example.com/a?b=c", "w", ("moved",)),
    )


HOOK: dict[str, Json] = {"name": "catalogue", "url": "https://hooks.example.com", "secret_id": "w"}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"webhook": "x"}, "registry.setup.webhook: unknown key"),
        ({"identities": {"owner": {"users": ["o"]}}}, "registry.setup.identities.owner: unknown key"),
        ({"webhooks": [HOOK, HOOK]}, r"webhooks\[1\]\.name: 'catalogue' is written twice"),
        ({"webhooks": [{**HOOK, "url": "http://hooks.example.com"}]}, r"webhooks\[0\]\.url: .* is not an https URL"),
        ({"webhooks": [{**HOOK, "url": "https://u:p@hooks.example.com"}]}, r"webhooks\[0\]\.url: .* without a user"),
        ({"webhooks": [{**HOOK, "events": ["promoted"]}]}, r"webhooks\[0\]\.events\[0\]: 'promoted' is not one of"),
        ({"webhooks": [{**HOOK, "secret": "value"}]}, r"webhooks\[0\]\.secret: unknown key"),
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
