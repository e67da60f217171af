"""The wire format of protocol buffers, read without any message definitions and without copying what nobody asks for.

Format: https://protobuf.dev/programming-guides/encoding/. Groups, which none of the messages read here has, count as
damage.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from typing import Final

from jenkins_ml.adapters.artefact_scan.findings import Unreadable

Data = bytes | mmap.mmap
VARINT: Final = 0
LENGTH: Final = 2
_FIXED: Final = {1: 8, 5: 4}
_DAMAGED: Final = "is not what a protocol buffer looks like"


def fields(data: Data, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """The fields of the message in data[start:end], in order.

    Yields:
        the field's number, its wire type, and where its content starts and ends.

    Raises:
        Unreadable: it is damaged.
    """
    position = start
    while position < end:
        tag = data[position]
        position += 1
        if tag >= 0x80:
            tag, position = varint(data, position - 1, end)
        number, wire_type = tag >> 3, tag & 7
        if not 0 < number < 1 << 29:
            raise Unreadable(_DAMAGED)
        if wire_type == LENGTH:
            if position < end and data[position] < 0x80:
                size, position = data[position], position + 1
            else:
                size, position = varint(data, position, end)
            stop = position + size
        elif wire_type == VARINT:
            stop = varint(data, position, end)[1]
        elif wire_type in _FIXED:
            stop = position + _FIXED[wire_type]
        else:
            raise Unreadable(_DAMAGED)
        if stop > end:
            raise Unreadable("ends too early")
        yield number, wire_type, position, stop
        position = stop


def varint(data: Data, position: int, end: int) -> tuple[int, int]:
    """The number that starts at `position`, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= end:
            raise Unreadable("ends too early")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise Unreadable(_DAMAGED)


def messages(data: Data, start: int, end: int, wanted: int) -> Iterator[tuple[int, int]]:
    """Where the content of each field `wanted` of a message starts and ends."""
    for number, wire_type, begin, stop in fields(data, start, end):
        if number == wanted and wire_type == LENGTH:
            yield begin, stop


def texts(data: Data, start: int, end: int, wanted: int) -> Iterator[str]:
    """The texts in the fields `wanted` of a message."""
    return (text(data, *place) for place in messages(data, start, end, wanted))


def last_text(data: Data, start: int, end: int, wanted: int) -> str:
    """The text that a parser takes where a field may stand once: the last; empty where there is none."""
    found = ""
    for found in texts(data, start, end, wanted):  # noqa: B007 - only the last counts
        pass
    return found


def text(data: Data, start: int, end: int) -> str:
    """The text in data[start:end]; what is not UTF-8 becomes U+FFFD."""
    return data[start:end].decode("utf-8", "replace")


def integers(data: Data, start: int, end: int, wanted: int) -> Iterator[int]:
    """The integers in the repeated field `wanted` of a message, packed or not."""
    for number, wire_type, begin, stop in fields(data, start, end):
        if number != wanted:
            continue
        if wire_type == VARINT:
            yield varint(data, begin, stop)[0]
        elif wire_type == LENGTH:
            while begin < stop:
                value, begin = varint(data, begin, stop)
                yield value
