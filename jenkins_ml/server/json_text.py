"""How JSON values are written: strings, decimals, and the excerpt of a request that an error message shows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

INDENT: Final = "    "
_EXCERPT_BYTES: Final = 256
_NAMES: Final = {None: "null", True: "true", False: "false"}
_ESCAPED: Final = str.maketrans(
    {chr(code): f"\\u{code:04X}" for code in range(32)}
    | {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
)


def quote(text: str) -> str:
    """A JSON string; UTF-8 and "/" stay as they are."""
    return f'"{text.translate(_ESCAPED)}"'


def to_bytes(text: str) -> bytes:
    """UTF-8; bytes that were kept as surrogate escapes come out as they came in."""
    return text.encode("utf-8", "surrogateescape")


def error_body(message: str) -> bytes:
    """The body of every error."""
    return f'{{\n{INDENT}"error": {quote(message)}\n}}'.encode("utf-8", "backslashreplace")


def decimals(values: np.ndarray[Any, np.dtype[Any]]) -> list[str]:
    """Each number of a float32 or float64 array, in six digits where they suffice, else in as many as it needs.

    Six digits are those of "%.6g"; when they do not read back as the number, 9 digits (float32) or 17 (float64) do.
    Whole numbers get ".0", so that a reader can tell the type of a list from any of its numbers.
    """
    full = "%.9g" if values.dtype == np.float32 else "%.17g"
    numbers = values.ravel().tolist()
    texts = [f"{number:.6g}" for number in numbers]
    with np.errstate(over="ignore"):
        back = np.array(list(map(float, texts))).astype(values.dtype)
    for index in np.flatnonzero(back != values.ravel()):
        texts[index] = full % numbers[index]
    return [_decimal(text, number) for text, number in zip(texts, numbers, strict=True)]


def _decimal(text: str, number: float) -> str:
    if "." in text or "e" in text:
        return text
    if math.isfinite(number):
        return text + ".0"
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"


def excerpt(value: Any) -> str:
    """A value as an error message shows it: pretty-printed, cut after 256 bytes."""
    text = ""
    for part in _pretty(value, "\n"):
        text += part
        if len(text) > _EXCERPT_BYTES:
            break
    return to_bytes(text)[:_EXCERPT_BYTES].decode("utf-8", "ignore")


def _pretty(value: Any, line: str) -> Iterator[str]:
    """Parts of the pretty-printed text, so that a caller need not take all of a long one."""
    inner = line + INDENT
    if isinstance(value, dict) and value:
        for index, (key, item) in enumerate(value.items()):
            yield ("," if index else "{") + inner + quote(key) + ": "
            yield from _pretty(item, inner)
        yield line + "}"
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield ("," if index else "[") + inner
            yield from _pretty(item, inner)
        yield line + "]"
    elif isinstance(value, float):
        single = abs(value) <= float(np.finfo(np.float32).max)
        yield decimals(np.array([value], np.float32 if single else np.float64))[0]
    elif isinstance(value, str):
        yield quote(value[:_EXCERPT_BYTES])
    else:
        yield _NAMES[value] if value is None or isinstance(value, bool) else str(value)
