"""Webhooks: whom Artifactory tells of artifacts. They are hints; nothing of weighbridge decides by one.

Shapes: JFrog Event, /event/api/v1/subscriptions. A secret is written and never told, so that a changed one is not seen: with
`use_secret_for_signing` the header X-JFrog-Event-Auth is HMAC-SHA256 of the body, and the secret itself is not sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from weighbridge.canonical import JsonObject
from weighbridge.errors import InputError
from weighbridge.registry.credentials import SecretsClient
from weighbridge.setup.desired import Webhook
from weighbridge.setup.items import Item, State
from weighbridge.setup.platform import Platform

_KIND = "webhook"


def plan_webhook(platform: Platform, webhook: Webhook, *, secrets: SecretsClient | None) -> Item:
    """Return the item of one webhook; its secret is read from `secrets` when the item is mended."""
    found = platform.subscription(webhook.key)
    if found is None:
        return Item(
            _KIND, webhook.key, State.CREATE, f"nobody is told of what happens; {describe(webhook)}",
            "apply creates it",
            mend=lambda: platform.create_subscription(body_of(webhook, secret=_secret(webhook, secrets))),
        )  # fmt: skip
    differences = compare(found, webhook)
    if not differences:
        return Item(_KIND, webhook.key, State.OK, describe(webhook))
    return Item(
        _KIND, webhook.key, State.CHANGE, "; ".join(differences), "apply sets it back",
        mend=lambda: platform.replace_subscription(body_of(webhook, secret=_secret(webhook, secrets))),
    )  # fmt: skip


def describe(webhook: Webhook) -> str:
    """Return the webhook in words."""
    return f"{', '.join(webhook.events)} in {', '.join(webhook.repositories)} go to {webhook.url}"


def body_of(webhook: Webhook, *, secret: str) -> JsonObject:
    """Return the webhook in the shape of Artifactory's subscriptions."""
    return {
        "key": webhook.key,
        "description": "weighbridge setup",
        "enabled": True,
        "event_filter": {
            "domain": "artifact",
            "event_types": list(webhook.events),
            "criteria": {
                "anyLocal": False,
                "anyRemote": False,
                "anyFederated": False,
                "repoKeys": list(webhook.repositories),
                "includePatterns": [],
                "excludePatterns": [],
            },
        },
        "handlers": [
            {"handler_type": "webhook", "url": webhook.url, "secret": secret, "use_secret_for_signing": True},
        ],
    }


def compare(found: JsonObject, webhook: Webhook) -> list[str]:
    """Return every difference between a subscription and the webhook, in words; empty when they mean the same."""
    filter_, handlers = _mapping(found.get("event_filter")), found.get("handlers")
    criteria = _mapping(filter_.get("criteria"))
    handler = _mapping(handlers[0]) if isinstance(handlers, list) and len(handlers) == 1 else {}
    differences = []
    if found.get("enabled") is not True:
        differences.append("is not enabled")
    if filter_.get("domain") != "artifact":
        differences.append(f"tells of {filter_.get('domain')}, not of artifacts")
    if _texts(filter_.get("event_types")) != set(webhook.events):
        differences.append(f"tells of {_listed(filter_.get('event_types'))}, not of {', '.join(webhook.events)}")
    any_ = any(criteria.get(name) for name in ("anyLocal", "anyRemote", "anyFederated"))
    narrowed = bool(_texts(criteria.get("includePatterns")) | _texts(criteria.get("excludePatterns")))
    if any_ or narrowed or _texts(criteria.get("repoKeys")) != set(webhook.repositories):
        differences.append(f"looks at other paths than all of {', '.join(webhook.repositories)}")
    if handler.get("url") != webhook.url:
        differences.append(f"goes to {handler.get('url', 'several handlers, or none')}, not to {webhook.url}")
    elif handler.get("use_secret_for_signing") is not True:
        differences.append("sends its secret with every event instead of a signature")
    return differences


def _secret(webhook: Webhook, secrets: SecretsClient | None) -> str:
    fix = "put a random text into the secret, and let these credentials read it"
    if secrets is None:
        raise InputError(f"registry.setup.webhooks: the secret {webhook.secret_id!r} cannot be read: {fix}")
    try:
        text = secrets.get_secret_value(SecretId=webhook.secret_id).get("SecretString", "").strip()
    except Exception as error:
        raise InputError(
            f"registry.setup.webhooks: the secret {webhook.secret_id!r} cannot be read ({type(error).__name__}): {fix}"
        ) from error
    if not text or not text.isprintable():
        raise InputError(f"registry.setup.webhooks: the secret {webhook.secret_id!r} holds no line of text: {fix}")
    return text


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _texts(value: object) -> set[str]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        return set()
    return {str(entry) for entry in value}


def _listed(value: object) -> str:
    return ", ".join(sorted(_texts(value))) or "nothing"
