"""Values as Groovy literals, so that nothing from a configuration can become code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from jenkins_ml.errors import UsageError

_ESCAPES: Final = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
_END_OF_FILE: Final = "\uffff"  # to Groovy's lexer, also where it is escaped


class Code(str):
    """Text that is Groovy already; everything else is a value."""

    __slots__ = ()

    def __html__(self) -> str:
        # What Jinja asks of text that must not be escaped: macros and filters then hand it on as it is.
        return str(self)


def literal(value: object) -> str:
    """The Groovy literal of a text (single-quoted: nothing is interpolated), a boolean, a whole number, or a list or map of these.

    `Code` stays as it is. The result is ASCII on one line: Jenkins may read a Jenkinsfile in any character set.

    Raises:
        TypeError: there is no literal for it.
        UsageError: a text has U+FFFF, which no Groovy file can hold.
    """
    match value:
        case Code():
            return str(value)
        case str():
            return f"'{''.join(_escape(character) for character in value)}'"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case list() | tuple():
            return f"[{', '.join(literal(item) for item in value)}]"
        case Mapping():
            return f"[{', '.join(f'{_key(key)}: {literal(item)}' for key, item in value.items()) or ':'}]"
    raise TypeError(f"{value!r} has no Groovy literal")


def arguments(values: Mapping[str, object]) -> Code:
    """Named arguments of a call: `a: 1, b: 'x'`."""
    return Code(", ".join(f"{_key(key)}: {literal(value)}" for key, value in values.items()))


def _key(key: str) -> str:
    return key if key.isidentifier() and key.isascii() else literal(key)


def _escape(character: str) -> str:
    if character == _END_OF_FILE:
        raise UsageError(
            "U+FFFF, which is no character, cannot stand in a Jenkinsfile: Groovy takes it for the end of the file",
            "take it out of jenkins-ml.yaml (there it may be written \\uFFFF)",
        )
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isascii() and character.isprintable():
        return character
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[index]:02x}{units[index + 1]:02x}" for index in range(0, len(units), 2))
