"""An .npz file whose arrays grow row by row, in memory for one piece: pieces go to files first, then into the archive."""

from __future__ import annotations

import shutil
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from jenkins_ml.errors import StageFailed

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass
class _Column:
    path: Path
    pieces: list[tuple[np.dtype[Any], int]] = field(default_factory=list)  # type and number of rows
    inner: tuple[int, ...] | None = None  # the shape of a row


class ArraySpool:
    """Columns that grow; `write` makes the file.

    Args:
        folder: where the pieces lie until then; it has to exist.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._columns: dict[str, _Column] = {}

    def append(self, name: str, values: Array) -> None:
        """Add rows to a column; its type is the one that all pieces fit, so text may get longer.

        Raises:
            StageFailed: rows of another shape than before.
        """
        values = np.ascontiguousarray(values.astype(str) if values.dtype.hasobject else values)
        column = self._columns.setdefault(name, _Column(self._folder / f"{len(self._columns)}.column"))
        if column.inner not in (None, values.shape[1:]):
            raise StageFailed(
                f"{name} has rows of shape {values.shape[1:]} after rows of shape {column.inner}",
                "the model must answer every example alike",
            )
        column.inner = values.shape[1:]
        column.pieces.append((values.dtype, len(values)))
        with column.path.open("ab") as file:
            file.write(values.tobytes())

    def write(self, path: Path, more: dict[str, Array]) -> None:
        """Write the columns, and `more` arrays, to a new .npz file; removes the pieces."""
        with zipfile.ZipFile(path, "x", zipfile.ZIP_STORED, allowZip64=True) as archive:
            for name, column in self._columns.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    _copy(column, member)
                column.path.unlink()
            for name, values in more.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, np.asarray(values), allow_pickle=False)


def _copy(column: _Column, member: Any) -> None:
    dtype = np.result_type(*{kind for kind, _ in column.pieces})
    rows, inner = sum(count for _, count in column.pieces), column.inner or ()
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": (rows, *inner)}
    np.lib.format.write_array_header_2_0(member, header)
    with column.path.open("rb") as file:
        if all(kind == dtype for kind, _ in column.pieces):
            shutil.copyfileobj(file, member, 1 << 20)
            return
        width = int(np.prod(inner, dtype=np.int64))
        for kind, count in column.pieces:
            values = np.frombuffer(file.read(count * width * kind.itemsize), kind)
            member.write(values.astype(dtype).tobytes())
