r"""JSON as TensorFlow Serving reads it, that is with RapidJSON and the flags NaN-and-Inf, iterative, stop-when-done.

So NaN, Inf and Infinity are numbers, nesting has no limit, what follows the document is ignored, and of a repeated key
the first counts. Bytes that are not UTF-8 are kept (as surrogate escapes), because strings may carry any bytes.

Python's decoder, written in C, reads nearly every document. What it refuses goes through `_Reader`, which knows
RapidJSON's rules and says where and why in RapidJSON's words. One difference is left: a number above the range of a
double, such as 1e999, is read as infinity instead of being refused.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final, NoReturn

from jenkins_ml.server.status import invalid

_BLANKS: Final = " \t\n\r"
_NUMBER: Final = re.compile(rb"-?(?:0|[1-9][0-9]*)")
_FRACTION: Final = re.compile(rb"[0-9]+")
_EXPONENT: Final = re.compile(rb"[+-]?[0-9]+")
_NOT_FINITE: Final = re.compile(rb"(-?)(?:(NaN)|Inf(?:inity)?)")
_PLAIN: Final = re.compile(rb'[^"\\\x00-\x1f]*')
_SPACE: Final = re.compile(rb"[ \t\n\r]*")
_HEX: Final = re.compile(rb"[0-9a-fA-F]{4}")
_LITERALS: Final = ((b"true", True), (b"false", False), (b"null", None))
_ESCAPES: Final = {
    b'"': '"', b"\\": "\\", b"/": "/", b"b": "\b", b"f": "\f", b"n": "\n", b"r": "\r", b"t": "\t",
}  # fmt: skip


def _first_wins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        value = {}
        for key, item in pairs:
            value.setdefault(key, item)
    return value


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_first_wins)


def parse(body: bytes) -> Any:
    """The value in `body`.

    Raises:
        ServingError: INVALID_ARGUMENT, "JSON Parse error: ... at offset: <byte>".
    """
    if not body:
        raise invalid("JSON Parse error: The document is empty")
    # Lone surrogates are refused by RapidJSON, and would be taken for the escapes of bytes that are not UTF-8.
    if b"\\ud" not in body and b"\\uD" not in body:
        try:
            text = body.decode("utf-8", "surrogateescape").lstrip(_BLANKS)
            return _DECODER.raw_decode(text)[0]
        except (ValueError, RecursionError):
            pass
    return _Reader(body).document()


class _Reader:
    """A reader without recursion that fails with RapidJSON's messages and byte offsets."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 3 if body.startswith(b"\xef\xbb\xbf") else 0

    def document(self) -> Any:
        self._skip()
        if self._at == len(self._body):
            self._fail("The document is empty.")
        root: list[Any] = []
        # Each open container, with the key that waits for its value.
        stack: list[tuple[Any, str | None]] = [(root, None)]
        self._value(stack)
        while len(stack) > 1:
            container, _ = stack[-1]
            self._skip()
            if isinstance(container, dict):
                self._next_member(stack, container)
            else:
                self._next_element(stack, container)
        return root[0]

    def _next_element(self, stack: list[tuple[Any, str | None]], container: list[Any]) -> None:
        if self._take(b"]"):
            stack.pop()
            return
        if container:
            if not self._take(b","):
                self._fail("Missing a comma or ] after an array element.")
            self._skip()
        self._value(stack)

    def _next_member(self, stack: list[tuple[Any, str | None]], container: dict[str, Any]) -> None:
        if self._take(b"}"):
            stack.pop()
            return
        # The key of the last member tells that there was one, even if its value was dropped as a repetition.
        if stack[-1][1] is not None:
            if not self._take(b","):
                self._fail("Missing a comma or } after an object member.")
            self._skip()
        if self._peek() != b'"':
            self._fail("Missing a name for object member.")
        key = self._string()
        self._skip()
        if not self._take(b":"):
            self._fail("Missing a colon after a name of object member.")
        self._skip()
        stack[-1] = (container, key)
        self._value(stack)

    def _value(self, stack: list[tuple[Any, str | None]]) -> None:
        first = self._peek()
        value: Any
        if first == b"[":
            self._at += 1
            value = []
        elif first == b"{":
            self._at += 1
            value = {}
        else:
            value = self._string() if first == b'"' else self._scalar()
        container, key = stack[-1]
        if key is None:
            container.append(value)
        else:
            container.setdefault(key, value)
        if first in (b"[", b"{"):
            stack.append((value, None))

    def _scalar(self) -> Any:
        for text, value in _LITERALS:
            if self._peek() == text[:1]:
                for letter in text:
                    if not self._take(bytes((letter,))):
                        self._fail("Invalid value.")
                return value
        if match := _NOT_FINITE.match(self._body, self._at):
            self._at = match.end()
            number = float("nan" if match[2] else "inf")
            return -number if match[1] else number
        return self._number()

    def _number(self) -> int | float:
        start = self._at
        match = _NUMBER.match(self._body, start)
        if match is None:
            self._take(b"-")
            self._fail("Invalid value.")
        self._at = match.end()
        whole = True
        if self._take(b"."):
            whole = False
            self._digits(_FRACTION, "Miss fraction part in number.")
        if self._take(b"e") or self._take(b"E"):
            whole = False
            self._digits(_EXPONENT, "Miss exponent in number.")
        text = self._body[start : self._at]
        # RapidJSON keeps what no 64-bit integer holds as a double.
        if whole and len(text) <= 20:
            return int(text)
        number = float(text)
        if number in (float("inf"), float("-inf")):
            self._at = start
            self._fail("Number too big to be stored in double.")
        return number

    def _digits(self, pattern: re.Pattern[bytes], message: str) -> None:
        match = pattern.match(self._body, self._at)
        if match is None:
            self._fail(message)
        self._at = match.end()

    def _string(self) -> str:
        self._at += 1
        parts: list[str] = []
        while True:
            match = _PLAIN.match(self._body, self._at)
            assert match is not None  # noqa: S101 - the pattern matches nothing, too
            parts.append(match[0].decode("utf-8", "surrogateescape"))
            self._at = match.end()
            if self._take(b'"'):
                return "".join(parts)
            if self._peek() != b"\\":
                ended = self._at == len(self._body)
                self._fail("Missing a closing quotation mark in string." if ended else "Invalid encoding in string.")
            parts.append(self._escape())

    def _escape(self) -> str:
        start = self._at
        self._at += 1
        letter = self._peek()
        self._at += 1
        if letter in _ESCAPES:
            return _ESCAPES[letter]
        if letter != b"u":
            self._at = start
            self._fail("Invalid escape character in string.")
        point = self._hex(start)
        if 0xD800 <= point <= 0xDFFF:
            low = self._hex(start) if point < 0xDC00 and self._take(b"\\") and self._take(b"u") else 0
            if not 0xDC00 <= low <= 0xDFFF:
                self._at = start
                self._fail("The surrogate pair in string is invalid.")
            point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00)
        return chr(point)

    def _hex(self, start: int) -> int:
        match = _HEX.match(self._body, self._at)
        if match is None:
            self._at = start
            self._fail("Incorrect hex digit after \\u escape in string.")
        self._at = match.end()
        return int(match[0], 16)

    def _skip(self) -> None:
        match = _SPACE.match(self._body, self._at)
        assert match is not None  # noqa: S101 - the pattern matches nothing, too
        self._at = match.end()

    def _peek(self) -> bytes:
        return self._body[self._at : self._at + 1]

    def _take(self, expected: bytes) -> bool:
        if self._peek() != expected:
            return False
        self._at += 1
        return True

    def _fail(self, reason: str) -> NoReturn:
        raise invalid(f"JSON Parse error: {reason} at offset: {self._at}")
