"""gzip, zlib, xz and bzip2 streams, as joblib writes them around a pickle: only the beginning is unpacked."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable
from typing import Any, Final

BEGINNING: Final = 8 * 2**20  # bytes that are unpacked at most
_MEMORY: Final = 128 * 2**20  # bytes that xz may use

_ZLIB: Final = tuple(bytes((0x78, level)) for level in (0x01, 0x5E, 0x9C, 0xDA))
_UNPACKERS: Final[tuple[tuple[tuple[bytes, ...], Callable[[], Any]], ...]] = (
    ((b"\x1f\x8b",), lambda: zlib.decompressobj(31)),
    (_ZLIB, zlib.decompressobj),
    ((b"BZh",), bz2.BZ2Decompressor),
    ((b"\xfd7zXZ\x00", b"\x5d\x00\x00"), lambda: lzma.LZMADecompressor(memlimit=_MEMORY)),
)
_MOST_STREAMS: Final = 16  # empty ones, before the first that is not
# What can hold anything and is not looked into; no framework needs it in a model. A tar archive is known by its byte 257.
_CLOSED: Final = (
    (0, b"\x04\x22\x4d\x18", "compressed with lz4"),
    (0, b"\x28\xb5\x2f\xfd", "compressed with zstd"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (0, b"Rar!\x1a\x07", "a rar archive"),
    (257, b"ustar", "a tar archive"),
)


def is_packed(head: bytes) -> bool:
    """Whether a file's first bytes are those of a stream that can be unpacked."""
    return any(head.startswith(magics) for magics, _ in _UNPACKERS)


def unpack(packed: bytes) -> bytes | None:
    """The beginning of what a compressed stream holds; None when it is none, or damaged from its beginning.

    Args:
        packed: the stream, or its first bytes.
    """
    for magics, unpacker in _UNPACKERS:
        for _ in range(_MOST_STREAMS):
            if not packed.startswith(magics):
                break
            stream = unpacker()
            try:
                content: bytes = stream.decompress(packed, BEGINNING)
            except (zlib.error, OSError, ValueError, EOFError, lzma.LZMAError, MemoryError):
                return None
            if content:
                return content
            packed = stream.unused_data
    return None


def closed(head: bytes) -> str:
    """What kind of container it is that is not looked into, or an empty text.

    Args:
        head: its first bytes.
    """
    return next((kind for place, magic, kind in _CLOSED if head.startswith(magic, place)), "")
