"""One array as NumPy's .npy format stores it: what its header declares, and its rows a block at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, Any, TypeAlias

import numpy as np
from numpy.lib import format as npy

from jenkins_ml.adapters.predictions.columns import Field, Kind
from jenkins_ml.core.arrays import Array

Reader: TypeAlias = Callable[[int, int], Array]
"""Reads rows: the first one, and how many; from the first row of the array on, without a gap."""

_KINDS: Mapping[str, Kind] = {
    "i": "integer",
    "u": "integer",
    "f": "number",
    "b": "boolean",
    "U": "text",
    "S": "text",
    "M": "moment",
}


@dataclass(frozen=True)
class Stored:
    """An array as its header declares it.

    Args:
        member: its name in the .npz file; None for a .npy file.
        dtype: of one element.
        shape: of the array.
        columns_first: whether it is stored column after column (Fortran's order).
        header: bytes in front of its elements.
        bytes: bytes of header and elements together, as the file has them.
    """

    member: str | None
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    columns_first: bool
    header: int
    bytes: int


@dataclass(frozen=True)
class Place:
    """Where a column is: an array, or one field of an array of records."""

    array: Stored
    field: str | None = None

    @property
    def element(self) -> np.dtype[Any]:
        """The type of one row's value, or values."""
        return self.array.dtype if self.field is None else self.array.dtype[self.field]

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows, and values in each where it has several."""
        return self.array.shape if self.field is None else self.array.shape + self.element.shape


def read_header(file: IO[bytes], member: str | None, size: int) -> Stored:
    """What the header at the start of a file says.

    Args:
        file: the file, at its start.
        member: its name in the .npz file; None for a .npy file.
        size: bytes of the whole file.

    Raises:
        ValueError: it is no header, or one of a version that NumPy writes for names of fields beyond Latin-1.
    """
    version = npy.read_magic(file)
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"version {version[0]}.{version[1]} of the format of {member or 'the array'}")
    shape, columns_first, dtype = readers[version](file)
    return Stored(member, dtype, shape, columns_first, file.tell(), size)


def field_of(name: str, place: Place) -> Field:
    """The column that an array, or a field of one, is."""
    element = place.element.base
    shape = place.shape
    width = math.prod(shape[1:])
    if len(shape) not in (1, 2) or width == 0:
        return Field(name, "other", f"an array of shape {shape}")
    kind = _KINDS.get(element.kind, "other")
    if element.kind == "f" and element.itemsize > 8:
        kind = "other"
    type_ = "an array of Python objects, which is never unpickled" if element.hasobject else str(element)
    return Field(name, kind, type_, width)


def rows_reader(file: IO[bytes], stored: Stored) -> Reader:
    """A reader of an array that is stored row after row, or that has one dimension.

    Args:
        file: the file, at its start.
        stored: what its header says.
    """
    file.read(stored.header)
    width = stored.shape[1:]

    def read(_: int, count: int) -> Array:
        return _native(_exactly(file, stored.dtype, count * math.prod(width)).reshape(count, *width))

    return read


def columns_reader(file: IO[bytes], stored: Stored) -> Reader:
    """A reader of an array of two dimensions that is stored column after column, in a file that can be read anywhere."""
    total, width = stored.shape

    def read(start: int, count: int) -> Array:
        block = np.empty((count, width), dtype=stored.dtype)
        for column in range(width):
            file.seek(stored.header + (column * total + start) * stored.dtype.itemsize)
            block[:, column] = _exactly(file, stored.dtype, count)
        return _native(block)

    return read


def _exactly(file: IO[bytes], dtype: np.dtype[Any], count: int) -> Array:
    data = file.read(count * dtype.itemsize)
    if len(data) != count * dtype.itemsize:
        raise EOFError("it ends in the middle of an array")
    return np.frombuffer(data, dtype=dtype, count=count)


def _native(array: Array) -> Array:
    """The array in this machine's order of bytes."""
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))
