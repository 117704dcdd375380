"""The body of POST /invocations: parsed strictly, with limits, into texts."""

from __future__ import annotations

import json

from weighbridge.errors import InputError

BODY_LIMIT = 6 * 1024 * 1024
TEXTS_LIMIT = 1024
CHARACTERS_LIMIT = 100_000


def parse_texts(body: bytes) -> list[str]:
    """Read `{"inputs": ["text", ...]}`.

    Raises:
        InputError: rule `input.invocation`, one line that names what is wrong.
    """
    if len(body) > BODY_LIMIT:
        raise _wrong(f"the body has {len(body)} bytes, at most {BODY_LIMIT} are taken")
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _wrong("the body is not JSON") from error
    texts = value.get("inputs") if isinstance(value, dict) else None
    if not isinstance(texts, list):
        raise _wrong('the body must be {"inputs": ["text", ...]}')
    if set(value) != {"inputs"}:
        raise _wrong(f"unknown field {sorted(set(value) - {'inputs'})[0]!r}: only 'inputs' is known")
    if not 1 <= len(texts) <= TEXTS_LIMIT:
        raise _wrong(f"inputs: {len(texts)} texts, 1 to {TEXTS_LIMIT} are taken at once")
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            raise _wrong(f"inputs[{index}]: not a text")
        if not text.strip() or len(text) > CHARACTERS_LIMIT or not _encodable(text):
            raise _wrong(f"inputs[{index}]: must be readable text of 1 to {CHARACTERS_LIMIT} characters")
    return texts


def _encodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _wrong(message: str) -> InputError:
    return InputError(message, rule="input.invocation")
