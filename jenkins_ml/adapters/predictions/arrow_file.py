"""Arrow IPC files (also Feather, version 2) and streams, a block of rows at a time."""

from __future__ import annotations

import mmap
import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

from jenkins_ml.adapters.predictions.arrow_columns import Converter, fields_of
from jenkins_ml.adapters.predictions.arrow_errors import reading, require_arrow
from jenkins_ml.adapters.predictions.columns import Layout
from jenkins_ml.adapters.predictions.rows import Rows

_FORGET_EVERY = 2**20  # rows
_STREAM_END = b"\xff\xff\xff\xff\0\0\0\0"


class ArrowSource:
    """An Arrow IPC file or stream of predictions.

    Args:
        path: the file.
        stream: whether it is a stream, which has no table of contents.

    Raises:
        UsageError: pyarrow is not installed, or the file is damaged.
    """

    form = "Arrow"

    def __init__(self, path: Path, *, stream: bool) -> None:
        require_arrow(path)
        self.path = path
        self._stream = stream
        self.rows: int | None = None
        with reading(path, self.form):
            if stream:
                self._refuse_cut_stream()
            self.fields = fields_of(self._reader(self._mapped()).schema)

    def read(self, layout: Layout, rows: int) -> Generator[Rows, None, None]:
        """See Source."""
        converter = Converter(self.path, layout)
        names = [field.name for field in layout.fields]
        done = 0
        with reading(self.path, self.form):
            mapped = self._mapped()
            for batch in self._batches(self._reader(mapped)):
                batch = batch.select(names)
                batch.validate(full=True)
                for start in range(0, batch.num_rows, rows):
                    piece = batch.slice(start, rows)
                    yield converter.rows(piece, done)
                    done += piece.num_rows
                    if done % _FORGET_EVERY < rows:
                        # The bytes stay in the page cache, and are no longer counted as ours.
                        mapped.madvise(mmap.MADV_DONTNEED)

    def _refuse_cut_stream(self) -> None:
        """Refuse a stream that ends between two batches: without the mark of its end nothing says that some are missing."""
        with self.path.open("rb") as file:
            file.seek(-min(len(_STREAM_END), file.seek(0, os.SEEK_END)), os.SEEK_END)
            if file.read() != _STREAM_END:
                raise ValueError("the stream ends without the mark of its end")

    def _mapped(self) -> mmap.mmap:
        """The file in the address space: batches as large as their writer made them are never in memory as a whole.

        It goes with the last array that looks into it.
        """
        with self.path.open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def _reader(self, mapped: mmap.mmap) -> Any:
        import pyarrow as pa

        buffer = pa.py_buffer(mapped)
        options = pa.ipc.IpcReadOptions(use_threads=False)
        return (
            pa.ipc.open_stream(buffer, options=options) if self._stream else pa.ipc.open_file(buffer, options=options)
        )

    def _batches(self, reader: Any) -> Iterator[Any]:
        if self._stream:
            yield from reader
        else:
            for number in range(reader.num_record_batches):
                yield reader.get_batch(number)
