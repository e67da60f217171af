"""NumPy's array files: an array of objects is a pickle behind a header.

Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html.
"""

from __future__ import annotations

import ast
from typing import IO, Any, Final

from jenkins_ml.adapters.artefact_scan.findings import Notes, Unreadable

MAGIC: Final = b"\x93NUMPY"
_LONGEST: Final = 10_000  # characters of a header; NumPy reads no longer ones, either


def judge(stream: IO[bytes], notes: Notes) -> None:
    """Note whether an array file holds objects.

    Args:
        stream: its bytes; read from the start.
        notes: of the file.

    Raises:
        Unreadable: its header is damaged.
    """
    stream.seek(0)
    start = stream.read(len(MAGIC) + 2)
    if not start.startswith(MAGIC) or len(start) < len(MAGIC) + 2:
        raise Unreadable("does not begin as an array file does")
    width = 2 if start[-2] == 1 else 4
    size = int.from_bytes(stream.read(width), "little")
    if size > _LONGEST:
        raise Unreadable("has a header that is too long for an array file")
    try:
        header = ast.literal_eval(stream.read(size).decode("latin-1").strip())
        described = header["descr"]
    except (ValueError, SyntaxError, TypeError, KeyError, MemoryError, RecursionError) as error:
        raise Unreadable("has a header that no array file has") from error
    if _has_objects(described):
        notes.found("holds an array of Python objects, a pickle, which can run any code when it is loaded")


def _has_objects(described: Any) -> bool:
    if isinstance(described, str):
        return described.lstrip("|<>=")[:1] == "O"
    if isinstance(described, (list, tuple)):  # fields: (name, type, shape); or a type and its shape
        return any(
            _has_objects(each[1] if len(each) > 1 else each) for each in described if isinstance(each, tuple)
        ) or (isinstance(described, tuple) and bool(described) and _has_objects(described[0]))
    raise Unreadable("has a type that no array file has")
