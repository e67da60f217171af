"""How text from outside and numbers are written, the same in every report."""

from __future__ import annotations

import re
from typing import Final

from jenkins_ml.records import Number

NOTHING: Final = "-"
REPLACEMENT: Final = "\ufffd"
NAME: Final = 80  # characters of a name from outside, such as a slice's value, where space is short
# What XML 1.0 forbids, the other control characters (a terminal obeys them), the marks that turn the direction of text.
_UNPRINTABLE: Final = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)


def printable(text: str) -> str:
    """The text with U+FFFD for each character that no document may hold or that would act on a terminal."""
    return _UNPRINTABLE.sub(REPLACEMENT, text)


def one_line(text: str, limit: int | None = None) -> str:
    """The text in one printable line, cut to `limit` characters, the last one an ellipsis."""
    line = " ".join(printable(text).split())
    return line if limit is None or len(line) <= limit else line[: limit - 1] + "\u2026"


def number(value: Number, digits: int = 6) -> str:
    """A number with its significant digits; "-" where there is none."""
    return NOTHING if value is None else f"{value + 0.0:.{digits}g}"  # + 0.0 takes the sign off a zero


def interval(low: Number, high: Number) -> str:
    """An interval, one-sided where only one end is known; "-" where the point value decided."""
    if low is not None and high is not None:
        return f"{number(low)} to {number(high)}"
    if low is not None:
        return f"at least {number(low)}"
    if high is not None:
        return f"at most {number(high)}"
    return NOTHING


def counted(count: int, what: str) -> str:
    """So many of something, whose plural takes an s."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"
