"""Objects as YAML for people: keys in the order in which they were made, and no text that any reader could take for else.

YAML's versions, and their readers, disagree about texts such as `yes`, `1e3`, `0o7` or `12:30:45`. Whatever is not plainly a word
stands in double quotes, which all of them read alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

_WORD: Final = re.compile(r"[A-Za-z_/]([A-Za-z0-9_./:@=-]*[A-Za-z0-9_/])?")
# What some reader takes for a truth value, a number or nothing.
_NO_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf", "infinity"})
_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}


def text(value: Mapping[str, Any]) -> str:
    """An object as YAML.

    Args:
        value: of mappings, lists, texts, whole numbers and truth values, as JSON has them; keys are short, as all of
            Kubernetes are.
    """
    return "".join(f"{line}\n" for line in _mapping(value))


def scalar(value: object) -> str:
    """A text, number or truth value as it stands in YAML."""
    match value:
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case str():
            plain = _WORD.fullmatch(value) is not None and value.lower() not in _NO_WORDS
            return value if plain else f'"{"".join(map(_escaped, value))}"'
    raise TypeError(f"{value!r} is nothing that our objects hold")


def _mapping(value: Mapping[str, Any]) -> Iterator[str]:
    for key, each in value.items():
        if isinstance(each, Mapping) and each:
            yield f"{scalar(key)}:"
            yield from (f"  {line}" for line in _mapping(each))
        elif isinstance(each, list | tuple) and each:
            yield f"{scalar(key)}:"
            yield from (f"  {line}" for line in _list(each))
        else:
            yield f"{scalar(key)}: {_short(each)}"


def _list(values: list[Any] | tuple[Any, ...]) -> Iterator[str]:
    for each in values:
        if isinstance(each, list | tuple) and each:
            raise TypeError("our objects hold no lists of lists")
        lines = _mapping(each) if isinstance(each, Mapping) and each else iter([_short(each)])
        yield f"- {next(lines)}"
        yield from (f"  {line}" for line in lines)


def _short(value: object) -> str:
    if isinstance(value, Mapping):
        return "{}"
    return "[]" if isinstance(value, list | tuple) else scalar(value)


def _escaped(character: str) -> str:
    """A character in double quotes. All of YAML's versions agree about ASCII only."""
    if character in _ESCAPES:
        return _ESCAPES[character]
    code = ord(character)
    if 32 <= code < 127:
        return character
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
