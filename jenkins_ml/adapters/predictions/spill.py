"""Records outside memory, brought back by their keys: each part of the keys' range at once, in whatever order they came.

A key's first ten bits say which of 1,024 parts it belongs to. Records are kept until there are enough, ordered by part and
written; of each such run the place of each part is known, so that a part is read back with one read a run. As keys are
spread evenly (see ids.keys), all parts have about as many records.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from jenkins_ml.adapters.files import translated
from jenkins_ml.core.arrays import Array
from jenkins_ml.errors import Unavailable

PARTS = 2**10
_SHIFT = np.uint64(64 - 10)
_RUN_ROWS = 2**19
_RUN_BYTES = 2**24
_DOING = "sorting predictions by id"


class Spill:
    """Records of one file, on disk as soon as there are many.

    Args:
        dtype: of a record; its field `key` is a uint64.
        scratch: the folder for what does not fit; its file has no name, so that it is gone with this process.
        expected: how many records will come, None where that is not known.

    Raises:
        Unavailable: the folder has no room for as many.
    """

    def __init__(self, dtype: np.dtype[Any], scratch: Path, expected: int | None) -> None:
        self._run: Array = np.empty(min(_RUN_ROWS, max(1, _RUN_BYTES // dtype.itemsize)), dtype=dtype)
        self._filled = 0
        self._scratch = scratch
        self._expected = expected
        self._file: IO[bytes] | None = None
        self._starts: list[
            NDArray[np.int64]
        ] = []  # of each run: where each part begins, in records from the file's start
        self._written = 0

    def add(self, records: Array) -> None:
        """Add records, in any order."""
        start = 0
        while start < len(records):
            count = min(len(records) - start, len(self._run) - self._filled)
            self._run[self._filled : self._filled + count] = records[start : start + count]
            self._filled += count
            start += count
            if self._filled == len(self._run):
                self._write()

    def end(self) -> NDArray[np.int64]:
        """No more records come.

        Returns:
            Shape (PARTS,): how many there are in each part.
        """
        if self._file is None:
            self._order()
        elif self._filled:
            self._write()
        if self._file is not None:
            self._run = self._run[:0]
            with translated(_DOING):
                self._file.flush()
        counts: NDArray[np.int64] = np.sum([np.diff(starts) for starts in self._starts], axis=0)
        return counts

    def read(self, first: int, last: int, runs: int | None = None) -> Array:
        """The records of the parts `first` to `last` - 1, run after run; only of the first `runs` runs if that is given."""
        if self._file is None:
            return self._run[self._starts[0][first] : self._starts[0][last]]
        size = self._run.dtype.itemsize
        all_starts = self._starts[:runs]
        found = np.empty(sum(int(starts[last] - starts[first]) for starts in all_starts), dtype=self._run.dtype)
        target, place = found.view(np.uint8).data, 0
        with translated(_DOING):
            for starts in all_starts:
                count = int(starts[last] - starts[first]) * size
                read = os.preadv(self._file.fileno(), [target[place : place + count]], int(starts[first]) * size)
                if read != count:
                    raise OSError(f"{count} bytes were written and {read} come back")
                place += count
        return found

    def __enter__(self) -> Spill:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def _order(self) -> None:
        run = self._run[: self._filled]
        part = (run["key"] >> _SHIFT).astype(np.uint16)
        self._run[: self._filled] = run.take(np.argsort(part, kind="stable"))
        starts = np.zeros(PARTS + 1, dtype=np.int64)
        np.cumsum(np.bincount(part, minlength=PARTS), out=starts[1:])
        self._starts.append(starts + self._written)

    def _write(self) -> None:
        if self._file is None:
            self._file = self._open()
        self._order()
        with translated(_DOING):
            self._file.write(self._run[: self._filled].view(np.uint8).data)
        self._written += self._filled
        self._filled = 0

    def _open(self) -> IO[bytes]:
        with translated(_DOING):
            self._scratch.mkdir(parents=True, exist_ok=True)
            free = shutil.disk_usage(self._scratch).free
            needed = (self._expected or 0) * self._run.dtype.itemsize
            if needed > free:
                raise Unavailable(
                    f"{_DOING}: {needed / 1e6:,.0f} MB are needed in {self._scratch}, and {free / 1e6:,.0f} MB are free",
                    "free some space, or write both files in the same order of ids: nothing needs sorting then",
                )
            return tempfile.TemporaryFile(dir=self._scratch)


def groups(counts: NDArray[np.int64], most: int) -> Iterator[tuple[int, int]]:
    """Neighbouring parts that are read together: as many as have at most `most` records, at least one.

    Args:
        counts: shape (PARTS,): records in each part.
        most: the limit.
    """
    first = 0
    total = 0
    for part, count in enumerate(counts.tolist()):
        if part > first and total + count > most:
            yield first, part
            first, total = part, 0
        total += count
    yield first, len(counts)
