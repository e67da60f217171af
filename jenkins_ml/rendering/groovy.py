"""Values as Groovy literals, so that nothing from a configuration can become code."""

from __future__ import annotations

from typing import Final

_ESCAPES: Final = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}


class Code(str):
    """Text that is Groovy already; everything else is a value."""

    __slots__ = ()


def literal(value: object) -> str:
    """The Groovy literal of a text (single-quoted: nothing is interpolated) or a whole number; `Code` as it is.

    The result is ASCII on one line: Jenkins may read a Jenkinsfile in any character set.

    Raises:
        TypeError: the value is neither.
    """
    match value:
        case Code():
            return str(value)
        case str():
            return f"'{''.join(_escape(character) for character in value)}'"
        case int() if not isinstance(value, bool):
            return str(value)
    raise TypeError(f"{value!r} has no Groovy literal")


def _escape(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isascii() and character.isprintable():
        return character
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[index]:02x}{units[index + 1]:02x}" for index in range(0, len(units), 2))
