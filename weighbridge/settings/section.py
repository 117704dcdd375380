"""A typed view of one mapping in a settings file: every refusal is one line that names file, field and fix."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from weighbridge.canonical import Json, JsonObject
from weighbridge.errors import SettingsError

REQUIRED = object()


@dataclass(slots=True)
class Section:
    """One mapping, at `path` within `file`. Read each key once, then call `done()`, or name the keys first with `allow`."""

    file: str
    path: str
    values: JsonObject
    known: list[str] = field(default_factory=list)

    def allow(self, *keys: str) -> None:
        """Refuse any key that is not among `keys`.

        Raises:
            SettingsError: naming the first unknown key and the known ones.
        """
        for key in self.values:
            if key not in keys:
                self.refuse(key, "unknown key", f"remove it, or use one of {', '.join(keys)}")

    def refuse(self, key: str, problem: str, fix: str) -> NoReturn:
        """Raise the SettingsError of `key`."""
        where = ".".join(part for part in (self.path, key) if part)
        raise SettingsError(f"{self.file}: {where}: {problem}: {fix}")

    def has(self, key: str) -> bool:
        """Whether the key is written and not null."""
        return self.values.get(key) is not None

    def text(self, key: str, *, pattern: str, form: str, default: str | None = None) -> str:
        """Return text that matches the regular expression `pattern` entirely; `form` says it in words."""
        value = self._value(key, default=default)
        if not isinstance(value, str):
            self.refuse(key, f"{_show(value)} is not text", f"give {form}, in quotes if it looks like a number")
        return self._match(key, value, pattern=pattern, form=form)

    def optional_text(self, key: str, *, pattern: str, form: str) -> str | None:
        """Return the text, or None when the key is absent or null."""
        return self.text(key, pattern=pattern, form=form) if self.has(key) else None

    def texts(self, key: str, *, pattern: str, form: str, minimum: int = 0) -> tuple[str, ...]:
        """Return a list of distinct texts, at least `minimum` of them; absent means empty."""
        value = self._value(key, default=[] if minimum == 0 else None)
        if isinstance(value, str) or not isinstance(value, Sequence):
            self.refuse(key, f"{_show(value)} is not a list", f"give a list of {form}")
        found: list[str] = []
        for index, item in enumerate(value):
            place = f"{key}[{index}]"
            if not isinstance(item, str):
                self.refuse(place, f"{_show(item)} is not text", f"give {form}")
            if item in found:
                self.refuse(place, f"{item!r} is written twice", "keep one")
            found.append(self._match(place, item, pattern=pattern, form=form))
        if len(found) < minimum:
            self.refuse(key, f"holds {len(found)} entries", f"give at least {minimum}: {form}")
        return tuple(found)

    def words(self, key: str, *, minimum: int = 0) -> tuple[str, ...]:
        """Return a list of printable texts as they are, equal ones too; absent means empty."""
        value = self._value(key, default=[] if minimum == 0 else None)
        if isinstance(value, str) or not isinstance(value, Sequence) or len(value) < minimum:
            self.refuse(key, f"{_show(value)} is not a list of words", "start each word with '- '")
        return tuple(
            Section(self.file, self.path, {f"{key}[{index}]": word}).text(
                f"{key}[{index}]", pattern=r"[ -~]+", form="printable text"
            )
            for index, word in enumerate(value)
        )

    def integer(self, key: str, *, minimum: int, maximum: int, default: int | None = None) -> int:
        """Return a whole number within the bounds, both inclusive."""
        value = self._value(key, default=default)
        if isinstance(value, bool) or not isinstance(value, int):
            self.refuse(key, f"{_show(value)} is not a whole number", f"give {minimum} to {maximum}")
        if not minimum <= value <= maximum:
            self.refuse(key, f"{value} is out of range", f"give {minimum} to {maximum}")
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        """Return true or false."""
        value = self._value(key, default=default)
        if not isinstance(value, bool):
            self.refuse(key, f"{_show(value)} is not a boolean", "give true or false")
        return value

    def choice(self, key: str, *, among: Iterable[str]) -> str | None:
        """Return one of `among`, or None when the key is absent or null."""
        if not self.has(key):
            return None
        options = tuple(among)
        value = self.values[key]
        if value not in options:
            self.refuse(key, f"{_show(value)} is not known", f"give one of {', '.join(options)}")
        return str(value)

    def section(self, key: str) -> Section:
        """Return the mapping under `key`."""
        return self._section(key, self._value(key, default=None))

    def optional_section(self, key: str) -> Section | None:
        """Return the mapping under `key`, or None when the key is absent or null."""
        return self.section(key) if self.has(key) else None

    def sections(self, key: str) -> tuple[Section, ...]:
        """Return the list of mappings under `key`; absent means empty."""
        value = self._value(key, default=[])
        if isinstance(value, str) or not isinstance(value, Sequence):
            self.refuse(key, f"{_show(value)} is not a list", "start each entry with '- '")
        return tuple(self._section(f"{key}[{index}]", item) for index, item in enumerate(value))

    def _section(self, key: str, value: Json) -> Section:
        if not isinstance(value, dict):
            self.refuse(key, f"{_show(value)} is not a mapping", "write 'key: value' lines under it")
        return Section(file=self.file, path=".".join(part for part in (self.path, key) if part), values=value)

    def _value(self, key: str, *, default: Json) -> Json:
        value = self.values.get(key)
        if value is not None:
            return value
        if default is None:
            self.refuse(key, "is missing", "add it, see docs/settings.md")
        return default

    def _match(self, key: str, value: str, *, pattern: str, form: str) -> str:
        if not re.fullmatch(pattern, value):
            self.refuse(key, f"{value!r} is not {form}", f"give {form}")
        return value


def _show(value: Json) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
