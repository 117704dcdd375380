"""A parsed document: what JSON and YAML have in common."""

from __future__ import annotations

Tree = None | bool | int | float | str | list["Tree"] | dict[str, "Tree"]
