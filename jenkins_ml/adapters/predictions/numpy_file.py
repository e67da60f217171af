""".npy and .npz files, a block of rows at a time; nothing in them is ever unpickled."""

from __future__ import annotations

import contextlib
import errno
import math
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from jenkins_ml.adapters.files import translate, translated
from jenkins_ml.adapters.predictions.columns import Field, Layout
from jenkins_ml.adapters.predictions.ids import Ids, Texts, offsets_of
from jenkins_ml.adapters.predictions.numpy_arrays import (
    Place,
    Reader,
    Stored,
    columns_reader,
    field_of,
    read_header,
    rows_reader,
)
from jenkins_ml.adapters.predictions.rows import Rows
from jenkins_ml.adapters.predictions.values import as_ids, as_number_feature, as_numbers, side_by_side
from jenkins_ml.core.arrays import Array
from jenkins_ml.core.evaluation.block import Coded, Feature
from jenkins_ml.errors import JenkinsMLError, UsageError

_ALIASES = {"labels": "label", "predictions": "prediction"}
_SUFFIX = ".npy"
# RuntimeError: the archive is encrypted. NotImplementedError: compressed in a way that zipfile does not know.
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError, NotImplementedError, SyntaxError)


class NumpySource:
    """A .npy or .npz file of predictions.

    Args:
        path: the file.
        archive: whether it is a .npz file.
        scratch: a folder for what has to be unpacked before it can be read in blocks.

    Raises:
        UsageError: the file is damaged.
    """

    form = "NumPy"

    def __init__(self, path: Path, *, archive: bool, scratch: Path) -> None:
        self.path = path
        self._archive = archive
        self._scratch = scratch
        with self._reading():
            self._places = list(self._find())
        self.fields = tuple(field_of(name, place) for name, place in self._places)
        lengths = [
            place.shape[0] for name, place in self._places if name in ("prediction", "prediction_0") and place.shape
        ]
        self.rows: int | None = lengths[0] if lengths else None

    def read(self, layout: Layout, rows: int) -> Generator[Rows, None, None]:
        """See Source."""
        places = {name: place for name, place in self._places if name in {field.name for field in layout.fields}}
        for name, place in places.items():
            self._check(name, place)
        arrays = {place.array.member: place.array for place in places.values()}
        with self._reading(), contextlib.ExitStack() as stack:
            readers = {member: self._reader(array, stack) for member, array in arrays.items()}
            for start in range(0, self.rows or 0, rows):
                count = min(rows, (self.rows or 0) - start)
                pieces = {member: reader(start, count) for member, reader in readers.items()}
                columns = {
                    name: _flat(
                        pieces[place.array.member] if place.field is None else pieces[place.array.member][place.field]
                    )
                    for name, place in places.items()
                }
                yield self._rows(layout, columns, count)

    def _rows(self, layout: Layout, columns: Mapping[str, Array], count: int) -> Rows:
        def numbers(fields: tuple[Field, ...]) -> Array:
            return side_by_side([as_numbers(columns[field.name]) for field in fields], count)

        return Rows(
            ids=None if layout.id is None else _ids(columns[layout.id.name]),
            labels=numbers(layout.labels) if layout.labels else None,
            predictions=numbers(layout.predictions),
            weights=None if layout.weight is None else numbers((layout.weight,)),
            features={field.name: self._feature(field, columns[field.name]) for field in layout.features},
        )

    def _feature(self, field: Field, column: Array) -> Feature:
        if field.kind == "boolean":
            return Coded(column.view(np.int8), ("false", "true"))
        if field.kind in ("text", "moment"):
            values, codes = np.unique(column, return_inverse=True)
            if field.kind == "moment":
                # NaT comes last, once.
                count = len(values) - int(np.isnat(values).sum())
                values, codes = np.datetime_as_string(values[:count]), np.where(codes < count, codes, -1)
            return Coded(codes.astype(np.int32), tuple(_decoded(values)))
        return as_number_feature(self.path, field.name, column, None)

    def _find(self) -> Iterator[tuple[str, Place]]:
        """The columns of the file, by name."""
        if not self._archive:
            with self.path.open("rb") as file:
                stored = read_header(file, None, self.path.stat().st_size)
            if stored.dtype.names is None:
                yield "prediction", Place(stored)
            else:
                yield from ((name, Place(stored, name)) for name in stored.dtype.names)
            return
        with zipfile.ZipFile(self.path) as archive:
            for info in archive.infolist():
                if info.filename.endswith(_SUFFIX):
                    with archive.open(info) as member:
                        stored = read_header(member, info.filename, info.file_size)
                    name = info.filename.removesuffix(_SUFFIX)
                    yield _ALIASES.get(name, name), Place(stored)

    def _check(self, name: str, place: Place) -> None:
        stored = place.array
        if place.shape[0] != self.rows:
            message = f"{self.path}: `{name}` has {place.shape[0]} rows, and there are {self.rows} predictions"
            raise UsageError(message, "write arrays of one length")
        expected = stored.header + math.prod(stored.shape) * stored.dtype.itemsize
        if stored.bytes != expected:
            message = f"{self.path}: `{name}` has {stored.bytes} bytes, and its header announces {expected}"
            raise UsageError(message, "write the file again")

    def _reader(self, stored: Stored, stack: contextlib.ExitStack) -> Reader:
        """A reader of an array, from its start on."""
        file: IO[bytes]
        if stored.member is None:
            file = stack.enter_context(self.path.open("rb"))
        else:
            file = stack.enter_context(stack.enter_context(zipfile.ZipFile(self.path)).open(stored.member))
        if stored.columns_first and len(stored.shape) > 1:
            return columns_reader(self._seekable(file, stack), stored)
        return rows_reader(file, stored)

    def _seekable(self, file: IO[bytes], stack: contextlib.ExitStack) -> IO[bytes]:
        """The file itself, or a copy of what is packed: its columns are read from as many places at once."""
        if not self._archive:
            return file
        with translated("unpacking predictions"):
            self._scratch.mkdir(parents=True, exist_ok=True)
            # Without a name, so that it is gone with us.
            copy = stack.enter_context(tempfile.TemporaryFile(dir=self._scratch))  # noqa: SIM115
            shutil.copyfileobj(file, copy, 2**20)
            copy.flush()
        return copy

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except JenkinsMLError:
            raise
        except _DAMAGED as error:
            reason = str(error).rstrip(".") or type(error).__name__
            raise UsageError(
                f"{self.path}: cannot be read as NumPy's format: {reason}", "write the file again"
            ) from error
        except OSError as error:
            if error.errno == errno.EINVAL:
                # A damaged directory of a .zip file leads to places in front of it.
                raise UsageError(f"{self.path}: cannot be read as NumPy's format", "write the file again") from error
            raise translate(f"reading {self.path}", error) from error


def _flat(column: Array) -> Array:
    """One value a row as shape (n,); contiguous, also if it comes out of records."""
    return np.ascontiguousarray(column.reshape(len(column)) if column.size == len(column) else column)


def _ids(column: Array) -> Ids:
    if column.dtype.kind in "iu":
        return as_ids(column)
    encoded: Array = np.char.encode(column, "utf-8") if column.dtype.kind == "U" else column
    lengths = np.char.str_len(encoded)
    table = encoded.view(np.uint8).reshape(len(encoded), encoded.dtype.itemsize)
    inside: NDArray[np.bool_] = np.arange(encoded.dtype.itemsize) < lengths[:, None]
    return Texts(offsets_of(lengths), table[inside])


def _decoded(values: Array) -> list[str]:
    if values.dtype.kind == "S":
        return [value.decode("utf-8", "backslashreplace") for value in values.tolist()]
    return [str(value) for value in values.tolist()]
