"""Explicit names of AWS resources, where both sides of a reference have to know them: the same for the same parts."""

from __future__ import annotations

import hashlib
import re

ENDPOINT_NAME_LIMIT = 63
ROLE_NAME_LIMIT = 64


def slug(name: str) -> str:
    """Return `name` with only letters, digits and inner '-': distinct names stay distinct."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")
    return plain if plain == name else f"{plain}-{_short_digest(name)}".strip("-")


def resource_name(*parts: str, limit: int = ENDPOINT_NAME_LIMIT) -> str:
    """Join the parts with '-' into a name of at most `limit` characters, the same for the same parts.

    The result matches SageMaker's rule for endpoint names: letters, digits, and hyphens between them. What does not fit is
    cut and made distinct again by eight hex digits of a SHA-256.
    """
    joined = "-".join(slug(part) for part in parts)
    if len(joined) <= limit:
        return joined
    return f"{joined[: limit - 9].rstrip('-')}-{_short_digest('/'.join(parts))}"


def _short_digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
