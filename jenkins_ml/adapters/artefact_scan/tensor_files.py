"""safetensors: a header in JSON, then numbers. Format: https://github.com/huggingface/safetensors#format."""

from __future__ import annotations

import json
from typing import IO, Final

from jenkins_ml.adapters.artefact_scan.findings import Unreadable

_LONGEST: Final = 100_000_000  # bytes of a header, the format's own limit
_READ: Final = 32 * 2**20  # bytes of a header that we read
_BAD: Final = "is not what a safetensors file looks like"


def check(stream: IO[bytes], size: int) -> None:
    """Make sure that a file is what its name says; then it cannot hold code.

    Args:
        stream: its bytes; read from the start.
        size: their number.

    Raises:
        Unreadable: it is damaged, or not one.
    """
    stream.seek(0)
    length = int.from_bytes(stream.read(8), "little")
    if size < 8 or length > min(_LONGEST, size - 8):
        raise Unreadable(_BAD)
    if length > _READ:
        raise Unreadable(f"has a header of {length:,} bytes, more than is read")
    try:
        header = json.loads(stream.read(length))
    except (ValueError, RecursionError) as error:
        raise Unreadable(_BAD) from error
    if not isinstance(header, dict):
        raise Unreadable(_BAD)
    for name, tensor in header.items():
        if name != "__metadata__" and (
            not isinstance(tensor, dict) or not {"dtype", "shape", "data_offsets"} <= tensor.keys()
        ):
            raise Unreadable(_BAD)
