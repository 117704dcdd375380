"""Characters that a reader does not see, or sees in another order than a machine does."""

from __future__ import annotations

import re
from collections.abc import Iterator

from weighbridge.inspection.findings import Finding, shown

# Unicode 15, chapter 23: C0 and C1 but tab and line ends; explicit bidi embeddings, overrides and isolates; format
# characters without a shape; the tag block, which can carry a whole hidden ASCII text; lone surrogates; Hangul fillers.
_CONTROL = re.compile("[\\x00-\\x08\\x0b\\x0e-\\x1f\\x7f\\x80-\\x84\\x86-\\x9f]")
_HIDDEN = re.compile(
    "[\\u061c\\u180e\\u200b\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb\\ud800-\\udfff\\u115f\\u1160\\u3164\\uffa0"
    "\\U000e0000-\\U000e007f\\U000e0100-\\U000e01ef\\U0001d173-\\U0001d17a]"
)
# Joiners and direction marks belong to the spelling of some scripts and of composed emoji; between ASCII signs they hide.
_JOINER = re.compile("(?:(?<=[\\x00-\\u02ff])|^)[\\u200c\\u200d\\u200e\\u200f](?=[\\x00-\\u02ff]|$)")


def control_characters(text: str, *, what: str = "text", base: int | None = 0) -> Iterator[Finding]:
    """Yield one finding for the first control character. `base` is added to the offset; None leaves it out."""
    match = _CONTROL.search(text)
    if match is not None:
        yield _finding("inspect.text.control", match, text, what=what, base=base)


def hidden_characters(text: str, *, what: str = "text", base: int | None = 0) -> Iterator[Finding]:
    """Yield one finding for the first character that hides or reorders text."""
    match = _HIDDEN.search(text) or _JOINER.search(text)
    if match is not None:
        yield _finding("inspect.text.hidden", match, text, what=what, base=base)


def unclean(text: str, *, what: str) -> Iterator[Finding]:
    """Yield findings for a short text inside another file, without offsets."""
    yield from control_characters(text, what=what, base=None)
    yield from hidden_characters(text, what=what, base=None)


def _finding(rule: str, match: re.Match[str], text: str, *, what: str, base: int | None) -> Finding:
    offset = None if base is None else base + len(text[: match.start()].encode("utf-8", "surrogatepass"))
    return Finding(rule=rule, reason=f"{what} holds U+{ord(match[0]):04X} ({shown(match[0])})", offset=offset)
